//! Stochastic gradient descent with Nesterov momentum.

use super::{Decay, Step};
use crate::network::pointwise::{Formula, Number};

/// `b ← μ b + g`, then a step along `g + μ b`; decay is added to the gradient.
pub(super) struct Sgd {
    decay: Decay,
    momentum: f64,
    rate: f64,
}

impl Sgd {
    pub(super) fn new(step: Step) -> Self {
        Self { decay: Decay::Coupled(step.decay), momentum: step.momentum, rate: step.rate }
    }
}

impl Formula<2, 1> for Sgd {
    #[inline(always)]
    fn of<N: Number>(&self, [values, buffer]: [N; 2], [gradient]: [N; 1]) -> [N; 2] {
        let (values, gradient) = self.decay.of(values, gradient);
        let buffer = buffer.mul_scalar(self.momentum) + gradient.clone();
        let direction = gradient + buffer.clone().mul_scalar(self.momentum);
        [values - direction.mul_scalar(self.rate), buffer]
    }
}
