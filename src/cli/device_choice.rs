//! `--device`: those that are named, or `auto`, the best there is.

use std::str::FromStr;

use super::companion;
use crate::{
    device::{self, Nvidia},
    device_name::DeviceName,
    device_names::DeviceNames,
    error::Error,
};

/// What `--device` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeviceChoice {
    /// The best there is.
    Auto,
    /// These.
    Named(DeviceNames),
}

/// The device that `auto` comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) device: DeviceName,
    /// Why it is the best, for people.
    pub(super) because: String,
}

impl FromStr for DeviceChoice {
    type Err = Error;

    /// # Errors
    /// If there is no such name.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Named) }
    }
}

/// The best device: a GPU that can be used, else this program's own code, which needs nothing and is no slower than
/// LibTorch's on a CPU.
pub(super) fn best() -> Chosen {
    let gpu = DeviceName::Cuda(0);
    let out_of_reach = || {
        let lost = || companion::program(gpu).err();
        device::needs_other_program(gpu).then(lost).flatten()
    };
    choose(Nvidia::loaded().as_ref(), out_of_reach, device::gpus)
}

/// The best device of a machine with this driver, by why the program that uses GPUs is out of reach, if it is, and how
/// many GPUs that sees. The program that has no LibTorch sees none, and leaves the last word to the one that goes on.
fn choose(
    driver: Option<&Nvidia>,
    out_of_reach: impl FnOnce() -> Option<Error>,
    gpus: impl FnOnce() -> usize,
) -> Chosen {
    let cpu = |because: String| Chosen { device: DeviceName::Cpu, because };
    let Some(driver) = driver else { return cpu("no NVIDIA driver is loaded".to_owned()) };
    let gpu = driver.gpus.first().map_or("a GPU", String::as_str);
    if let Some(error) = out_of_reach() {
        return cpu(format!("there is {gpu}, but {error}"));
    }
    if cfg!(feature = "libtorch") && gpus() == 0 {
        return cpu(format!("there is {gpu}, but LibTorch can't use it"));
    }
    Chosen { device: DeviceName::Cuda(0), because: format!("it is {gpu}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_a_name_or_auto() {
        assert_eq!("auto".parse::<DeviceChoice>().unwrap(), DeviceChoice::Auto);
        assert_eq!(
            "cuda:1".parse::<DeviceChoice>().unwrap(),
            DeviceChoice::Named(DeviceName::Cuda(1).into())
        );
        assert!("best".parse::<DeviceChoice>().unwrap_err().hint().unwrap().contains("auto"));
    }

    #[test]
    fn a_gpu_is_best_where_it_can_be_used() {
        let driver = Nvidia { driver: None, gpus: vec!["NVIDIA X".to_owned()] };
        let told = |chosen: Chosen| (chosen.device, chosen.because);
        let none = choose(None, || panic!("nobody looks for the program"), || 1);
        assert_eq!(told(none), (DeviceName::Cpu, "no NVIDIA driver is loaded".to_owned()));
        let lost = choose(Some(&driver), || Some(Error::new("there is no program")), || 1);
        assert_eq!(told(lost), (DeviceName::Cpu, "there is NVIDIA X, but there is no program".to_owned()));
        let found = choose(Some(&driver), || None, || 1);
        assert_eq!(told(found), (DeviceName::Cuda(0), "it is NVIDIA X".to_owned()));
    }
}
