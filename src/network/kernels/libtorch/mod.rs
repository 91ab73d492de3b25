//! The operations on LibTorch's tensors, by LibTorch's own kernels, which its own autograd can go back through.
//!
//! Maps lie channels-last, which its kernels are fastest with. What LibTorch records must stay as it was: burn writes
//! in place where nobody else holds a tensor, and does not know that the record does. LibTorch refuses to go back then,
//! it never goes wrong in silence.
#![expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]

mod fused;
pub(super) mod pointwise;

use burn::backend::{DispatchDevice, LibTorch, LibTorchDevice, ops::FloatTensorOps, tensor::FloatTensor};
use tch::{Device, Kind, Tensor};

use super::{
    Normed,
    backend::{Geometry, KernelGradients, Kernels},
};

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
    fn images(x: Array) -> Array {
        let channels_last = x.tensor.permute([0, 2, 3, 1]).contiguous();
        Array::from_existing(channels_last.permute([0, 3, 1, 2]), x.storage)
    }

    fn kernel(numbers: Array, [c2, c1, height, width]: [usize; 4]) -> Array {
        if numbers.tensor.is_mkldnn() {
            return numbers;
        }
        let stored = numbers.tensor.view([c2, height, width, c1].map(|size| size as i64));
        Array::from_existing(stored.permute([0, 3, 1, 2]), numbers.storage)
    }

    fn conv(x: Array, weight: Array, geometry: Geometry) -> Array {
        Array::new(convolution(&x.tensor, &weight.tensor, None, geometry))
    }

    fn conv_bias_silu(x: Array, weight: Array, bias: Array, geometry: Geometry, activated: bool) -> Array {
        if weight.tensor.is_mkldnn() {
            return Array::new(fused::convolution(
                &x.tensor,
                &weight.tensor,
                &bias.tensor,
                geometry,
                activated,
            ));
        }
        let y = convolution(&x.tensor, &weight.tensor, Some(&bias.tensor), geometry);
        Array::new(if activated { swish(y) } else { y })
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
    if is_small_product(x, weight, geometry) {
        return product(x, weight, bias);
    }
    let [stride, padding, groups] =
        [geometry.stride, geometry.padding, geometry.groups].map(|number| number as i64);
    x.conv2d(weight, bias, [stride; 2], [padding; 2], [1, 1], groups)
}

/// Numbers of a small batch of maps.
const SMALL: usize = 300_000;

/// Whether a convolution is one of single pixels, of a small batch on the CPU. LibTorch's convolutions put the weight into
/// another order each time, which takes longer there than what they gain by it; for one image they know that.
fn is_small_product(x: &Tensor, weight: &Tensor, geometry: Geometry) -> bool {
    let is_product =
        geometry == Geometry { stride: 1, padding: 0, groups: 1 } && weight.size()[2..] == [1, 1];
    let is_small = x.size()[0] > 1 && x.numel() <= SMALL;
    is_product && is_small && x.device() == Device::Cpu && x.kind() == Kind::Float
}

/// Convolution of single pixels as a product: rows of channels, times the weight.
fn product(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let matrix = weight.flatten(1, 3);
    x.permute([0, 2, 3, 1]).linear(&matrix, bias).permute([0, 3, 1, 2])
}

/// `x · sigmoid(x)`, in place where nothing is recorded.
fn swish(mut x: Tensor) -> Tensor {
    if x.requires_grad() { x.silu() } else { x.silu_() }
}

/// The numbers of a kernel of such a shape, packed for [`Kernels::conv_bias_silu`] and nothing else where that is faster.
pub(super) fn packed(
    numbers: burn::tensor::Tensor<1>,
    shape: [usize; 4],
    geometry: Geometry,
) -> burn::tensor::Tensor<1> {
    let Array { tensor, storage } = LibTorch::kernel(array(numbers.clone()), shape);
    match fused::packed(&tensor, geometry) {
        Some(tensor) => burn::tensor::Tensor::from_primitive::<LibTorch>(Array { tensor, storage }),
        None => numbers,
    }
}

