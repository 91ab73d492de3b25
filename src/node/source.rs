//! Files that decide, by what lies in them, what a node gives.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{error::Result, progress::Stop, store::Digest};

/// Finds the files that count, given the absolute path that a key names; sorted. Called only if something lies
/// there, unless it is a pattern (contains `*`). Ends early, with an error, when asked to stop.
pub type List = Box<dyn Fn(&Path, &Stop) -> Result<Vec<PathBuf>> + Send + Sync>;

/// A path in the file that decides, by what lies there, what the node gives.
pub struct SourcePath {
    /// The key that holds the path, e.g. `root`.
    pub key: &'static str,
    /// The path as written: relative to the pipeline file, or absolute.
    pub path: String,
    /// The files that count.
    pub list: List,
}

impl SourcePath {
    /// The path at `key`, of which `list` knows the files.
    pub fn new(
        key: &'static str,
        path: impl Into<String>,
        list: impl Fn(&Path, &Stop) -> Result<Vec<PathBuf>> + Send + Sync + 'static,
    ) -> Self {
        Self { key, path: path.into(), list: Box::new(list) }
    }
}

/// A [`SourcePath`] that was looked at.
#[derive(Debug, Clone)]
pub struct SourceFiles {
    /// The absolute path of what the key names.
    pub path: PathBuf,
    /// The files that count, in order.
    pub files: Arc<[SourceFile]>,
    /// Decided by the names and contents of the files, and by nothing else.
    pub digest: Digest,
}

/// One file of a [`SourceFiles`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to [`SourceFiles::path`], as [`crate::paths`] writes it; the file's own name where that path is a
    /// file.
    pub name: String,
    /// The absolute path.
    pub path: PathBuf,
    /// In bytes; 0 if the content can't be read.
    pub size: u64,
    /// Of the content, or of why it can't be read.
    pub digest: Digest,
    /// Why the content can't be read, if so: a dead link, a pipe, no permission.
    pub fault: Option<String>,
}
