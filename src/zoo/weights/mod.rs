//! Weights in files: PyTorch's `.pt` and safetensors, told apart by what they hold.
//!
//! Nothing in a file is run, and nothing in it is believed without a look: a damaged or hostile
//! file ends in an [`Error`] that names it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::error::{Error, Result};

mod checkpoint;
mod item;
mod model_yaml;
mod pickle;
mod reader;
mod safetensors;
mod torch;

/// Numbers in a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the shape has places.
    pub data: Vec<f32>,
}

/// Arrays under PyTorch's names, e.g. `model.0.conv.weight`, `model.0.bn.running_var`; without
/// `num_batches_tracked`.
pub type Weights = BTreeMap<String, Array>;

/// What a model's file says about it. Only the weights are always there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFile {
    /// The model YAML's text.
    pub arch: Option<String>,
    /// What the architecture is called, e.g. `yolo11n-cls`.
    pub arch_name: Option<String>,
    /// Class names, by index.
    pub names: Option<Vec<String>>,
    /// Side of the square images that it was trained on, in pixels.
    pub size: Option<usize>,
    /// The eval chain, as in a pipeline file.
    pub transforms: Option<Value>,
    /// How it came to be: free facts for people, such as the epoch and its metrics.
    pub training: Option<Value>,
    /// The numbers.
    pub weights: Weights,
}

/// Reads a model's file.
///
/// # Errors
/// If there is no file, or it is damaged, hostile, or holds no weights.
pub fn read(path: &Path) -> Result<ModelFile> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    from_bytes(&bytes).map_err(|reason| {
        let hint =
            reason.hint().unwrap_or("Kiln reads .safetensors files and PyTorch's .pt files").to_owned();
        Error::new(format!("cannot read {} as a model: {reason}", path.display())).help(hint)
    })
}

/// Writes a `.safetensors` file that is enough to use the model again. The same model gives the
/// same bytes. The file is there whole or not at all.
///
/// # Errors
/// If it can't be written.
pub fn write(path: &Path, model: &ModelFile) -> Result<()> {
    safetensors::write(path, model)
}

/// The bytes of the `.safetensors` file that [`write`] makes.
///
/// # Errors
/// If an array has more or fewer numbers than its shape has places.
pub fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    safetensors::to_bytes(model)
}

/// Reads a model from the bytes of a file of either format.
///
/// # Errors
/// As [`read`], without the path.
pub fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    match bytes {
        [] => Err(Error::new("it is empty")),
        [b'P', b'K', 3, 4, ..] => checkpoint::read(bytes),
        [_, _, _, _, _, _, _, _, b'{', ..] => safetensors::from_bytes(bytes),
        [0x80, 1..=5, 0x8a, 0x0a, 0x6c, 0xfc, ..] => {
            Err(Error::new("it has the format of PyTorch before 1.6")
                .help("load it with a newer PyTorch and save it again, or convert it to .safetensors"))
        }
        _ => Err(Error::new("it is neither a PyTorch archive nor a safetensors file")),
    }
}

#[cfg(test)]
mod tests;
