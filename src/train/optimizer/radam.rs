//! RAdam: rectified Adam (Liu et al., 2020).

use super::{BETA2, EPSILON, Moved, Turn, fill, follow};

/// A step along `m`, corrected for its start at 0; as soon as the second moment rests on enough steps,
/// along `m r / (√v + ε)`, where `r` makes up for the variance that `v` still has.
pub(super) fn step(turn: Turn<'_>, beta1: f64) -> Moved {
    let Turn { values, gradient, memory, rate, step, .. } = turn;
    let mut memory = memory.into_iter();
    let first = follow(memory.next(), gradient.clone(), beta1);
    let second = follow(memory.next(), gradient.clone() * gradient, BETA2);
    let rate = rate / fill(beta1, step);
    let direction = match rectification(step) {
        Some(factor) => {
            let factor = factor * fill(BETA2, step).sqrt();
            (first.clone() / second.clone().sqrt().add_scalar(EPSILON)).mul_scalar(rate * factor)
        }
        None => first.clone().mul_scalar(rate),
    };
    Moved { values: values - direction, memory: vec![first, second] }
}

/// `r`; nothing while the second moment can't be trusted.
fn rectification(step: u64) -> Option<f64> {
    let most = 2.0 / (1.0 - BETA2) - 1.0;
    let step_decay = 1.0 - fill(BETA2, step);
    let length = most - 2.0 * step as f64 * step_decay / fill(BETA2, step);
    let ratio = (length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length);
    (length > 5.0).then(|| ratio.sqrt())
}
