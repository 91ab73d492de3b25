//! Operations that a backend may have a faster version of: convolutions, norms, activations and
//! residual sums. All layers call them from here.
//!
//! Parameters have 32 bits. Where the images have 16 (mixed precision), convolutions and products of matrices are
//! calculated in 16, norms, softmax and means in 32.

mod autodiff;
mod backend;
pub(super) mod cpu;
#[cfg(feature = "libtorch")]
pub(super) mod libtorch;
pub mod pointwise;

pub(super) use backend::{Geometry, KernelGradients, Kernels};
use burn::{
    backend::Dispatch,
    tensor::{DType, FloatDType, Tensor, activation, module},
};

#[cfg(feature = "libtorch")]
use crate::device::is_libtorch;

/// `x` with numbers of the type `dtype`, in and out of which gradients find their way.
pub(super) fn typed<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(FloatDType::from(dtype)) }
}

/// What `of` gives in 32 bits, in the type of `x`.
fn in_32_bits<const D: usize>(x: Tensor<D>, of: impl FnOnce(Tensor<D>) -> Tensor<D>) -> Tensor<D> {
    let dtype = x.dtype();
    typed(of(typed(x, DType::F32)), dtype)
}

/// Images as the device's convolutions like them best.
pub(super) fn images(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::images(x.into_dispatch()))
}

/// The kernel of such a shape, whose numbers lie in the device's [`super::order::Order`].
pub(super) fn kernel(numbers: Tensor<1>, shape: [usize; 4]) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::kernel(numbers.into_dispatch(), shape))
}

/// The numbers of such a kernel as the device likes them best for many calls of [`conv2d_bias_silu`] and of nothing else.
pub(super) fn packed(numbers: Tensor<1>, shape: [usize; 4], geometry: Geometry) -> Tensor<1> {
    #[cfg(feature = "libtorch")]
    if is_libtorch(&numbers.device()) {
        return libtorch::packed(numbers, shape, geometry);
    }
    let _ = (shape, geometry);
    numbers
}

/// Convolution of images `[batch, c1, h, w]` with a weight `[c2, c1 / groups, kernel, kernel]`.
pub(super) fn conv2d(x: Tensor<4>, weight: Tensor<4>, geometry: Geometry) -> Tensor<4> {
    let weight = typed(weight, x.dtype());
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv(x, weight, geometry))
}

/// [`conv2d`], then a bias `[c2]`, then SiLU if `activated`; without gradients on the CPU's fast path.
pub(super) fn conv2d_bias_silu(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    geometry: Geometry,
    activated: bool,
) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::conv_bias_silu(x, weight, bias, geometry, activated))
}

/// What [`norm_silu`] gives.
pub(super) struct Normed {
    /// What the norm and the activation give, of the input's shape.
    pub output: Tensor<4>,
    /// The batch's mean of each channel, `[channels]`, without gradients.
    pub mean: Tensor<1>,
    /// The batch's variance of each channel, `[channels]`, without gradients: the unbiased one, which is what PyTorch
    /// remembers, though it normalises by the biased one.
    pub variance: Tensor<1>,
}

/// Batch norm by the batch's own statistics (Ioffe and Szegedy, 2015), then SiLU if `activated`.
pub(super) fn norm_silu(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activated: bool,
) -> Normed {
    // It reads and writes 16 bits, too, and calculates in 32.
    #[cfg(feature = "libtorch")]
    if is_libtorch(&x.device()) {
        return libtorch::norm_silu(x, gamma, beta, epsilon, activated);
    }
    let (dtype, [batch, _, height, width]) = (x.dtype(), x.dims());
    let x = typed(x, DType::F32);
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let normed = Dispatch::norm_silu(x, gamma, beta, epsilon, activated);
    Normed {
        output: typed(Tensor::from_dispatch(normed.output), dtype),
        mean: unrecorded(Tensor::from_dispatch(normed.mean)),
        variance: unrecorded(Tensor::from_dispatch(normed.variance))
            .mul_scalar(unbiased(batch * height * width)),
    }
}

