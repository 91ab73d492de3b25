//! RMSprop (Hinton, 2012) with momentum.

use super::{EPSILON, Moved, Turn, accumulate, follow};

/// Decay of the running mean of squares, PyTorch's default.
const ALPHA: f64 = 0.99;

/// `v ← α v + (1-α) g²`, `b ← μ b + g / (√v + ε)`, then a step along `b`.
pub(super) fn step(turn: Turn<'_>) -> Moved {
    let Turn { values, gradient, memory, rate, momentum, .. } = turn;
    let mut memory = memory.into_iter();
    let squares = follow(memory.next(), gradient.clone() * gradient.clone(), ALPHA);
    let scaled = gradient / squares.clone().sqrt().add_scalar(EPSILON);
    let buffer = accumulate(memory.next(), scaled, momentum);
    let values = values - buffer.clone().mul_scalar(rate);
    Moved { values, memory: vec![squares, buffer] }
}
