//! The safetensors format, with what Kiln must know about a model under one metadata key.

use std::{borrow::Cow, fs, io::Write as _, path::Path};

use safetensors::{
    Dtype, SafeTensors, View,
    tensor::{Metadata as Header, TensorView},
};

use super::{
    Array, ModelFile, Weights, check_shapes,
    description::{Description, KEY},
    element::Element,
    is_counter,
};
use crate::error::{Error, Result};

pub(super) fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    let damaged = |error| Error::new(format!("its safetensors header is wrong: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut weights = Weights::new();
    for (name, view) in tensors.iter().filter(|(name, _)| !is_counter(name)) {
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
    let text = header.metadata().as_ref().and_then(|entries| entries.get(KEY));
    text.map(|text| Description::parse(text)).transpose()
}

fn array(name: &str, view: &TensorView<'_>) -> Result<Array> {
    let element = Element::of_safetensors(view.dtype()).ok_or_else(|| {
        Error::new(format!("its array {name} has the type {}, which Kiln does not read", view.dtype()))
    })?;
    Ok(Array { shape: view.shape().to_vec(), data: element.decode(view.data()) })
}

pub(super) fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    check_shapes(&model.weights)?;
    // A single entry: the order of the map can't show in the bytes.
    let metadata = [(KEY.to_owned(), Description::text_of(model))].into();
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
        self.to_le_bytes().into()
    }

    fn data_len(&self) -> usize {
        4 * self.data.len()
    }
}
