//! Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), which differ in how they decay.

use super::{BETA2, Decay, EPSILON, Step, bias_correction};
use crate::network::pointwise::{Formula, Number};

/// `m ← β₁ m + (1-β₁) g`, `v ← β₂ v + (1-β₂) g²`, both corrected for their start at 0, then a step along
/// `m / (√v + ε)`.
pub(super) struct Adam {
    decay: Decay,
    beta1: f64,
    /// What `√v` is divided by, and what the step is multiplied by.
    second: f64,
    rate: f64,
}

impl Adam {
    /// Adam, with decay as a part of the gradient (L2).
    pub(super) fn new(step: Step, beta1: f64) -> Self {
        Self {
            decay: Decay::Coupled(step.decay),
            beta1,
            second: bias_correction(BETA2, step.number).sqrt(),
            rate: step.rate / bias_correction(beta1, step.number),
        }
    }

    /// AdamW: decay is apart from the gradient (decoupled).
    pub(super) fn decoupled(step: Step, beta1: f64) -> Self {
        Self { decay: Decay::decoupled(step), ..Self::new(step, beta1) }
    }
}

impl Formula<3, 1> for Adam {
    #[inline(always)]
    fn of<N: Number>(&self, [values, first, second]: [N; 3], [gradient]: [N; 1]) -> [N; 3] {
        let (values, gradient) = self.decay.of(values, gradient);
        let first = first.mean_with(gradient.clone(), self.beta1);
        let second = second.mean_with(gradient.clone() * gradient, BETA2);
        let scale = second.clone().sqrt().div_scalar(self.second).add_scalar(EPSILON);
        [values - (first.clone() / scale).mul_scalar(self.rate), first, second]
    }
}
