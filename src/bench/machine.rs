//! What was measured with.

use std::{
    env::consts::{ARCH, OS},
    fmt, fs,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    device::{self, Nvidia},
    device_name::DeviceName,
    shown,
};

/// What was measured with: without it, no time means anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Machine {
    /// Kiln's version.
    pub kiln: String,
    /// The operating system, and what processors it is for.
    pub system: String,
    /// The processor, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// How many threads computed.
    pub threads: usize,
    /// The vector instructions that the device `cpu` computes with.
    pub vectors: String,
    /// The device that Kiln's own networks ran on.
    pub device: String,
    /// The GPU that this device is, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
}

impl Machine {
    /// This one, where so many threads compute, and a device.
    pub fn this(device: DeviceName, threads: usize) -> Self {
        let gpu = match device {
            DeviceName::Cuda(number) => Nvidia::loaded().and_then(|driver| driver.gpus.get(number).cloned()),
            DeviceName::Cpu | DeviceName::LibTorch => None,
        };
        Self {
            kiln: version(),
            system: system(),
            processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)),
            threads,
            vectors: device::vectors().to_owned(),
            device: device.to_string(),
            gpu,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kiln, system, processor, threads, vectors, device, gpu } = self;
        let processor = processor.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        let gpu = gpu.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let threads = shown::count(*threads, "thread");
        write!(f, "Kiln {kiln}; {system}; {processor}{threads}, vectors: {vectors}; device {device}{gpu}")
    }
}

/// The operating system, and what processors it is for: `linux on x86_64`.
pub fn system() -> String {
    format!("{OS} on {ARCH}")
}

/// Kiln's version, with what makes all its times worthless.
fn version() -> String {
    let build = if cfg!(debug_assertions) { ", a debug build: slow" } else { "" };
    format!("{}{build}", env!("CARGO_PKG_VERSION"))
}

/// The processor's name in Linux's `cpuinfo`.
fn processor(cpuinfo: &str) -> Option<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    };
    cpuinfo.lines().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_a_name() {
        let text = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz\n\nmodel name\t: other\n";
        assert_eq!(processor(text).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(processor("Hardware\t: a board\n"), None);
    }

    #[test]
    fn a_machine_is_told_in_one_line() {
        let machine = Machine {
            kiln: "0.1.0".to_owned(),
            system: "linux on x86_64".to_owned(),
            processor: Some("Some CPU".to_owned()),
            threads: 2,
            vectors: "AVX2 and FMA".to_owned(),
            device: "cuda:0".to_owned(),
            gpu: Some("NVIDIA X".to_owned()),
        };
        insta::assert_snapshot!(machine, @"Kiln 0.1.0; linux on x86_64; Some CPU, 2 threads, vectors: AVX2 and FMA; device cuda:0 (NVIDIA X)");
        let unknown = Machine { processor: None, gpu: None, threads: 1, ..machine };
        insta::assert_snapshot!(unknown, @"Kiln 0.1.0; linux on x86_64; 1 thread, vectors: AVX2 and FMA; device cuda:0");
    }
}
