//! Formats that are several files in a folder, with what they say of their model in a `metadata.yaml` beside them.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{Model, OutputFile, Told};
use crate::error::{Error, Result};

const METADATA: &str = "metadata.yaml";
/// The longest text that is read, in bytes: a network of thousands of operations has far less.
const LONGEST: u64 = 1 << 24;

/// What a file of the folder should say of the model.
pub(super) fn metadata(folder: &str, model: &Model<'_>) -> OutputFile {
    OutputFile { path: format!("{folder}/{METADATA}"), bytes: model.metadata_yaml().into_bytes() }
}

/// What the folder's metadata say; nothing where there are none.
///
/// # Errors
/// If they can't be read.
pub(super) fn told(folder: &Path) -> Result<Told> {
    let path = folder.join(METADATA);
    if path.exists() { Told::from_yaml(&text(&path)?) } else { Ok(Told::default()) }
}

/// The one file of the folder whose name has this ending; none if there is no such file, or more than one.
pub(super) fn only(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let mut found = entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)));
    found.next().filter(|_| found.next().is_none())
}

/// The same, where there must be one.
///
/// # Errors
/// If there is none.
pub(super) fn needed(folder: &Path, ending: &str) -> Result<PathBuf> {
    only(folder, ending).ok_or_else(|| Error::new(format!("{} has not one file *{ending}", folder.display())))
}

/// The text of a file.
///
/// # Errors
/// If it can't be read, or is longer than such a file can be.
pub(super) fn text(path: &Path) -> Result<String> {
    let unreadable = |error| Error::io("read", path, error);
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(Error::new(format!("{} is longer than such a file can be", path.display())));
    }
    Ok(text)
}

/// The bytes of a file.
///
/// # Errors
/// If it can't be read.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::io("read", path, error))
}
