//! Where finished work ended, kept for longer work of the same kind to begin at.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{inside, key::Key};

/// The folder of the store that they lie in, each under the key of its result.
pub(super) const ENDS: &str = "ends";

/// What becomes of a node's scratch folder when its result is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Longer work can begin there.
    Kept,
    /// It is of no more use.
    Forgotten,
}

/// Where a result's end lies, if it was kept.
pub(super) fn folder(root: &Path, result: Key) -> PathBuf {
    root.join(ENDS).join(result.to_string())
}

/// Whether there is one; what holds links is none.
pub(super) fn is_there(root: &Path, result: Key) -> bool {
    let folder = folder(root, result);
    inside::check(root, &folder).is_ok() && folder.is_dir() && inside::is_plain(&folder)
}

/// Moves a scratch folder there.
pub(super) fn keep(root: &Path, result: Key, scratch: &Path) -> io::Result<()> {
    inside::check(root, scratch)?;
    inside::make(root, &root.join(ENDS))?;
    fs::rename(scratch, folder(root, result))
}

/// Fills an empty scratch folder with what was kept: all of it or, if the work is killed, nothing.
pub(super) fn copy(root: &Path, result: Key, scratch: &Path) -> io::Result<()> {
    if !is_there(root, result) {
        return Ok(());
    }
    let part = scratch.with_extension("part");
    inside::remove(root, &part)?;
    inside::make(root, &part)?;
    for file in inside::list(&folder(root, result)).into_iter().filter(|found| !found.is_folder) {
        fs::copy(&file.path, part.join(&file.name))?;
    }
    fs::remove_dir(scratch)?;
    fs::rename(part, scratch)
}

/// How many bytes it takes.
pub(super) fn size(root: &Path, result: Key) -> u64 {
    let files = inside::list(&folder(root, result)).into_iter();
    files.map(|file| fs::symlink_metadata(file.path).map_or(0, |metadata| metadata.len())).sum()
}
