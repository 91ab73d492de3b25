//! Gradients that are too large, made smaller.

use burn::tensor::Tensor;

use crate::network::pointwise::{scaled_by, sum_of_squares};

/// The gradient `[parameters]`, scaled so that its L2 norm is at most `limit`, as PyTorch's `clip_grad_norm_`.
pub fn clip_norm(gradient: Tensor<1>, limit: f64) -> Tensor<1> {
    let norm = sum_of_squares(gradient.clone()).sqrt();
    scaled_by(gradient, norm.add_scalar(1e-6).recip().mul_scalar(limit).clamp_max(1.0))
}
