//! Compute devices by name: `cpu`, `libtorch`, `cuda:0`. The only place that knows which backends
//! this program was built with.

use burn::tensor::Device;

use crate::error::{Error, Result};

/// Whether the device called `name` is one of LibTorch's, and this program was built without LibTorch.
///
/// # Errors
/// If the name is not one of a device.
pub fn needs_other_program(name: &str) -> Result<bool> {
    Ok(Name::parse(name)? != Name::Cpu && !cfg!(feature = "libtorch"))
}

/// The device called `name`.
///
/// # Errors
/// If the name is not one of a device, if this program was built without its backend, or if the
/// backend finds no such device here.
pub fn open(name: &str) -> Result<Device> {
    match Name::parse(name)? {
        Name::Cpu => Ok(Device::flex()),
        Name::LibTorch => libtorch(),
        Name::Cuda(index) => cuda(index),
    }
}

/// Lets backends with threads of their own use no more than `threads`.
pub fn limit_threads(threads: usize) {
    #[cfg(feature = "libtorch")]
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    #[cfg(not(feature = "libtorch"))]
    let _ = threads;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Cpu,
    LibTorch,
    Cuda(usize),
}

impl Name {
    fn parse(text: &str) -> Result<Self> {
        let known = match text.split_once(':') {
            None if text == "cpu" => Some(Self::Cpu),
            None if text == "libtorch" => Some(Self::LibTorch),
            None if text == "cuda" => Some(Self::Cuda(0)),
            Some(("cuda", index)) => index.parse().ok().map(Self::Cuda),
            _ => None,
        };
        known.ok_or_else(|| {
            Error::usage(format!("there is no device `{text}`"))
                .help("devices are cpu, libtorch, cuda and cuda:N (N from 0)")
        })
    }
}

#[cfg(not(feature = "libtorch"))]
fn libtorch() -> Result<Device> {
    Err(without_libtorch("libtorch"))
}

#[cfg(not(feature = "libtorch"))]
fn cuda(index: usize) -> Result<Device> {
    Err(without_libtorch(&format!("cuda:{index}")))
}

#[cfg(not(feature = "libtorch"))]
fn without_libtorch(name: &str) -> Error {
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
    if !tch::Cuda::is_available() {
        return Err(Error::usage("LibTorch finds no usable NVIDIA GPU on this machine").help(
            "check that `nvidia-smi` lists one and that LibTorch is a CUDA build; or use `--device cpu`",
        ));
    }
    let count = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
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
        assert!(open("cpu").is_ok());
        assert!(!needs_other_program("cpu").unwrap());
    }

    #[test]
    fn the_names_of_libtorchs_devices() {
        let name = |text| Name::parse(text).unwrap();
        assert_eq!(
            [name("libtorch"), name("cuda"), name("cuda:3")],
            [Name::LibTorch, Name::Cuda(0), Name::Cuda(3)]
        );
        assert_eq!(needs_other_program("cuda:3").unwrap(), cfg!(not(feature = "libtorch")));
    }

    #[test]
    fn other_names_are_refused_with_a_hint() {
        for name in ["gpu", "cuda:x", "cuda:-1", ""] {
            assert!(open(name).unwrap_err().hint().is_some(), "{name}");
        }
    }
}
