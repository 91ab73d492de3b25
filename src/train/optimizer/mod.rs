//! What turns gradients into new parameters, one rule an optimizer (section 6.3).

mod adam;
mod adamax;
mod clip;
mod musgd;
mod nadam;
mod radam;
mod rmsprop;
mod sgd;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::clip::clip_norm;
use crate::network::{Parameter, Parameters, Role};

/// Gradients by the name of their parameter, flat.
pub type Gradients = BTreeMap<String, Tensor<1>>;

/// What an optimizer remembers of a parameter: tensors as long as it, none before the first step.
type Memory = Vec<Tensor<1>>;

/// How gradients become new parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// MuSGD at a rate of 0.01 for more than 10,000 steps of `nominal_batch` images, else AdamW at a
    /// rate that fits the number of classes; `lr0`, `momentum` and `warmup_bias_lr` are chosen for you.
    #[default]
    Auto,
    /// Stochastic gradient descent with Nesterov momentum and L2 decay.
    Sgd,
    /// SGD after a step of Muon: the momentum of every matrix and convolution made orthogonal.
    MuSgd,
    /// Adam with L2 decay.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// Adam with the largest gradient so far in place of the second moment.
    Adamax,
    /// Adam with Nesterov momentum.
    NAdam,
    /// Adam that waits with adapting until the second moment can be trusted.
    RAdam,
    /// The gradient divided by a running mean of its size, then momentum.
    RmsProp,
}

/// What an optimizer step needs to know besides gradients.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Learning rate of weights and norms.
    pub rate: f64,
    /// Learning rate of biases.
    pub bias_rate: f64,
    /// Momentum, for optimizers that have one to warm up: SGD, MuSGD, RMSprop.
    pub momentum: f64,
}

/// The rule by which one parameter moves. Those of Adam's family have a `beta1`, the decay of the first
/// moment, which does not warm up; the second moment's is 0.999.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// See [`OptimizerKind::Sgd`].
    Sgd,
    /// See [`OptimizerKind::MuSgd`].
    MuSgd,
    /// See [`OptimizerKind::Adam`].
    Adam { beta1: f64 },
    /// See [`OptimizerKind::AdamW`].
    AdamW { beta1: f64 },
    /// See [`OptimizerKind::Adamax`].
    Adamax { beta1: f64 },
    /// See [`OptimizerKind::NAdam`].
    NAdam { beta1: f64 },
    /// See [`OptimizerKind::RAdam`].
    RAdam { beta1: f64 },
    /// See [`OptimizerKind::RmsProp`].
    RmsProp,
}

/// An optimizer and what it remembers of each parameter.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    weight_decay: f64,
    steps: u64,
    memory: BTreeMap<String, Memory>,
}

/// One parameter before its step, flat, and all that the step depends on.
struct Turn<'a> {
    values: Tensor<1>,
    gradient: Tensor<1>,
    memory: Memory,
    /// Of the parameter, e.g. `[16, 3, 3, 3]`.
    shape: &'a [usize],
    rate: f64,
    momentum: f64,
    decay: f64,
    /// From 1.
    step: u64,
}

/// The parameter after its step, and what is remembered of it.
struct Moved {
    values: Tensor<1>,
    memory: Memory,
}

const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Rule {
    fn step(self, turn: Turn<'_>) -> Moved {
        match self {
            Self::Sgd => sgd::step(turn),
            Self::MuSgd => musgd::step(turn),
            Self::Adam { beta1 } => adam::step(turn.decayed(), beta1),
            Self::AdamW { beta1 } => adam::step(turn.shrunk(), beta1),
            Self::Adamax { beta1 } => adamax::step(turn.decayed(), beta1),
            Self::NAdam { beta1 } => nadam::step(turn.decayed(), beta1),
            Self::RAdam { beta1 } => radam::step(turn.decayed(), beta1),
            Self::RmsProp => rmsprop::step(turn.decayed()),
        }
    }
}

impl Optimizer {
    /// An optimizer that has not stepped yet; `weight_decay` is for [`Role::Weight`] alone.
    pub fn new(rule: Rule, weight_decay: f64) -> Self {
        Self { rule, weight_decay, steps: 0, memory: BTreeMap::new() }
    }

    /// How often it stepped.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What it remembers: some tensors per parameter.
    pub fn memory(&self) -> &BTreeMap<String, Vec<Tensor<1>>> {
        &self.memory
    }

    /// Goes back, or on, to where it was after `steps` steps.
    pub fn resume(&mut self, steps: u64, memory: BTreeMap<String, Vec<Tensor<1>>>) {
        (self.steps, self.memory) = (steps, memory);
    }

    /// Moves every parameter that has a gradient.
    pub fn step(&mut self, parameters: &mut Parameters, gradients: Gradients, rates: Rates) {
        self.steps += 1;
        for (name, gradient) in gradients {
            let Some(parameter) = parameters.get_mut(&name) else { continue };
            self.step_one(&name, parameter, gradient, rates);
        }
    }

    fn step_one(&mut self, name: &str, parameter: &mut Parameter, gradient: Tensor<1>, rates: Rates) {
        let role = Role::of(name, parameter.shape.len());
        let Moved { values, memory } = self.rule.step(Turn {
            values: parameter.values.clone(),
            gradient,
            memory: self.memory.remove(name).unwrap_or_default(),
            shape: &parameter.shape,
            rate: if role == Role::Bias { rates.bias_rate } else { rates.rate },
            momentum: rates.momentum,
            decay: if role == Role::Weight { self.weight_decay } else { 0.0 },
            step: self.steps,
        });
        parameter.values = values;
        self.memory.insert(name.to_owned(), memory);
    }
}

impl Turn<'_> {
    /// L2 decay: the parameter, scaled, is added to the gradient.
    fn decayed(mut self) -> Self {
        if self.decay != 0.0 {
            self.gradient = self.gradient + self.values.clone().mul_scalar(self.decay);
        }
        self
    }

    /// Decoupled decay: the parameter shrinks by itself.
    fn shrunk(mut self) -> Self {
        if self.decay != 0.0 {
            self.values = self.values.mul_scalar(1.0 - self.rate * self.decay);
        }
        self
    }
}

/// An exponential mean that starts at 0.
fn follow(old: Option<Tensor<1>>, new: Tensor<1>, beta: f64) -> Tensor<1> {
    let new = new.mul_scalar(1.0 - beta);
    match old {
        Some(old) => old.mul_scalar(beta) + new,
        None => new,
    }
}

/// `old · factor + new`, where there is something old.
fn accumulate(old: Option<Tensor<1>>, new: Tensor<1>, factor: f64) -> Tensor<1> {
    match old {
        Some(old) => old.mul_scalar(factor) + new,
        None => new,
    }
}

/// How much of a mean that started at 0 is real after `step` steps: `1 - beta^step`.
fn fill(beta: f64, step: u64) -> f64 {
    1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX))
}
