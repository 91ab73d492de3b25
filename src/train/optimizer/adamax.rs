//! Adamax (Kingma and Ba, 2015, section 7.1).

use super::{BETA2, EPSILON, Moved, Turn, fill, follow};

/// `m ← β₁ m + (1-β₁) g`, `u ← max(β₂ u, |g| + ε)`, then a step along `m / u`, `m` corrected for its
/// start at 0.
pub(super) fn step(turn: Turn<'_>, beta1: f64) -> Moved {
    let Turn { values, gradient, memory, rate, step, .. } = turn;
    let mut memory = memory.into_iter();
    let first = follow(memory.next(), gradient.clone(), beta1);
    let size = gradient.abs().add_scalar(EPSILON);
    let largest = match memory.next() {
        Some(old) => old.mul_scalar(BETA2).max_pair(size),
        None => size,
    };
    let values = values - (first.clone() / largest.clone()).mul_scalar(rate / fill(beta1, step));
    Moved { values, memory: vec![first, largest] }
}
