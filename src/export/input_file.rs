//! A file that is read again.

use std::{io::Read as _, path::Path};

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

/// What it begins with, of so many bytes at most; nothing if it can't be read or is no regular file: a pipe is not waited
/// for.
pub(super) fn head(path: &Path, most: u64) -> Vec<u8> {
    let mut head = Vec::new();
    let read = files::open(path).and_then(|file| file.take(most).read_to_end(&mut head));
    read.map(|_| head).unwrap_or_default()
}
