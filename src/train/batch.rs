//! How many images go through the network at once, and how many a device has memory for.

use std::{borrow::Cow, collections::BTreeSet, fs, path::Path, sync::Arc};

use burn::tensor::{Device, Tensor};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    loss::{Loss, Targets},
    out_of_memory,
    precision::Precision,
};
use crate::{
    arch::{Arch, Computation},
    device_name::DeviceName,
    error::{Error, Result},
    network::{Network, Parameters, gradients::pass, layout::Layout},
};

/// Images per forward pass: a number, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BatchSize {
    /// As many as this.
    Images(usize),
    /// As many as the device has memory for.
    Word(Auto),
}

/// The word `auto` in the place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// As many as fit: `auto`.
    Auto,
}

/// What `auto` comes to on a device whose memory can't be asked for, as in the reference.
const USUAL: usize = 16;

impl BatchSize {
    /// The number of images; for `auto` on a GPU what `fitting` finds.
    ///
    /// # Errors
    /// Those of `fitting`.
    pub fn resolve(self, device: DeviceName, fitting: impl FnOnce() -> Result<usize>) -> Result<usize> {
        self.known(device).map_or_else(fitting, Ok)
    }

    /// The number of images, where no GPU must be asked for it.
    pub fn known(self, device: DeviceName) -> Option<usize> {
        match (self, device) {
            (Self::Images(batch), _) => Some(batch),
            (Self::Word(Auto::Auto), DeviceName::Cuda(_)) => None,
            (Self::Word(Auto::Auto), _) => Some(USUAL),
        }
    }
}

impl Default for BatchSize {
    fn default() -> Self {
        Self::Images(USUAL)
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": 65536,
            "pattern": "^auto$",
            "patternErrorMessage": "must be a whole number, or `auto`",
            "defaultSnippets": [{ "label": "auto", "body": "auto" }],
        })
    }
}

/// No batch is larger than this, as in the reference.
const MOST: usize = 1024;
/// Where the number is kept, so that a resumed run has the same.
const FILE: &str = "batch.txt";

/// The largest power of two of which twice as many images of `size`² pixels go forward and backward through
/// `arch` at once on each device, at most 1024. The devices are asked in the surest way: by doing it.
///
/// The number is kept in the folder `scratch` and taken from there the next time: a run that is resumed must
/// have the batches that it began with.
///
/// # Errors
/// If not even two images fit, or `scratch` can't be written.
pub fn fitting(
    arch: &Arch,
    size: usize,
    precision: Precision,
    devices: &[Device],
    scratch: &Path,
) -> Result<usize> {
    let path = scratch.join(FILE);
    if let Some(kept) = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
        return Ok(kept);
    }
    let fits = |batch| devices.iter().all(|device| fits(arch, batch, size, precision, device));
    let batch = largest(fits).ok_or_else(|| {
        Error::new(format!("not even 2 images of {size} x {size} pixels fit into memory"))
            .help("lower the `size` of the transforms, or choose a smaller architecture")
    })?;
    fs::write(&path, batch.to_string()).map_err(|error| Error::io("write", &path, error))?;
    Ok(batch)
}

/// The largest power of two for which `fits` holds for twice as many.
fn largest(fits: impl Fn(usize) -> bool) -> Option<usize> {
    let doubled = std::iter::successors(Some(1), |batch| Some(batch * 2)).take_while(|&batch| batch <= MOST);
    doubled.take_while(|&batch| fits(2 * batch)).last()
}

fn fits(arch: &Arch, batch: usize, size: usize, precision: Precision, device: &Device) -> bool {
    let step = || {
        let network = Network::new(Computation::of(arch));
        let parameters = blank(network.computation(), device);
        let images = precision.of(Tensor::zeros([batch, 3, size, size], device));
        let loss = Loss { classes: arch.classes, smoothing: 0.0, weights: None, gamma: 0.0 };
        let targets = Targets::Classes(vec![0; batch]);
        pass(&network, &parameters, images, None, |logits| loss.of(logits, &targets));
    };
    out_of_memory::guard(batch, size, step).is_ok()
}

/// Parameters that are all zero: the work is the same.
fn blank(computation: &Computation, device: &Device) -> Parameters {
    let layout = Arc::new(Layout::new(&computation.shapes(), BTreeSet::new()));
    Parameters { values: Tensor::zeros([layout.count()], device), layout }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_many_must_fit() {
        let with_room_for = |most| largest(|batch| batch <= most);
        assert_eq!(
            [1, 2, 3, 100, 128, 1_000_000].map(with_room_for),
            [None, Some(1), Some(1), Some(32), Some(64), Some(1024)]
        );
    }

    #[test]
    fn only_a_gpu_is_asked_what_fits() {
        let size = |batch: BatchSize, device| batch.resolve(device, || Ok(64)).unwrap();
        let auto = BatchSize::Word(Auto::Auto);
        assert_eq!(size(auto, DeviceName::Cuda(0)), 64);
        assert_eq!([DeviceName::Cpu, DeviceName::LibTorch].map(|device| size(auto, device)), [16, 16]);
        assert_eq!(size(BatchSize::Images(7), DeviceName::Cuda(0)), 7);
    }

    #[test]
    fn the_number_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let arch = Arch::built_in("yolo11n-cls", 2).unwrap();
        assert!(fits(&arch, 2, 32, Precision::Fp32, &Device::flex()));
        fs::write(folder.path().join(FILE), "12").unwrap();
        assert_eq!(fitting(&arch, 32, Precision::Fp32, &[Device::flex()], folder.path()).unwrap(), 12);
    }
}
