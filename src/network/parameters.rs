//! A network's parameters as a table: name to values.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param, ParamId},
    tensor::{Tensor, TensorData},
};

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

/// The parameters of `module`, without gradients.
pub fn parameters(module: &impl Module) -> Parameters {
    let mut visitor = Collect { path: Path::default(), found: Parameters::new() };
    module.visit(&mut visitor);
    visitor.found
}

/// The dotted name of the parameter that a visitor or mapper stands at: variants of enums have no
/// part in it, as in the reference.
#[derive(Debug, Default)]
pub(crate) struct Path(Vec<Option<String>>);

impl Path {
    /// Goes into `name`.
    pub fn enter(&mut self, name: &str, container: &str) {
        self.0.push((!container.starts_with("Enum:")).then(|| name.to_owned()));
    }

    /// Goes back.
    pub fn exit(&mut self) {
        self.0.pop();
    }

    /// The name, e.g. `model.0.conv.weight`.
    pub fn name(&self) -> String {
        self.0.iter().flatten().cloned().collect::<Vec<_>>().join(".")
    }
}

struct Collect {
    path: Path,
    found: Parameters,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = if tensor.device().is_autodiff() { tensor.inner() } else { tensor };
        let count = shape.iter().product::<usize>();
        self.found
            .insert(self.path.name(), Parameter { shape, values: values.reshape([count]), id: param.id });
    }
}

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

/// A tensor's numbers, row-major.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}
