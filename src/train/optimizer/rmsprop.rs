//! RMSprop (Hinton, 2012) with momentum.

use super::{Decay, EPSILON, Step};
use crate::network::pointwise::{Formula, Number};

/// Decay of the running mean of squares, PyTorch's default.
const ALPHA: f64 = 0.99;

/// `v ← α v + (1-α) g²`, `b ← μ b + g / (√v + ε)`, then a step along `b`.
pub(super) struct RmsProp {
    decay: Decay,
    momentum: f64,
    rate: f64,
}

impl RmsProp {
    pub(super) fn new(step: Step) -> Self {
        Self { decay: Decay::Coupled(step.decay), momentum: step.momentum, rate: step.rate }
    }
}

impl Formula<3, 1> for RmsProp {
    #[inline(always)]
    fn of<N: Number>(&self, [values, squares, buffer]: [N; 3], [gradient]: [N; 1]) -> [N; 3] {
        let (values, gradient) = self.decay.of(values, gradient);
        let squares = squares.mean_with(gradient.clone() * gradient.clone(), ALPHA);
        let scaled = gradient / squares.clone().sqrt().add_scalar(EPSILON);
        let buffer = buffer.mul_scalar(self.momentum) + scaled;
        [values - buffer.clone().mul_scalar(self.rate), squares, buffer]
    }
}
