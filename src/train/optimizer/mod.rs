//! What turns gradients into new parameters, one rule an optimizer (docs/reference.md, Optimizers).

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

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::clip::clip_norm;
use self::{adam::Adam, adamax::Adamax, nadam::NAdam, radam::RAdam, rmsprop::RmsProp, sgd::Sgd};
use crate::{
    arch::Role,
    network::{
        Parameters,
        layout::Layout,
        parameters::taken,
        pointwise::{self, Formula, Number},
    },
};

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
    /// Adam that starts to adapt only once the second moment can be trusted.
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

/// The rule by which parameters move. Those of Adam's family have a `beta1`, the decay of the first
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

/// An optimizer and what it remembers of the parameters.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    weight_decay: f64,
    steps: u64,
    /// Running means and the like, as long as what is learnt each; 0 before the first step. MuSGD has one more, for
    /// its matrices, as long as the weights.
    moments: Vec<Tensor<1>>,
}

/// What a step of the parameters of one role depends on.
#[derive(Debug, Clone, Copy)]
struct Step {
    rate: f64,
    momentum: f64,
    decay: f64,
    /// From 1.
    number: u64,
}

/// How parameters are pulled towards 0.
#[derive(Debug, Clone, Copy)]
enum Decay {
    /// L2: the parameter, times this, is added to the gradient.
    Coupled(f64),
    /// The parameter is multiplied by this.
    Decoupled(f64),
}

const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Optimizer {
    /// An optimizer that has not stepped yet; `weight_decay` is for [`Role::Weight`] alone.
    pub fn new(rule: Rule, weight_decay: f64) -> Self {
        Self { rule, weight_decay, steps: 0, moments: Vec::new() }
    }

    /// How often it stepped.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What it remembers: nothing before the first step.
    pub fn moments(&self) -> &[Tensor<1>] {
        &self.moments
    }

    /// Goes back, or on, to where it was after `steps` steps.
    pub fn resume(&mut self, steps: u64, moments: Vec<Tensor<1>>) {
        (self.steps, self.moments) = (steps, moments);
    }

    /// Moves all that is learnt; `gradient` is as long as that.
    pub fn step(&mut self, parameters: &mut Parameters, gradient: Tensor<1>, rates: Rates) {
        self.steps += 1;
        match self.rule {
            Rule::Sgd => self.apply(parameters, gradient, rates, Sgd::new),
            Rule::MuSgd => self.musgd(parameters, gradient, rates),
            Rule::Adam { beta1 } => self.apply(parameters, gradient, rates, |step| Adam::new(step, beta1)),
            Rule::AdamW { beta1 } => {
                self.apply(parameters, gradient, rates, |step| Adam::decoupled(step, beta1));
            }
            Rule::Adamax { beta1 } => {
                self.apply(parameters, gradient, rates, |step| Adamax::new(step, beta1));
            }
            Rule::NAdam { beta1 } => self.apply(parameters, gradient, rates, |step| NAdam::new(step, beta1)),
            Rule::RAdam { beta1 } => self.apply(parameters, gradient, rates, |step| RAdam::new(step, beta1)),
            Rule::RmsProp => self.apply(parameters, gradient, rates, RmsProp::new),
        }
    }

    /// Muon's moment stands last.
    fn musgd(&mut self, parameters: &mut Parameters, gradient: Tensor<1>, rates: Rates) {
        let weights = parameters.layout.of_role(Role::Weight).len();
        let muon = if self.moments.len() == 2 { self.moments.pop() } else { None };
        let muon = muon.unwrap_or_else(|| Tensor::zeros([weights], &gradient.device()));
        let muon = musgd::step(parameters, muon, &gradient, rates.rate, rates.momentum);
        self.apply(parameters, gradient, rates, Sgd::new);
        self.moments.push(muon);
    }

    /// A formula for the parameters of each role; it is about the values and the moments, given the gradient.
    fn apply<F: Formula<W, 1>, const W: usize>(
        &mut self,
        parameters: &mut Parameters,
        gradient: Tensor<1>,
        rates: Rates,
        formula: impl Fn(Step) -> F,
    ) {
        let formulas =
            self.steps_by_role(&parameters.layout, rates).map(|(range, step)| (range, formula(step)));
        let mut values = Some(taken(&mut parameters.values));
        let zeros = || Tensor::zeros(gradient.dims(), &gradient.device());
        let mut moments = std::mem::take(&mut self.moments).into_iter();
        let written = [(); W].map(|()| values.take().or_else(|| moments.next()).unwrap_or_else(zeros));
        let mut written = pointwise::apply(&formulas, written, [gradient.clone()]).into_iter();
        parameters.values = written.next().expect("a formula is about the values at least");
        self.moments = written.collect();
    }

    /// The range of each role, and how its parameters step.
    fn steps_by_role(&self, layout: &Layout, rates: Rates) -> [(std::ops::Range<usize>, Step); 3] {
        [Role::Weight, Role::Norm, Role::Bias].map(|role| {
            let step = Step {
                rate: if role == Role::Bias { rates.bias_rate } else { rates.rate },
                momentum: rates.momentum,
                decay: if role == Role::Weight { self.weight_decay } else { 0.0 },
                number: self.steps,
            };
            (layout.of_role(role), step)
        })
    }
}

impl Decay {
    /// Decoupled decay at the rate of the step.
    fn decoupled(step: Step) -> Self {
        Self::Decoupled(1.0 - step.rate * step.decay)
    }

    /// Parameters and gradient after it.
    #[inline(always)]
    fn of<N: Number>(self, values: N, gradient: N) -> (N, N) {
        match self {
            Self::Coupled(0.0) => (values, gradient),
            Self::Coupled(decay) => (values.clone(), gradient + values.mul_scalar(decay)),
            Self::Decoupled(1.0) => (values, gradient),
            Self::Decoupled(factor) => (values.mul_scalar(factor), gradient),
        }
    }
}

/// How much of a mean that started at 0 is real after `step` steps: `1 - beta^step`.
fn bias_correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX))
}