/// What makes an unbiased variance of the biased one of so many numbers.
pub(super) fn unbiased(count: usize) -> f64 {
    count as f64 / (count as f64 - 1.0).max(1.0)
}

/// The same on a device that records no gradients.
fn unrecorded(x: Tensor<1>) -> Tensor<1> {
    if x.device().is_autodiff() { x.inner() } else { x }
}

/// Batch norm by known statistics; all arguments but `x` are `[channels]`.
pub(super) fn norm(x: Tensor<4>, [gamma, beta, mean, variance]: [Tensor<1>; 4], epsilon: f64) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    if is_libtorch(&x.device()) {
        return libtorch::norm(x, [gamma, beta, mean, variance], epsilon);
    }
    in_32_bits(x, |x| module::batch_norm(x, gamma, beta, mean, variance, epsilon))
}

/// Rows `[batch, inputs]` times a weight `[outputs, inputs]`, plus a bias `[outputs]`.
///
/// It is a convolution of single pixels: on the CPU, without gradients, a row's numbers do not depend on how many
/// others there are then, as those of a matrix product do.
pub(super) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    let ([batch, inputs], [outputs, _]) = (x.dims(), weight.dims());
    #[cfg(feature = "libtorch")]
    if is_libtorch(&x.device()) {
        return libtorch::linear(x, weight, bias);
    }
    let (x, weight) = (x.reshape([batch, inputs, 1, 1]), weight.reshape([outputs, inputs, 1, 1]));
    let pointwise = Geometry { stride: 1, padding: 0, groups: 1 };
    let y = match x.device().is_autodiff() {
        true => conv2d(x, weight, pointwise) + bias.reshape([1, -1, 1, 1]),
        false => conv2d_bias_silu(x, weight, bias, pointwise, false),
    };
    y.reshape([batch, outputs])
}

/// `x · sigmoid(x)`, element by element.
pub(super) fn silu(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    if is_libtorch(&x.device()) {
        return libtorch::silu(x);
    }
    activation::silu(x)
}

/// Shares along the dimension `dim`.
pub(super) fn softmax<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    in_32_bits(x, |x| activation::softmax(x, dim))
}

/// A residual sum `x + y`, elementwise; both have one shape.
pub(super) fn add(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::add(x.into_dispatch(), y.into_dispatch()))
}

/// `x` `[batch, channels, h, w]` times factors that have each of these sizes, or 1.
pub(super) fn scale(x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
    let factors = typed(factors, x.dtype());
    Tensor::from_dispatch(Dispatch::scale(x.into_dispatch(), factors.into_dispatch()))
}

/// Parts of so many channels, one after another along the dimension `dim`.
pub(super) fn split(x: Tensor<4>, dim: usize, parts: &[usize]) -> Vec<Tensor<4>> {
    #[cfg(feature = "libtorch")]
    if is_libtorch(&x.device()) {
        return libtorch::split(x, dim, parts);
    }
    let mut start = 0;
    let part = |length: &usize| {
        let part = x.clone().narrow(dim, start, *length);
        start += length;
        part
    };
    parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn rows_times_a_weight_plus_a_bias_are_the_same_with_and_without_gradients() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let x = Tensor::from_floats([[1.0, 2.0], [0.0, 1.0]], &device);
            let weight = Tensor::from_floats([[1.0, 1.0], [0.0, 5.0], [2.0, 0.0]], &device);
            let y = linear(x, weight, Tensor::from_floats([100.0, 200.0, 300.0], &device));
            assert_eq!(
                y.into_data().try_to_vec::<f32>().unwrap(),
                [103.0, 210.0, 302.0, 101.0, 205.0, 300.0]
            );
        }
    }

    #[test]
    fn numbers_are_cast_only_to_another_type() {
        let x = || Tensor::<1>::from_floats([1.0, 0.5], &Device::flex());
        assert_eq!(typed(x(), DType::F16).dtype(), DType::F16);
        assert_eq!(typed(x(), DType::F32).dtype(), DType::F32);
    }
}
