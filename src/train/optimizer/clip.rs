//! Gradients that are too large, made smaller.

use super::Gradients;

/// Scales gradients so that their joint L2 norm is at most `limit`, as PyTorch's `clip_grad_norm_`.
pub fn clip_norm(gradients: &mut Gradients, limit: f64) {
    let squares = gradients.values().map(|gradient| (gradient.clone() * gradient.clone()).sum());
    let Some(total) = squares.reduce(|sum, square| sum + square) else { return };
    // Stays on the device: no read-back inside the step.
    let factor = total.sqrt().add_scalar(1e-6).recip().mul_scalar(limit).clamp_max(1.0);
    for gradient in gradients.values_mut() {
        *gradient = gradient.clone() * factor.clone();
    }
}
