//! What turns gradients into new parameters, one rule an optimizer (section 6.3).

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::zoo::{Parameter, Parameters, Role};

/// Gradients by the name of their parameter, flat.
pub type Gradients = BTreeMap<String, Tensor<1>>;

/// How gradients become new parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// AdamW with a rate that fits the number of classes; `lr0` and `warmup_bias_lr` are chosen for you.
    #[default]
    Auto,
    /// Stochastic gradient descent with Nesterov momentum and L2 decay.
    Sgd,
    /// Adam with decoupled weight decay.
    #[serde(rename = "adamw")]
    AdamW,
}

/// What an optimizer step needs to know besides gradients.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Learning rate of weights and norms.
    pub rate: f64,
    /// Learning rate of biases.
    pub bias_rate: f64,
    /// Momentum, for optimizers that have one.
    pub momentum: f64,
}

/// An optimizer and what it remembers of each parameter.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    weight_decay: f64,
    steps: u64,
    memory: BTreeMap<String, Vec<Tensor<1>>>,
}

/// The rule by which one parameter moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// `buf ← μ·buf + g`, step along `g + μ·buf`; decay is added to the gradient.
    Sgd,
    /// Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    AdamW {
        /// Decay of the first moment; the second's is 0.999.
        beta1: f64,
    },
}

const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

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

    /// The same optimizer where it was after `steps` steps.
    #[must_use]
    pub fn resumed(self, steps: u64, memory: BTreeMap<String, Vec<Tensor<1>>>) -> Self {
        Self { steps, memory, ..self }
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
        let rate = if role == Role::Bias { rates.bias_rate } else { rates.rate };
        let decay = if role == Role::Weight { self.weight_decay } else { 0.0 };
        let memory = self.memory.remove(name);
        let values = parameter.values.clone();
        let (values, memory) = match self.rule {
            Rule::Sgd => sgd(values, gradient, memory, rate, rates.momentum, decay),
            Rule::AdamW { beta1 } => adam_w(values, gradient, memory, [rate, beta1, decay], self.steps),
        };
        parameter.values = values;
        self.memory.insert(name.to_owned(), memory);
    }
}

fn sgd(
    values: Tensor<1>,
    gradient: Tensor<1>,
    memory: Option<Vec<Tensor<1>>>,
    rate: f64,
    momentum: f64,
    decay: f64,
) -> (Tensor<1>, Vec<Tensor<1>>) {
    let gradient = if decay == 0.0 { gradient } else { gradient + values.clone().mul_scalar(decay) };
    let buffer = match memory.and_then(|memory| memory.into_iter().next()) {
        Some(buffer) => buffer.mul_scalar(momentum) + gradient.clone(),
        None => gradient.clone(),
    };
    let direction = gradient + buffer.clone().mul_scalar(momentum);
    (values - direction.mul_scalar(rate), vec![buffer])
}

fn adam_w(
    values: Tensor<1>,
    gradient: Tensor<1>,
    memory: Option<Vec<Tensor<1>>>,
    [rate, beta1, decay]: [f64; 3],
    step: u64,
) -> (Tensor<1>, Vec<Tensor<1>>) {
    let mut memory = memory.into_iter().flatten();
    let first = follow(memory.next(), gradient.clone(), beta1);
    let second = follow(memory.next(), gradient.clone() * gradient, BETA2);
    let bias = |beta: f64| 1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX));
    let scale = second.clone().sqrt().div_scalar(bias(BETA2).sqrt()).add_scalar(EPSILON);
    let values = values.mul_scalar(1.0 - rate * decay);
    let values = values - (first.clone() / scale).mul_scalar(rate / bias(beta1));
    (values, vec![first, second])
}

/// An exponential mean that starts at 0.
fn follow(old: Option<Tensor<1>>, new: Tensor<1>, beta: f64) -> Tensor<1> {
    let new = new.mul_scalar(1.0 - beta);
    match old {
        Some(old) => old.mul_scalar(beta) + new,
        None => new,
    }
}

/// Scales gradients so that their joint L2 norm is at most `limit`, as PyTorch's `clip_grad_norm_`.
pub fn clip_norm(gradients: &mut Gradients, limit: f64) {
    let squares = gradients.values().map(|gradient| (gradient.clone() * gradient.clone()).sum());
    let Some(total) = squares.reduce(|sum, square| sum + square) else { return };
    // Stays on the device: no read-back inside the step.
    let factor = total.sqrt().add_scalar(1e-6).recip().mul_scalar(limit).clamp_max(1.0);
    for gradient in gradients.values_mut() {
        *gradient = gradient.clone() * factor.clone();
    }
}
