//! Burn's own format (`.bpk`), with what Kiln must know about a model under one metadata key.
//!
//! Arrays lie there as PyTorch has them: the names and shapes are those of the other formats.

use burn_pack::{Bytes, DType, HEADER_SIZE, Header, MAGIC_NUMBER, Reader, Tensor, Writer};

use super::{
    Array, ModelFile, Weights, check_shapes, cut_short, damaged,
    description::{Description, KEY},
    element::Element,
    is_counter, malformed, shown,
};
use crate::{
    budget::Budget,
    error::{Error, Result},
};

/// The most metadata that is read, in bytes: arrays by name, and what Kiln must know about a model.
const MAX_METADATA: usize = 8 << 20;

/// Whether the bytes begin as burnpack files do.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC_NUMBER.to_le_bytes())
}

/// Reads the bytes of a burnpack file.
///
/// # Errors
/// If they are damaged, or hold no weights.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    check_metadata(bytes)?;
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).map_err(wrong)?;
    let description = reader.metadata().get(KEY).map(|text| Description::parse(text)).transpose()?;
    let weights = weights(reader.into_tensors().map_err(wrong)?, bytes.len())?;
    match description {
        Some(description) => Ok(description.with(weights)),
        None if weights.is_empty() => Err(malformed("no weights")),
        None => Ok(ModelFile { weights, ..ModelFile::default() }),
    }
}

/// Refuses metadata that would take much memory when it is read: a byte of it may become twenty.
fn check_metadata(bytes: &[u8]) -> Result<()> {
    let size = Header::from_bytes(bytes).map_err(wrong)?.metadata_size as usize;
    match size {
        _ if size > MAX_METADATA => Err(malformed("a list of arrays that is longer than any model's")),
        _ if HEADER_SIZE + size > bytes.len() => Err(cut_short("its list of arrays breaks off")),
        _ => Ok(()),
    }
}

fn weights(tensors: Vec<Tensor>, size: usize) -> Result<Weights> {
    let mut left = Budget::new(size as u64);
    let mut weights = Weights::new();
    for tensor in tensors.into_iter().filter(|tensor| !is_counter(&tensor.name)) {
        // Tensors that share their bytes could make much of little.
        left.take(tensor.byte_len() as u64).map_err(|_| malformed("arrays with more bytes than the file"))?;
        let name = tensor.name.clone();
        weights.insert(name, array(tensor)?);
    }
    Ok(weights)
}

fn array(tensor: Tensor) -> Result<Array> {
    let element = Element::of_burnpack(tensor.dtype).ok_or_else(|| {
        let kind = tensor.dtype.name();
        let name = shown(&tensor.name);
        Error::new(format!("its array {name} has the type {kind}, which Kiln does not read"))
    })?;
    let shape = tensor.shape.to_vec();
    Ok(Array { shape, data: element.decode(&tensor.into_bytes().map_err(wrong)?) })
}

/// The bytes of a burnpack file that is enough to use the model again.
///
/// # Errors
/// If an array has more or fewer numbers than its shape has places.
pub(super) fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    check_shapes(&model.weights)?;
    let tensors = model.weights.iter().map(|(name, array)| {
        let bytes = Bytes::from_bytes_vec(array.to_le_bytes());
        Tensor::new(name.clone(), DType::F32, array.shape.clone(), None, bytes)
    });
    let writer = Writer::new(tensors.collect()).with_metadata(KEY, &Description::text_of(model));
    let failed = |error| Error::new(format!("the weights can't be written: {error}"));
    Ok(writer.into_bytes().map_err(failed)?.to_vec())
}

fn wrong(error: burn_pack::Error) -> Error {
    match &error {
        burn_pack::Error::InvalidHeader => return cut_short("its header breaks off"),
        burn_pack::Error::ValidationError(text) if text.starts_with("File truncated") => {
            return cut_short("its arrays break off");
        }
        _ => {}
    }
    damaged(format!("as a burnpack file it can't be read: {}", shown(&error.to_string())))
}
