//! Adamax (Kingma and Ba, 2015, section 7.1).

use super::{BETA2, Decay, EPSILON, Step, bias_correction};
use crate::network::pointwise::{Formula, Number};

/// `m ← β₁ m + (1-β₁) g`, `u ← max(β₂ u, |g| + ε)`, then a step along `m / u`, `m` corrected for its
/// start at 0.
pub(super) struct Adamax {
    decay: Decay,
    beta1: f64,
    rate: f64,
}

impl Adamax {
    pub(super) fn new(step: Step, beta1: f64) -> Self {
        let rate = step.rate / bias_correction(beta1, step.number);
        Self { decay: Decay::Coupled(step.decay), beta1, rate }
    }
}

impl Formula<3, 1> for Adamax {
    #[inline(always)]
    fn of<N: Number>(&self, [values, first, largest]: [N; 3], [gradient]: [N; 1]) -> [N; 3] {
        let (values, gradient) = self.decay.of(values, gradient);
        let first = first.mean_with(gradient.clone(), self.beta1);
        let largest = largest.mul_scalar(BETA2).max_pair(gradient.abs().add_scalar(EPSILON));
        [values - (first.clone() / largest.clone()).mul_scalar(self.rate), first, largest]
    }
}
