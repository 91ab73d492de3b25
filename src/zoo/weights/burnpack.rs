//! Burn's own format (`.bpk`), with what Kiln must know about a model under one metadata key.
//!
//! Arrays lie there as PyTorch has them: the names and shapes are those of the other formats.

use burn_pack::{Bytes, DType, MAGIC_NUMBER, Reader, Tensor, Writer};

use super::{
    Array, ModelFile, Weights, check_shapes,
    description::{Description, KEY},
    element::Element,
    is_counter,
};
use crate::error::{Error, Result};

/// Whether the bytes begin as burnpack files do.
pub fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC_NUMBER.to_le_bytes())
}

/// Reads the bytes of a burnpack file.
///
/// # Errors
/// If they are damaged, or hold no weights.
pub fn from_bytes(bytes: &[u8]) -> Result<ModelFile> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).map_err(damaged)?;
    let description = reader.metadata().get(KEY).map(|text| Description::parse(text)).transpose()?;
    let weights = weights(reader.into_tensors().map_err(damaged)?, bytes.len())?;
    match description {
        Some(description) => Ok(description.with(weights)),
        None if weights.is_empty() => Err(Error::new("it has no weights")),
        None => Ok(ModelFile { weights, ..ModelFile::default() }),
    }
}

fn weights(tensors: Vec<Tensor>, size: usize) -> Result<Weights> {
    let mut bytes_left = size;
    let mut weights = Weights::new();
    for tensor in tensors.into_iter().filter(|tensor| !is_counter(&tensor.name)) {
        // Tensors that share their bytes could make much of little.
        bytes_left = bytes_left
            .checked_sub(tensor.byte_len())
            .ok_or_else(|| Error::new("it has tensors with more bytes than the file"))?;
        let name = tensor.name.clone();
        weights.insert(name, array(tensor)?);
    }
    Ok(weights)
}

fn array(tensor: Tensor) -> Result<Array> {
    let element = Element::of_burnpack(tensor.dtype).ok_or_else(|| {
        let kind = tensor.dtype.name();
        Error::new(format!("its array {} has the type {kind}, which Kiln does not read", tensor.name))
    })?;
    let shape = tensor.shape.to_vec();
    Ok(Array { shape, data: element.decode(&tensor.into_bytes().map_err(damaged)?) })
}

/// The bytes of a burnpack file that is enough to use the model again.
///
/// # Errors
/// If an array has more or fewer numbers than its shape has places.
pub fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    check_shapes(&model.weights)?;
    let tensors = model.weights.iter().map(|(name, array)| {
        let bytes = Bytes::from_bytes_vec(array.to_le_bytes());
        Tensor::new(name.clone(), DType::F32, array.shape.clone(), None, bytes)
    });
    let writer = Writer::new(tensors.collect()).with_metadata(KEY, &Description::text_of(model));
    let failed = |error| Error::new(format!("the weights can't be written: {error}"));
    Ok(writer.into_bytes().map_err(failed)?.to_vec())
}

fn damaged(error: burn_pack::Error) -> Error {
    Error::new(format!("it is a damaged burnpack file: {error}"))
}
