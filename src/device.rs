//! Compute devices by name: `cpu`, `libtorch`, `cuda:0`. The only place that knows which backends
//! this program was built with.

use burn::tensor::Device;

use crate::error::{Error, Result};

/// The device called `name`.
///
/// # Errors
/// If the name is not one of a device, if this program was built without its backend, or if the
/// backend finds no such device here.
pub fn open(name: &str) -> Result<Device> {
    match name.split_once(':') {
        None if name == "cpu" => Ok(Device::flex()),
        None if name == "libtorch" => libtorch(),
        None if name == "cuda" => cuda(0),
        Some(("cuda", index)) => match index.parse() {
            Ok(index) => cuda(index),
            Err(_) => Err(unknown(name)),
        },
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Error {
    Error::usage(format!("there is no device `{name}`"))
        .help("devices are cpu, libtorch, cuda and cuda:N (N from 0)")
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
    Error::usage(format!("this kiln was built without LibTorch, which the device `{name}` needs"))
        .help("build it with `cargo build --release --features libtorch` (README, \"Devices\"), or use `--device cpu`")
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
    use super::open;

    #[test]
    fn the_cpu_is_always_there() {
        assert!(open("cpu").is_ok());
    }

    #[test]
    fn other_names_are_refused_with_a_hint() {
        for name in ["gpu", "cuda:x", "cuda:-1", ""] {
            assert!(open(name).unwrap_err().hint().is_some(), "{name}");
        }
    }
}
