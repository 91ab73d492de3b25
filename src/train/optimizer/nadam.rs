//! NAdam: Adam with Nesterov momentum (Dozat, 2016), its momentum rising as in PyTorch.

use super::{BETA2, Decay, EPSILON, Step, bias_correction};
use crate::network::pointwise::{Formula, Number};

/// How fast momentum rises: `μ(t) = β₁ (1 - 0.5 · 0.96^(t · 0.004))`.
const MOMENTUM_DECAY: f64 = 0.004;

/// With `M` the product of all `μ` so far: a step along
/// `g (1-μ(t)) / (1-M(t)) + m μ(t+1) / (1-M(t+1))`, divided by `√v + ε`.
pub(super) struct NAdam {
    decay: Decay,
    beta1: f64,
    rate: f64,
    /// What `v` is divided by.
    second: f64,
    /// Shares of the gradient and of `m` in the direction.
    shares: [f64; 2],
}

impl NAdam {
    pub(super) fn new(step: Step, beta1: f64) -> Self {
        let number = step.number;
        let (now, next) = (momentum(beta1, number), momentum(beta1, number + 1));
        let product = product(beta1, number);
        Self {
            decay: Decay::Coupled(step.decay),
            beta1,
            rate: step.rate,
            second: bias_correction(BETA2, number),
            shares: [(1.0 - now) / (1.0 - product), next / (1.0 - product * next)],
        }
    }
}

impl Formula<3, 1> for NAdam {
    #[inline(always)]
    fn of<N: Number>(&self, [values, first, second]: [N; 3], [gradient]: [N; 1]) -> [N; 3] {
        let (values, gradient) = self.decay.of(values, gradient);
        let first = first.mean_with(gradient.clone(), self.beta1);
        let second = second.mean_with(gradient.clone() * gradient.clone(), BETA2);
        let scale = second.clone().div_scalar(self.second).sqrt().add_scalar(EPSILON);
        let [now, next] = self.shares;
        let direction = gradient.mul_scalar(now) + first.clone().mul_scalar(next);
        [values - (direction / scale).mul_scalar(self.rate), first, second]
    }
}

fn momentum(beta1: f64, step: u64) -> f64 {
    beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * MOMENTUM_DECAY))
}

/// `μ(1) · … · μ(step)`, which is soon too small to count.
fn product(beta1: f64, step: u64) -> f64 {
    let mut product = 1.0;
    for step in 1..=step {
        product *= momentum(beta1, step);
        if product < 1e-12 {
            return 0.0;
        }
    }
    product
}
