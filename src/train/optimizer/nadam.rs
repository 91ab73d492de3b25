//! NAdam: Adam with Nesterov momentum (Dozat, 2016), its momentum rising as in PyTorch.

use super::{BETA2, EPSILON, Moved, Turn, fill, follow};

/// How fast momentum rises: `μ(t) = β₁ (1 - 0.5 · 0.96^(t · 0.004))`.
const MOMENTUM_DECAY: f64 = 0.004;

/// With `M` the product of all `μ` so far: a step along
/// `g (1-μ(t)) / (1-M(t)) + m μ(t+1) / (1-M(t+1))`, divided by `√v + ε`.
pub(super) fn step(turn: Turn<'_>, beta1: f64) -> Moved {
    let Turn { values, gradient, memory, rate, step, .. } = turn;
    let mut memory = memory.into_iter();
    let first = follow(memory.next(), gradient.clone(), beta1);
    let second = follow(memory.next(), gradient.clone() * gradient.clone(), BETA2);
    let scale = second.clone().div_scalar(fill(BETA2, step)).sqrt().add_scalar(EPSILON);
    let (now, next, product) = (momentum(beta1, step), momentum(beta1, step + 1), product(beta1, step));
    let direction = gradient.mul_scalar((1.0 - now) / (1.0 - product))
        + first.clone().mul_scalar(next / (1.0 - product * next));
    Moved { values: values - (direction / scale).mul_scalar(rate), memory: vec![first, second] }
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
