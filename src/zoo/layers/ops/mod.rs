//! Operations that a backend may have a faster version of: convolutions, norms, activations and
//! residual sums. All layers call them from here.

mod autodiff;
mod cpu;
mod kernels;

use burn::{
    backend::Dispatch,
    tensor::{Tensor, activation},
};
pub use kernels::Geometry;
use kernels::Kernels;

/// Convolution of images `[batch, c1, h, w]` with a weight `[c2, c1 / groups, kernel, kernel]`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv(x, weight, geometry))
}

/// [`conv2d`], then a bias `[c2]`, then SiLU if `activated`; without gradients on the CPU's fast path.
pub fn conv2d_bias_silu(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    geometry: Geometry,
    activated: bool,
) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv_bias_silu(x, weight, bias, geometry, activated))
}

/// What [`norm_silu`] gives: the output and the batch's mean and biased variance, `[channels]` each.
pub struct Normed {
    /// Of the input's shape.
    pub output: Tensor<4>,
    /// Not differentiable.
    pub mean: Tensor<1>,
    /// Not differentiable.
    pub variance: Tensor<1>,
}

/// Batch norm by the batch's own statistics (Ioffe and Szegedy, 2015), then SiLU if `activated`.
pub fn norm_silu(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64, activated: bool) -> Normed {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let normed = Dispatch::norm_silu(x, gamma, beta, epsilon, activated);
    Normed {
        output: Tensor::from_dispatch(normed.output),
        mean: Tensor::from_dispatch(normed.mean),
        variance: Tensor::from_dispatch(normed.variance),
    }
}

/// `x · sigmoid(x)`, element by element.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::silu(x)
}

/// A residual sum.
pub fn add<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    x + y
}
