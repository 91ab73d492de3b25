//! Texts that count in place of those on the disk: what an editor has not saved yet.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{problem::Problem, source::Source};

/// Texts by the path of the file that they will be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unsaved(BTreeMap<PathBuf, String>);

/// Nothing is open: every file is read from the disk.
pub(super) static NONE: Unsaved = Unsaved(BTreeMap::new());

impl Unsaved {
    /// Says what a file will be.
    pub fn insert(&mut self, path: &Path, text: String) {
        self.0.insert(real(path), text);
    }

    /// Reads a file: its unsaved text, if there is one.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(super) fn read(&self, path: &Path) -> Result<Source, Box<(Source, Problem)>> {
        match self.get(path) {
            Some(text) => Ok(Source::new(crate::shown::path(path), text)),
            None => Source::read(path),
        }
    }

    fn get(&self, path: &Path) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&real(path)).map(String::as_str)
    }
}

/// The one path of a file, whatever links and `..` lead to it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
