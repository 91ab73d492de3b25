//! The proof that a file of weights holds what the model holds: it is read back.

use std::path::Path;

use super::{Format, Verification};
use crate::{
    error::{Error, Result},
    weights::{self, ModelFile},
};

/// Reads the file that `format` wrote below `folder`, and compares it with `model` bit by bit.
///
/// # Errors
/// If it can't be read, or anything in it differs.
pub fn read_back(format: &Format, folder: &Path, model: &ModelFile) -> Result<Verification> {
    let read = weights::read(&folder.join(format.file))?;
    // Bytes, not numbers: a NaN is unlike itself.
    if weights::to_bytes(&read)? != weights::to_bytes(model)? {
        return Err(
            Error::new("the written weights are not those of the model").help("look for a damaged disk")
        );
    }
    let source = "the file, read back".to_owned();
    Ok(Verification {
        file: format.file,
        engine: "kiln".to_owned(),
        source,
        images: 0,
        largest_difference: 0.0,
        limit: 0.0,
        compiled_by: None,
    })
}
