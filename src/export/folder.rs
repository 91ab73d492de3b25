//! Formats that are several files in a folder, with what they say of their model in a `metadata.yaml` beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Model, OutputFile, Told, input_file};
use crate::error::{Error, Result};

/// What the file is called that says it.
pub(super) const METADATA: &str = "metadata.yaml";

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
    if path.exists() { Told::from_yaml(&input_file::text(&path)?) } else { Ok(Told::default()) }
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
