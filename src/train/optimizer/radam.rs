//! RAdam: rectified Adam (Liu et al., 2020).

use super::{BETA2, Decay, EPSILON, Step, bias_correction};
use crate::network::pointwise::{Formula, Number};

/// A step along `m`, corrected for its start at 0; as soon as the second moment rests on enough steps,
/// along `m r / (√v + ε)`, where `r` makes up for the variance that `v` still has.
pub(super) struct RAdam {
    decay: Decay,
    beta1: f64,
    rate: f64,
    /// `r` and the correction of `√v`; nothing while the second moment can't be trusted.
    rectification: Option<f64>,
}

impl RAdam {
    pub(super) fn new(step: Step, beta1: f64) -> Self {
        let number = step.number;
        let corrected = |factor| factor * bias_correction(BETA2, number).sqrt();
        Self {
            decay: Decay::Coupled(step.decay),
            beta1,
            rate: step.rate / bias_correction(beta1, number),
            rectification: rectification(number).map(corrected),
        }
    }
}

impl Formula<3, 1> for RAdam {
    #[inline(always)]
    fn of<N: Number>(&self, [values, first, second]: [N; 3], [gradient]: [N; 1]) -> [N; 3] {
        let (values, gradient) = self.decay.of(values, gradient);
        let first = first.mean_with(gradient.clone(), self.beta1);
        let second = second.mean_with(gradient.clone() * gradient, BETA2);
        let direction = match self.rectification {
            Some(factor) => {
                let scale = second.clone().sqrt().add_scalar(EPSILON);
                (first.clone() / scale).mul_scalar(self.rate * factor)
            }
            None => first.clone().mul_scalar(self.rate),
        };
        [values - direction, first, second]
    }
}

/// `r` after `step` steps; nothing while the second moment can't be trusted.
fn rectification(step: u64) -> Option<f64> {
    let most = 2.0 / (1.0 - BETA2) - 1.0;
    let step_decay = 1.0 - bias_correction(BETA2, step);
    let length = most - 2.0 * step as f64 * step_decay / bias_correction(BETA2, step);
    let ratio = (length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length);
    (length > 5.0).then(|| ratio.sqrt())
}
