//! A file that is read again.

use std::path::Path;

use crate::{
    error::{Error, Result},
    files,
    weights::MAX_BYTES,
};

/// Its bytes.
///
/// # Errors
/// If it can't be read, is no regular file, or is longer than a model can be.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    files::read(path, MAX_BYTES).map_err(|error| Error::io("read", path, error))
}

/// Its text.
///
/// # Errors
/// As [`bytes`]; or if it is longer than a network's text can be, or none.
pub(super) fn text(path: &Path) -> Result<String> {
    files::read_text(path).map_err(|error| Error::io("read", path, error))
}
