//! Numbers on their way to a device.

use std::borrow::Cow;

use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of these numbers, row by row, on a device that records no gradients.
///
/// A GPU fetches them when it comes to it; nobody waits for that.
pub fn upload<'a, const D: usize>(
    numbers: impl Into<Cow<'a, [f32]>>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let numbers = numbers.into();
    #[cfg(feature = "libtorch")]
    if crate::device::is_libtorch(device) {
        return super::kernels::libtorch::upload(&numbers, shape, device);
    }
    Tensor::from_data(TensorData::new(numbers.into_owned(), shape), device)
}

/// `byte / 255` of these bytes, row by row, as [`upload`]; to a GPU go the bytes, a quarter of what the numbers have.
///
/// It is a division on every device, not the product with a reciprocal: so all give the same numbers.
pub fn fractions<const D: usize>(bytes: Vec<u8>, shape: [usize; D], device: &Device) -> Tensor<D> {
    whole(bytes, shape, device) / Tensor::full([1; D], 255.0, device)
}

/// The bytes as numbers from 0 to 255.
fn whole<const D: usize>(bytes: Vec<u8>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "libtorch")]
    if crate::device::is_libtorch(device) {
        return super::kernels::libtorch::upload_bytes(&bytes, shape, device);
    }
    let numbers: Vec<f32> = bytes.into_iter().map(f32::from).collect();
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parameters::to_vec;

    #[test]
    fn every_byte_becomes_its_quotient() {
        let fractions = fractions((0..=255).collect(), [2, 128], &Device::flex());
        assert_eq!(fractions.dims(), [2, 128]);
        assert_eq!(to_vec(fractions), (0..256).map(|byte| byte as f32 / 255.0).collect::<Vec<_>>());
    }
}
