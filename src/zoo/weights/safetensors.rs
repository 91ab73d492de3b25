//! The safetensors format, with what Kiln must know about a model under one metadata key.
//!
//! `__metadata__.kiln` is a JSON object: `format` (1), and `arch`, `arch_name`, `names`, `size`,
//! `transforms`, `training` where known. Other programs skip it and read the arrays.

use std::{borrow::Cow, fs, io::Write as _, path::Path};

use half::{bf16, f16};
use safetensors::{
    Dtype, SafeTensors, View,
    tensor::{Metadata as Header, TensorView},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Array, ModelFile, Weights, torch};
use crate::error::{Error, Result};

/// The metadata key.
const KEY: &str = "kiln";
/// The version of what stands there.
const FORMAT: u32 = 1;

/// What stands under [`KEY`].
#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transforms: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training: Option<Value>,
}

impl From<&ModelFile> for Description {
    fn from(model: &ModelFile) -> Self {
        let ModelFile { arch, arch_name, names, size, transforms, training, weights: _ } = model.clone();
        Self { format: FORMAT, arch_name, arch, names, size, transforms, training }
    }
}

impl Description {
    fn with(self, weights: Weights) -> ModelFile {
        let Self { format: _, arch_name, arch, names, size, transforms, training } = self;
        ModelFile { arch, arch_name, names, size, transforms, training, weights }
    }
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    let damaged = |error| Error::new(format!("its safetensors header is wrong: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut weights = Weights::new();
    for (name, view) in tensors.iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")) {
        weights.insert(name.to_owned(), array(name, &view)?);
    }
    match description(&header)? {
        // Kiln's own may describe a network that has none yet.
        Some(description) => Ok(description.with(weights)),
        None if weights.is_empty() => Err(Error::new("it has no weights")),
        None => Ok(ModelFile { weights, ..ModelFile::default() }),
    }
}

fn description(header: &Header) -> Result<Option<Description>> {
    let Some(text) = header.metadata().as_ref().and_then(|entries| entries.get(KEY)) else { return Ok(None) };
    let wrong = |error| Error::new(format!("its `{KEY}` metadata is wrong: {error}"));
    let value: Value = serde_json::from_str(text).map_err(wrong)?;
    let format = value.get("format").and_then(Value::as_u64);
    if format.is_some_and(|format| format > u64::from(FORMAT)) {
        return Err(
            Error::new("it was written by a newer Kiln").help("read it with a version at least as new")
        );
    }
    serde_json::from_value(value).map(Some).map_err(wrong)
}

fn array(name: &str, view: &TensorView<'_>) -> Result<Array> {
    let bytes = view.data();
    let data = match view.dtype() {
        Dtype::F32 => torch::numbers(bytes, f32::from_le_bytes),
        Dtype::F16 => torch::numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => torch::numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => torch::numbers(bytes, |b| f64::from_le_bytes(b) as f32),
        other => {
            return Err(Error::new(format!(
                "its array {name} has the type {other}, which Kiln does not read"
            )));
        }
    };
    Ok(Array { shape: view.shape().to_vec(), data })
}

pub(super) fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    for (name, array) in &model.weights {
        if torch::count(&array.shape) != Some(array.data.len()) {
            let found = format!("{name} has {} numbers for the shape {:?}", array.data.len(), array.shape);
            return Err(Error::new(found));
        }
    }
    let description =
        serde_json::to_string(&Description::from(model)).expect("strings and JSON are plain data");
    // A single entry: the order of the map can't show in the bytes.
    let metadata = [(KEY.to_owned(), description)].into();
    let failed = |error| Error::new(format!("the weights can't be written: {error}"));
    safetensors::serialize(&model.weights, Some(metadata)).map_err(failed)
}

pub(super) fn write(path: &Path, model: &ModelFile) -> Result<()> {
    let bytes = to_bytes(model)?;
    let failed = |error| Error::io("write", path, error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = named_like_others().tempfile_in(folder).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Temporary files are their owner's alone; what becomes of this one is for all whom the umask lets.
fn named_like_others() -> tempfile::Builder<'static, 'static> {
    #[allow(unused_mut, reason = "only Unix has permissions to set")]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.data.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        4 * self.data.len()
    }
}
