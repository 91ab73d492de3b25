//! The safetensors format, with what Kiln must know about a model under one metadata key.

use std::{borrow::Cow, cmp::Ordering, fmt::Display, path::Path};

use safetensors::{
    Dtype, View,
    tensor::{Metadata as Header, TensorInfo},
};

use super::{
    Array, ModelFile, Weights, check_shapes, cut_short, damaged,
    description::{Description, KEY},
    element::Element,
    is_counter, json, malformed, shown,
};
use crate::{
    atomic::{self, Durability},
    error::{Error, Result},
};

pub(super) fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    let (text, data) = parts(bytes)?;
    let header: Header = json::parse(text).map_err(wrong)?;
    check_length(header.data_len(), data.len())?;
    let mut weights = Weights::new();
    for name in header.offset_keys().into_iter().filter(|name| !is_counter(name)) {
        let array = header.info(&name).map(|info| array(&name, info, data)).transpose()?;
        weights.extend(array.map(|array| (name, array)));
    }
    match description(&header)? {
        // Kiln's own may describe a network that has none yet.
        Some(description) => Ok(description.with(weights)),
        None if weights.is_empty() => Err(malformed("no weights")),
        None => Ok(ModelFile { weights, ..ModelFile::default() }),
    }
}

/// The header and the numbers.
fn parts(bytes: &[u8]) -> Result<(&str, &[u8])> {
    let short = || cut_short("its header breaks off");
    let (size, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
    let size = u64::from_le_bytes(*size);
    if size > json::MAX_BYTES as u64 {
        return Err(malformed("a header that is longer than any model's"));
    }
    let (header, data) = rest.split_at_checked(size as usize).ok_or_else(short)?;
    Ok((std::str::from_utf8(header).map_err(wrong)?, data))
}

fn check_length(wanted: usize, found: usize) -> Result<()> {
    match wanted.cmp(&found) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => {
            Err(cut_short(&format!("{wanted} bytes of numbers are announced, {found} are there")))
        }
        Ordering::Less => {
            Err(damaged(format!("it goes on for {} bytes after its last array", found - wanted)))
        }
    }
}

fn wrong(error: impl Display) -> Error {
    damaged(format!("its safetensors header is wrong: {}", shown(&error.to_string())))
}

fn description(header: &Header) -> Result<Option<Description>> {
    let text = header.metadata().as_ref().and_then(|entries| entries.get(KEY));
    text.map(|text| Description::parse(text)).transpose()
}

fn array(name: &str, info: &TensorInfo, data: &[u8]) -> Result<Array> {
    let TensorInfo { dtype, shape, data_offsets: (start, end) } = info;
    let element = Element::of_safetensors(*dtype).ok_or_else(|| {
        Error::new(format!("its array {} has the type {dtype}, which Kiln does not read", shown(name)))
    })?;
    let bytes = data.get(*start..*end).ok_or_else(|| wrong("an array outside the file"))?;
    Ok(Array { shape: shape.clone(), data: element.decode(bytes) })
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
    atomic::write(path, &bytes, Durability::Synced).map_err(|error| Error::io("write", path, error))
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
