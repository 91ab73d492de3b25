//! Compute devices by name: `cpu`, `libtorch`, `cuda:0` become a device of burn's, if this program was built with its
//! backend. `network/kernels` names backends too, for the operations that each does better than burn's own.

mod exception;
mod libtorch;
mod nvidia;
mod version;

use burn::tensor::Device;

pub use self::{exception::guard, libtorch::LibTorch, nvidia::Nvidia};

use crate::{
    device_name::DeviceName,
    device_names::DeviceNames,
    error::{Error, Result},
};

/// Whether the device called `name` is one of LibTorch's, and this program was built without LibTorch.
pub fn needs_other_program(name: DeviceName) -> bool {
    name != DeviceName::Cpu && !cfg!(feature = "libtorch")
}

/// The device called `name`.
///
/// # Errors
/// If this program was built without its backend, or if the backend finds no such device here.
pub fn open(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Cpu => Ok(Device::flex()),
        DeviceName::LibTorch => libtorch(),
        DeviceName::Cuda(index) => cuda(index),
    }
}

/// The devices called `names`, in their order.
///
/// # Errors
/// Those of [`open`].
pub fn open_all(names: &DeviceNames) -> Result<Vec<Device>> {
    names.iter().map(open).collect()
}

/// How many GPUs this program can compute on.
#[cfg(feature = "libtorch")]
pub fn gpus() -> usize {
    if tch::Cuda::is_available() { usize::try_from(tch::Cuda::device_count()).unwrap_or(0) } else { 0 }
}

/// How many GPUs this program can compute on.
#[cfg(not(feature = "libtorch"))]
pub fn gpus() -> usize {
    0
}

/// The vector instructions that the device `cpu` computes with.
pub fn vectors() -> &'static str {
    match pulp::Arch::new() {
        pulp::Arch::Scalar => "none that it knows: slow",
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V3(_) => "AVX2 and FMA",
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V4(_) => "AVX-512",
        #[allow(unreachable_patterns, reason = "other processors have other ones")]
        _ => "its widest",
    }
}

/// Whether a device is one of LibTorch's.
#[cfg(feature = "libtorch")]
pub fn is_libtorch(device: &Device) -> bool {
    matches!(device.as_dispatch(), burn::backend::DispatchDevice::LibTorch(_))
}

/// Whether a device is one of LibTorch's.
#[cfg(not(feature = "libtorch"))]
pub fn is_libtorch(_: &Device) -> bool {
    false
}

/// Whether a device is the CPU, with whichever backend: what it calculated can be read without waiting for it.
#[cfg(feature = "libtorch")]
#[expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]
pub fn is_cpu(device: &Device) -> bool {
    use burn::backend::{DispatchDevice, LibTorchDevice};
    matches!(device.as_dispatch(), DispatchDevice::LibTorch(LibTorchDevice::Cpu)) || *device == Device::flex()
}

/// Whether a device is the CPU.
#[cfg(not(feature = "libtorch"))]
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Lets backends with threads of their own use no more than `threads`.
pub fn limit_threads(threads: usize) {
    #[cfg(feature = "libtorch")]
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    #[cfg(not(feature = "libtorch"))]
    let _ = threads;
}

#[cfg(not(feature = "libtorch"))]
fn libtorch() -> Result<Device> {
    Err(without_libtorch(DeviceName::LibTorch))
}

#[cfg(not(feature = "libtorch"))]
fn cuda(index: usize) -> Result<Device> {
    Err(without_libtorch(DeviceName::Cuda(index)))
}

#[cfg(not(feature = "libtorch"))]
fn without_libtorch(name: DeviceName) -> Error {
    Error::usage(format!("this program was built without LibTorch, which the device `{name}` needs"))
        .help("build it with the feature `libtorch` (README, \"Devices\"), or use the device `cpu`")
}

#[cfg(feature = "libtorch")]
#[expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]
fn libtorch() -> Result<Device> {
    Ok(Device::libtorch())
}

#[cfg(feature = "libtorch")]
#[expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]
fn cuda(index: usize) -> Result<Device> {
    let count = gpus();
    if count == 0 {
        return Err(Error::usage("LibTorch finds no usable NVIDIA GPU on this machine").help(
            "check that `nvidia-smi` lists one and that LibTorch is a CUDA build; or use `--device cpu`",
        ));
    }
    if index >= count {
        return Err(Error::usage(format!("there is no GPU {index}: LibTorch finds {count}"))
            .help(format!("the last one is cuda:{}", count.saturating_sub(1))));
    }
    Ok(Device::libtorch_cuda(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert!(open(DeviceName::Cpu).is_ok());
        assert!(!needs_other_program(DeviceName::Cpu));
        assert_eq!(needs_other_program(DeviceName::Cuda(3)), cfg!(not(feature = "libtorch")));
    }
}
