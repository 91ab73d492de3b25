//! The name of a compute device, as a command line has it: `cpu`, `libtorch`, `cuda:0`.

use std::{fmt, str::FromStr};

use crate::{error::Error, shown};

/// Where to calculate. Whether there is such a device is for [`crate::device`] to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// Pure Rust, everywhere.
    #[default]
    Cpu,
    /// LibTorch's CPU kernels.
    LibTorch,
    /// A GPU by its number, through LibTorch.
    Cuda(usize),
}

impl DeviceName {
    /// What it is one of: its name without its number.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::LibTorch => "libtorch",
            Self::Cuda(_) => "cuda",
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu | Self::LibTorch => f.write_str(self.kind()),
            Self::Cuda(number) => write!(f, "{}:{number}", self.kind()),
        }
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    /// # Errors
    /// If there is no such name.
    fn from_str(text: &str) -> Result<Self, Error> {
        let number = || text.strip_prefix("cuda:")?.parse().ok();
        match text {
            "cpu" => Some(Self::Cpu),
            "libtorch" => Some(Self::LibTorch),
            "cuda" => Some(Self::Cuda(0)),
            _ => number().map(Self::Cuda),
        }
        .ok_or_else(|| {
            Error::usage(format!("there is no device `{}`", shown::text(text)))
                .help("devices are cpu, libtorch, cuda, cuda:N (N from 0), and auto for the best there is")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for device in [DeviceName::Cpu, DeviceName::LibTorch, DeviceName::Cuda(0), DeviceName::Cuda(3)] {
            assert_eq!(device.to_string().parse::<DeviceName>().unwrap(), device);
        }
        assert_eq!("cuda".parse::<DeviceName>().unwrap(), DeviceName::Cuda(0));
    }

    #[test]
    fn other_names_are_refused_with_a_hint() {
        for name in ["gpu", "cuda:x", "cuda:-1", "CPU", ""] {
            assert!(name.parse::<DeviceName>().unwrap_err().hint().is_some(), "{name}");
        }
    }
}
