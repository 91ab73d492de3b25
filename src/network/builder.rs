//! Where a layer gets its parameters from: fresh random numbers, or values by name.

use std::collections::BTreeSet;

use burn::{
    module::{Param, ParamId, RunningState},
    tensor::{Device, Tensor, TensorData},
};

use super::Parameters;
use crate::{arch::Activation, random::Random};

/// Makes parameters for layers, each under its dotted name.
///
/// A fresh parameter's numbers depend on the seed and its name alone, so they are the same on every
/// backend, and in a network that differs elsewhere.
#[derive(Clone)]
pub struct Builder<'a> {
    name: String,
    values: Option<&'a Parameters>,
    /// `None` where the numbers don't matter.
    seed: Option<u64>,
    /// Names of parameters that are not learnt.
    frozen: Option<&'a BTreeSet<String>>,
    /// How convolutions are drawn, where not as usual.
    convolutions: Option<Fill>,
    activation: Activation,
    device: &'a Device,
}

/// How a fresh parameter is drawn.
#[derive(Debug, Clone, Copy)]
pub enum Fill {
    /// All the same number.
    Constant(f32),
    /// Uniform in ±bound.
    Uniform(f64),
    /// Normal around 0 with this deviation.
    Normal(f64),
}

impl<'a> Builder<'a> {
    /// Parameters drawn from `seed`.
    pub fn fresh(seed: u64, device: &'a Device) -> Self {
        Self {
            name: String::new(),
            values: None,
            seed: Some(seed),
            frozen: None,
            convolutions: None,
            activation: Activation::Silu,
            device,
        }
    }

    /// Parameters that are all zero: for who wants to know names and shapes only.
    pub fn blank(device: &'a Device) -> Self {
        Self {
            name: String::new(),
            values: None,
            seed: None,
            frozen: None,
            convolutions: None,
            activation: Activation::Silu,
            device,
        }
    }

    /// Parameters taken from `values` where name and shape agree, drawn from `seed` elsewhere.
    pub fn with_values(values: &'a Parameters, seed: u64, device: &'a Device) -> Self {
        Self {
            name: String::new(),
            values: Some(values),
            seed: Some(seed),
            frozen: None,
            convolutions: None,
            activation: Activation::Silu,
            device,
        }
    }

    /// The builder for the sub-module `name`.
    #[must_use]
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        let dot = if self.name.is_empty() { "" } else { "." };
        Self { name: format!("{}{dot}{name}", self.name), ..self.clone() }
    }

    /// The same, but the parameters called `names` are not learnt.
    #[must_use]
    pub fn frozen(self, names: &'a BTreeSet<String>) -> Self {
        Self { frozen: Some(names), ..self }
    }

    /// Whether the parameter `name` is not learnt.
    pub(super) fn is_frozen(&self, name: &str) -> bool {
        self.frozen.is_some_and(|names| names.contains(&self.at(name).name))
    }

    /// The same, whose convolutions are drawn so.
    #[must_use]
    pub(super) fn convolutions(&self, fill: Fill) -> Self {
        Self { convolutions: Some(fill), ..self.clone() }
    }

    /// The same for an architecture with this activation.
    #[must_use]
    pub(super) fn activated(&self, activation: Activation) -> Self {
        Self { activation, ..self.clone() }
    }

    /// The architecture's activation.
    pub(super) fn activation(&self) -> Activation {
        self.activation
    }

    /// How a convolution is drawn that is usually drawn so.
    pub(super) fn convolution(&self, usual: Fill) -> Fill {
        self.convolutions.unwrap_or(usual)
    }

    /// Whether there is a value for `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.is_some_and(|values| values.contains_key(&self.at(name).name))
    }

    /// A parameter that is learnt, unless it is frozen.
    pub(super) fn parameter<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        fill: Fill,
    ) -> Param<Tensor<D>> {
        let tensor = self.tensor(name, shape, fill);
        if self.is_frozen(name) {
            return Param::initialized(ParamId::new(), tensor);
        }
        Param::from_tensor(tensor)
    }

    /// A running statistic, which is not learnt.
    pub(super) fn statistic(&self, name: &str, length: usize, start: f32) -> RunningState<Tensor<1>> {
        RunningState::new(self.tensor(name, [length], Fill::Constant(start)))
    }

    fn tensor<const D: usize>(&self, name: &str, shape: [usize; D], fill: Fill) -> Tensor<D> {
        let name = self.at(name).name;
        let known = self.values.and_then(|values| values.get(&name)).filter(|known| known.shape == shape);
        match known {
            Some(known) => on(self.device, known.values.clone()).reshape(shape),
            None => Tensor::from_data(
                TensorData::new(draw(&name, self.seed, shape.iter().product(), fill), shape),
                self.device,
            ),
        }
    }
}

/// `tensor` as a constant on `device`, which may record gradients where the tensor's does not.
fn on(device: &Device, tensor: Tensor<1>) -> Tensor<1> {
    if device.is_autodiff() && !tensor.device().is_autodiff() {
        Tensor::from_inner(tensor)
    } else {
        tensor.to_device(device)
    }
}

fn draw(name: &str, seed: Option<u64>, count: usize, fill: Fill) -> Vec<f32> {
    match (fill, seed) {
        (Fill::Constant(value), _) => vec![value; count],
        (Fill::Uniform(_) | Fill::Normal(_), None) => vec![0.0; count],
        (Fill::Uniform(bound), Some(seed)) => {
            let mut random = Random::new(name, &[seed]);
            (0..count).map(|_| random.uniform(-bound, bound) as f32).collect()
        }
        (Fill::Normal(deviation), Some(seed)) => {
            let mut random = Random::new(name, &[seed]);
            (0..count).map(|_| (deviation * random.normal()) as f32).collect()
        }
    }
}
