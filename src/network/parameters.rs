//! A network's parameters as a table: name to values.

use std::collections::BTreeMap;

use burn::{
    module::ParamId,
    tensor::{Tensor, TensorData},
};

use super::Values;
pub use crate::arch::Role;
use crate::weights::{Array, Weights};

/// A parameter's values, flat and row-major, with their shape.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// E.g. `[16, 3, 3, 3]`.
    pub shape: Vec<usize>,
    /// `[product of shape]`, without gradients.
    pub values: Tensor<1>,
    /// Where burn keeps its gradient.
    pub id: ParamId,
}

/// All parameters of a network, running statistics included, by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// The same numbers, off the device.
pub fn to_weights(parameters: &Parameters) -> Weights {
    let array = |p: &Parameter| Array { shape: p.shape.clone(), data: to_vec(p.values.clone()) };
    parameters.iter().map(|(name, parameter)| (name.clone(), array(parameter))).collect()
}

/// The same numbers, on a device.
pub fn from_weights(weights: &Weights, device: &burn::tensor::Device) -> Parameters {
    let parameter = |array: &Array| {
        let data = TensorData::new(array.data.clone(), [array.data.len()]);
        Parameter { shape: array.shape.clone(), values: Tensor::from_data(data, device), id: ParamId::new() }
    };
    weights.iter().map(|(name, array)| (name.clone(), parameter(array))).collect()
}

/// The same numbers as a network takes them.
pub fn values(parameters: &Parameters) -> Values {
    parameters.iter().map(|(name, parameter)| (name.clone(), parameter.values.clone())).collect()
}

/// A tensor's numbers, row-major.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}