/// `x · sigmoid(x)`, element by element.
pub(super) fn silu(x: burn::tensor::Tensor<4>) -> burn::tensor::Tensor<4> {
    above(below(x).silu())
}

/// Batch norm by the batch's own statistics, then SiLU if `activated`.
pub(super) fn norm_silu(
    x: burn::tensor::Tensor<4>,
    gamma: burn::tensor::Tensor<1>,
    beta: burn::tensor::Tensor<1>,
    epsilon: f64,
    activated: bool,
) -> Normed {
    let [x, gamma, beta] = [below(x), below(gamma), below(beta)];
    let zeros = || Tensor::zeros_like(&gamma.detach());
    let (mean, variance) = (zeros(), zeros());
    // With a momentum of 1 the running statistics become the batch's.
    let y = x.batch_norm(Some(&gamma), Some(&beta), Some(&mean), Some(&variance), true, 1.0, epsilon, true);
    let output = if activated { swish(y) } else { y };
    Normed { output: above(output), mean: above(mean), variance: above(variance) }
}

/// Batch norm by known statistics; all arguments but `x` are `[channels]`.
pub(super) fn norm(
    x: burn::tensor::Tensor<4>,
    known: [burn::tensor::Tensor<1>; 4],
    epsilon: f64,
) -> burn::tensor::Tensor<4> {
    let [gamma, beta, mean, variance] = known.map(below).map(Some);
    above(below(x).batch_norm(gamma, beta, mean, variance, false, 0.0, epsilon, true))
}

/// Rows `[batch, inputs]` times a weight `[outputs, inputs]`, plus a bias `[outputs]`.
pub(super) fn linear(
    x: burn::tensor::Tensor<2>,
    weight: burn::tensor::Tensor<2>,
    bias: burn::tensor::Tensor<1>,
) -> burn::tensor::Tensor<2> {
    above(below(x).linear(&below(weight), Some(&below(bias))))
}

/// Parts along a dimension. They are cut out in one go: so are their gradients put together.
pub(super) fn split(x: burn::tensor::Tensor<4>, dim: usize, parts: &[usize]) -> Vec<burn::tensor::Tensor<4>> {
    let x = array(x);
    let sizes: Vec<i64> = parts.iter().map(|size| *size as i64).collect();
    let parts = x.tensor.split_with_sizes(sizes, dim as i64).into_iter();
    let parts = parts.map(|part| Array::partial(part, x.storage.clone()));
    parts.map(burn::tensor::Tensor::from_primitive::<LibTorch>).collect()
}

/// These numbers on one of LibTorch's devices.
pub(in crate::network) fn upload<const D: usize>(
    numbers: &[f32],
    shape: [usize; D],
    device: &burn::tensor::Device,
) -> burn::tensor::Tensor<D> {
    above(sent(Tensor::from_slice(numbers), device).reshape(shape.map(|size| size as i64)))
}

/// The numbers that these bytes are, on one of LibTorch's devices.
pub(in crate::network) fn upload_bytes<const D: usize>(
    bytes: &[u8],
    shape: [usize; D],
    device: &burn::tensor::Device,
) -> burn::tensor::Tensor<D> {
    let there = sent(Tensor::from_slice(bytes), device).to_kind(Kind::Float);
    above(there.reshape(shape.map(|size| size as i64)))
}

/// The same on another device. A GPU reads it by itself from memory that does not move.
fn sent(here: Tensor, device: &burn::tensor::Device) -> Tensor {
    match device.as_dispatch() {
        DispatchDevice::LibTorch(device @ LibTorchDevice::Cuda(_)) => {
            let (device, kind) = ((*device).into(), here.kind());
            here.internal_pin_memory(device).to_device_(device, kind, true, false)
        }
        _ => here,
    }
}
