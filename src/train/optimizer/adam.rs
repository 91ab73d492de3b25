//! Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019), which differ in how they decay.

use super::{BETA2, EPSILON, Moved, Turn, fill, follow};

/// `m ← β₁ m + (1-β₁) g`, `v ← β₂ v + (1-β₂) g²`, both corrected for their start at 0, then a step along
/// `m / (√v + ε)`.
pub(super) fn step(turn: Turn<'_>, beta1: f64) -> Moved {
    let Turn { values, gradient, memory, rate, step, .. } = turn;
    let mut memory = memory.into_iter();
    let first = follow(memory.next(), gradient.clone(), beta1);
    let second = follow(memory.next(), gradient.clone() * gradient, BETA2);
    let scale = second.clone().sqrt().div_scalar(fill(BETA2, step).sqrt()).add_scalar(EPSILON);
    let values = values - (first.clone() / scale).mul_scalar(rate / fill(beta1, step));
    Moved { values, memory: vec![first, second] }
}
