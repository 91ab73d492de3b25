//! Stochastic gradient descent with Nesterov momentum.

use super::{Moved, Turn, accumulate};

/// `b ← μ b + g`, then a step along `g + μ b`; decay is added to the gradient.
pub(super) fn step(turn: Turn<'_>) -> Moved {
    let Turn { values, gradient, memory, rate, momentum, .. } = turn.decayed();
    let buffer = accumulate(memory.into_iter().next(), gradient.clone(), momentum);
    let direction = gradient + buffer.clone().mul_scalar(momentum);
    Moved { values: values - direction.mul_scalar(rate), memory: vec![buffer] }
}
