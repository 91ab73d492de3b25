//! Weights in files: PyTorch's `.pt`, safetensors and burnpack, told apart by what they hold.
//!
//! Nothing in a file is run, and nothing in it is believed without a look: a damaged or hostile
//! file ends in an [`Error`] that names it.

use std::{collections::BTreeMap, io::Read as _, path::Path};

use serde_json::Value;

use self::format::Format;
use crate::{
    error::{Error, Result},
    files,
    signature::HEAD,
};

mod burnpack;
mod checkpoint;
mod description;
mod element;
mod fold;
mod format;
mod fresh;
mod item;
mod json;
mod legacy;
mod model_yaml;
mod pickle;
mod pickling;
mod reader;
mod safetensors;
mod script;
mod state_dict;
mod tensors;
mod torch;
mod torch_zip;
mod transfer;
mod wrappers;

pub use fold::{fold_norms, fold_weights, merge_branches};
pub use fresh::{completed, fresh};
pub(crate) use script::{Script, ScriptTensor, is_script};
pub use transfer::{Transfer, transfer};

/// Largest file that is read, in bytes. The largest known classifier has 0.5 GB while it is trained.
pub const MAX_BYTES: u64 = 4 << 30;
/// Most arrays in a file; the largest known classifier has about 900.
const MAX_TENSORS: usize = 20_000;
/// Longest name of an array, in bytes.
const MAX_NAME: usize = 1024;
/// Most dimensions of an array.
const MAX_DIMENSIONS: usize = 16;
/// Largest side of the images that a network may be for, in pixels: as a pipeline file may ask for.
const MAX_SIZE: usize = 16_384;

/// Numbers in a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes of the dimensions, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the shape has places.
    pub data: Vec<f32>,
}

impl Array {
    /// The numbers as bytes, little-endian, one after the other.
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
    /// The network's parameters, by name.
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
    Format::of(&head(path)?).map_err(|reason| unread(path, &reason))?;
    let bytes = files::read(path, MAX_BYTES).map_err(|error| Error::io("read", path, error))?;
    from_bytes(&bytes).map_err(|reason| unread(path, &reason))
}

/// Looks at a file's first bytes, whether it may be a model's.
///
/// # Errors
/// If it can't be opened, or what it is instead.
pub fn look(path: &Path) -> Result<()> {
    Format::of(&head(path)?).map(drop)
}

fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    let read = files::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.map(|_| head).map_err(|error| Error::io("read", path, error))
}

/// What files with weights are called, whoever writes them.
const ENDINGS: [&str; 6] = ["pt", "pth", "ckpt", "bin", "safetensors", "bpk"];

/// Whether a file is called as those with weights are.
pub fn is_named_like_weights(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

fn unread(path: &Path, reason: &Error) -> Error {
    let hint = reason.hint().unwrap_or("Kiln reads .safetensors, .bpk and PyTorch's .pt files").to_owned();
    Error::new(format!("cannot read {} as a model: {reason}", crate::shown::path(path))).help(hint)
}

/// Writes a `.safetensors` file that is enough to use the model again. The same model gives the
/// same bytes. The file is there whole or not at all.
///
/// # Errors
/// If it can't be written.
pub fn write(path: &Path, model: &ModelFile) -> Result<()> {
    safetensors::write(path, model)
}

/// The bytes of the `.safetensors` file that [`write()`] makes.
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
    let mut file = match Format::of(bytes)? {
        Format::Torch => checkpoint::read(bytes),
        Format::Legacy => checkpoint::read_legacy(bytes),
        Format::Safetensors => safetensors::from_bytes(bytes),
        Format::Burnpack => burnpack::from_bytes(bytes),
    }?;
    check(&file)?;
    file.weights = wrappers::unwrapped(file.weights);
    // It stands in many messages, and decides nothing but the scale.
    file.arch_name = file.arch_name.map(|name| shown(&name));
    Ok(file)
}

/// Refuses what no network has, whatever the format.
fn check(file: &ModelFile) -> Result<()> {
    let names = || file.weights.keys().any(|name| name.len() > MAX_NAME);
    let shapes = || file.weights.values().any(|array| array.shape.len() > MAX_DIMENSIONS);
    match () {
        () if file.weights.len() > MAX_TENSORS => Err(malformed("more arrays than any network")),
        () if names() => Err(malformed("names that are too long for parameters")),
        () if shapes() => Err(malformed("arrays with more dimensions than any network's")),
        () if file.size.is_some_and(|size| !(1..=MAX_SIZE).contains(&size)) => {
            Err(malformed("an image size that can't be"))
        }
        () => Ok(()),
    }
}

/// The file has something that no good file has.
fn malformed(what: &str) -> Error {
    Error::new(format!("it has {what}"))
}

/// The file was a good one once, perhaps.
fn damaged(how: String) -> Error {
    Error::new(format!("it is damaged: {how}"))
        .help("get the file again, and compare its size or its SHA-256")
}

/// The file lacks its end.
fn cut_short(how: &str) -> Error {
    Error::new(format!("it is cut short or damaged: {how}"))
        .help("a copy or a download may have broken off: get the file again, and compare its size")
}

/// A text out of a file as it may stand in a message: on one line, and its beginning only.
fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", crate::shown::text(&text[..end])),
        None => crate::shown::text(text).into_owned(),
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
