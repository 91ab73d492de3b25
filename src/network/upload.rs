//! Numbers on their way to a device.

use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of these numbers, row by row, on a device that records no gradients.
///
/// A GPU fetches them when it comes to it; nobody waits for that.
pub fn upload<const D: usize>(numbers: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "libtorch")]
    if crate::device::is_libtorch(device) {
        return super::kernels::libtorch::upload(&numbers, shape, device);
    }
    Tensor::from_data(TensorData::new(numbers, shape), device)
}
