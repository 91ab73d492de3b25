//! Weights in files: PyTorch's `.pt`, safetensors and burnpack, told apart by what they hold.
//!
//! Nothing in a file is run, and nothing in it is believed without a look: a damaged or hostile
//! file ends in an [`Error`] that names it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::error::{Error, Result};

mod burnpack;
mod checkpoint;
mod description;
mod element;
mod item;
mod model_yaml;
mod pickle;
mod reader;
mod safetensors;
mod state_dict;
mod torch;
mod transfer;

pub use transfer::{Transfer, transfer};

/// Largest file that is read, in bytes. The largest known classifier has 0.5 GB while it is trained.
pub const MAX_BYTES: u64 = 4 << 30;

/// Numbers in a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the shape has places.
    pub data: Vec<f32>,
}

impl Array {
    /// The numbers, little-endian.
    fn to_le_bytes(&self) -> Vec<u8> {
        self.data.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
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
    /// What could not be understood of the file, for people; not written.
    pub remark: Option<String>,
    /// How it came to be: free facts for people, such as the epoch and its metrics.
    pub training: Option<Value>,
    /// The numbers.
    pub weights: Weights,
}

impl ModelFile {
    /// How many classes its head tells apart, if it has a head.
    pub fn classes(&self) -> Option<usize> {
        let head = self.weights.iter().find(|(name, _)| name.ends_with(".linear.weight"));
        head.and_then(|(_, array)| array.shape.first().copied())
    }
}

/// Reads a model's file.
///
/// # Errors
/// If there is no file, or it is damaged, hostile, or holds no weights.
pub fn read(path: &Path) -> Result<ModelFile> {
    let size = fs::metadata(path).map_err(|error| Error::io("read", path, error))?.len();
    if size > MAX_BYTES {
        return Err(Error::new(format!("{} has {size} bytes, more than any model", path.display())));
    }
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    from_bytes(&bytes).map_err(|reason| {
        let hint =
            reason.hint().unwrap_or("Kiln reads .safetensors, .bpk and PyTorch's .pt files").to_owned();
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

/// The bytes of a burnpack file that is enough to use the model again, in burn or in Kiln.
///
/// # Errors
/// As [`to_bytes`].
pub fn to_burnpack(model: &ModelFile) -> Result<Vec<u8>> {
    burnpack::to_bytes(model)
}

/// The bytes of a `.pt` file with the weights as a plain state dict, for
/// `torch.load(path, weights_only=True)`. Kiln finds there all that it needs to use the model again;
/// PyTorch sees the weights alone.
///
/// # Errors
/// As [`to_bytes`].
pub fn to_state_dict(model: &ModelFile) -> Result<Vec<u8>> {
    state_dict::to_bytes(model)
}

/// Reads a model from the bytes of a file of any format.
///
/// # Errors
/// As [`read`], without the path.
pub fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    match bytes {
        [] => Err(Error::new("it is empty")),
        [b'P', b'K', 3, 4, ..] => checkpoint::read(bytes),
        _ if burnpack::is(bytes) => burnpack::from_bytes(bytes),
        [_, _, _, _, _, _, _, _, b'{', ..] => safetensors::from_bytes(bytes),
        [0x80, 1..=5, 0x8a, 0x0a, 0x6c, 0xfc, ..] => {
            Err(Error::new("it has the format of PyTorch before 1.6")
                .help("load it with a newer PyTorch and save it again, or convert it to .safetensors"))
        }
        _ => Err(Error::new("it is no PyTorch archive, no safetensors and no burnpack file")),
    }
}

/// Whether `name` is that of a BatchNorm's step counter, which is left out: nothing in inference or
/// in training with a fixed momentum uses it.
fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

/// How many elements a shape has, if that is a number at all.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
}

/// Checks that every array has as many numbers as its shape has places.
fn check_shapes(weights: &Weights) -> Result<()> {
    match weights.iter().find(|(_, array)| count(&array.shape) != Some(array.data.len())) {
        None => Ok(()),
        Some((name, Array { shape, data })) => {
            Err(Error::new(format!("{name} has {} numbers for the shape {shape:?}", data.len())))
        }
    }
}

#[cfg(test)]
mod tests;
