//! The operations on LibTorch's tensors, by LibTorch's own kernels, which its own autograd can go back through.
//!
//! Maps lie channels-last, which its kernels are fastest with. What LibTorch records must stay as it was: burn writes
//! in place where nobody else holds a tensor, and does not know that the record does. LibTorch refuses to go back then,
//! it never goes wrong in silence.
#![expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]

pub(super) mod pointwise;

use burn::backend::{LibTorch, ops::FloatTensorOps, tensor::FloatTensor};
use tch::{Kind, Tensor};

use super::backend::{Geometry, KernelGradients, Kernels, NormSilu};

/// A tensor of the backend.
type Array = FloatTensor<LibTorch>;

/// LibTorch's tensor below burn's, which lies on one of its devices.
pub(in crate::network) fn below<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Tensor {
    array(tensor).tensor
}

/// Burn's tensor of LibTorch's, which has `D` dimensions and whose memory nobody else holds.
pub(in crate::network) fn above<const D: usize>(tensor: Tensor) -> burn::tensor::Tensor<D> {
    burn::tensor::Tensor::from_primitive::<LibTorch>(Array::new(tensor))
}

/// Burn's tensors of parts of `vector`: as long as it is there, burn writes to none of them.
pub(in crate::network) fn parts_of(
    vector: &burn::tensor::Tensor<1>,
    parts: impl Iterator<Item = Tensor>,
) -> impl Iterator<Item = burn::tensor::Tensor<1>> {
    let memory = array(vector.clone()).storage;
    let parts = parts.map(move |part| Array::partial(part, memory.clone()));
    parts.map(burn::tensor::Tensor::from_primitive::<LibTorch>)
}

fn array<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Array {
    tensor.try_into_primitive::<LibTorch>().expect("the device is LibTorch's")
}

impl Kernels for LibTorch {
    fn conv_bias_silu(x: Array, weight: Array, bias: Array, geometry: Geometry, activated: bool) -> Array {
        let y = convolution(&x.tensor, &weight.tensor, Some(&bias.tensor), geometry);
        Array::new(if activated { silu(y) } else { y })
    }

    fn norm_silu(x: Array, gamma: Array, beta: Array, epsilon: f64, activated: bool) -> NormSilu<Self> {
        let channels = gamma.tensor.numel();
        let count = x.tensor.numel() / channels;
        let zeros = || Tensor::zeros([channels as i64], (Kind::Float, x.tensor.device()));
        let (mean, unbiased) = (zeros(), zeros());
        // With a momentum of 1 the running statistics become the batch's.
        let (gamma, beta) = (Some(&gamma.tensor), Some(&beta.tensor));
        let y = x.tensor.batch_norm(gamma, beta, Some(&mean), Some(&unbiased), true, 1.0, epsilon, true);
        let variance = unbiased * ((count - 1).max(1) as f64 / count as f64);
        let output = Array::new(if activated { silu(y) } else { y });
        NormSilu { output, mean: Array::new(mean), variance: Array::new(variance) }
    }

    fn add(x: Array, y: Array) -> Array {
        match x.tensor.requires_grad() || y.tensor.requires_grad() {
            true => Array::new(&x.tensor + &y.tensor),
            false => Self::float_add(x, y),
        }
    }

    fn scale(x: Array, factors: Array) -> Array {
        match x.tensor.requires_grad() || factors.tensor.requires_grad() {
            true => Array::new(&x.tensor * &factors.tensor),
            false => Self::float_mul(x, factors),
        }
    }
}

impl KernelGradients for LibTorch {}

fn convolution(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Tensor {
    let [stride, padding, groups] =
        [geometry.stride, geometry.padding, geometry.groups].map(|number| number as i64);
    x.conv2d(weight, bias, [stride; 2], [padding; 2], [1, 1], groups)
}

/// In place where nothing is recorded.
fn silu(mut y: Tensor) -> Tensor {
    if y.requires_grad() { y.silu() } else { y.silu_() }
}

/// The same maps `[batch, channels, height, width]`, channels-last in memory.
pub(in crate::network) fn channels_last(maps: &Tensor) -> Tensor {
    maps.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
