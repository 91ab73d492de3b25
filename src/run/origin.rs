//! Whose results a folder shows.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    atomic::{self, Durability},
    files,
    store::Digest,
};

/// What results are shown for: it alone may replace them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A pipeline file, relative to the folder of its project, or absolute where it lies elsewhere.
    File(PathBuf),
    /// A command without a file: the digest of the pipeline that it stands for, without its name.
    Command(Digest),
}

/// What Kiln writes beside the results of all nodes, to know the folder again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Raised when the layout changes.
    kiln_results: u32,
    /// Whose results they are.
    pub of: Origin,
    /// Of `pipeline.yaml`, as Kiln wrote it: the one before, if any, and the last.
    pub pipelines: Vec<Digest>,
}

const FORMAT: u32 = 1;

/// The record's name; no node is called so.
pub(super) const RECORD: &str = "results.json";

impl Record {
    /// A record of `of`, whose `pipeline.yaml` has one of these digests.
    pub(super) fn new(of: Origin, pipelines: impl IntoIterator<Item = Digest>) -> Self {
        Self { kiln_results: FORMAT, of, pipelines: pipelines.into_iter().collect() }
    }

    /// The record in `folder`; `None` if there is none or it is not one of Kiln's.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(RECORD);
        fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let record: Self = serde_json::from_str(&files::read_text(&path).ok()?).ok()?;
        (record.kiln_results == FORMAT).then_some(record)
    }

    /// Writes it into `folder`, unless it is there already.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        if Self::read(folder).as_ref() == Some(self) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(self).expect("a record is plain data") + "\n";
        atomic::write(&folder.join(RECORD), text.as_bytes(), Durability::Relaxed)
    }
}
