//! A finished node's files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{blob::Blobs, digest::Digest, key::Key, manifest::Manifest};
use crate::{
    error::{Error, Result},
    names::PlainName,
    shown,
};

/// A finished node's files, each in the store by its digest.
#[derive(Debug, Clone)]
pub struct Artifact {
    manifest: Arc<Manifest>,
    blobs: PathBuf,
    sources: BTreeMap<String, PathBuf>,
}

impl Artifact {
    /// The result that `manifest` tells of, with its files in `blobs`.
    pub(super) fn new(manifest: Manifest, blobs: &Blobs) -> Self {
        Self { manifest: Arc::new(manifest), blobs: blobs.root().to_owned(), sources: BTreeMap::new() }
    }

    /// The same artifact, made from what lies at these paths, by key.
    ///
    /// Paths are known only while a run lasts: a result is the same wherever its sources lie.
    #[must_use]
    pub fn with_sources(mut self, sources: BTreeMap<String, PathBuf>) -> Self {
        self.sources = sources;
        self
    }

    /// The read-only file called `name`. Its path ends in a digest, not in `name`.
    ///
    /// # Errors
    /// When the artifact has no such file.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let output = self.manifest.outputs.get(name).ok_or_else(|| self.lacks(name))?;
        Ok(Blobs::path_in(&self.blobs, output.digest))
    }

    fn lacks(&self, name: &str) -> Error {
        let names: Vec<_> = self.names().collect();
        Error::new(format!("the result of a `{}` node has no file `{name}`", self.kind()))
            .help(format!("it has: {}", shown::few(&names)))
    }

    /// The names of the files, in order; folders are divided by `/`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.manifest.outputs.keys().map(PlainName::as_str)
    }

    /// Whether there is a file called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.manifest.outputs.contains_key(name)
    }

    /// Decided by names and contents of the files, and by nothing else.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// The result's name in the store.
    pub fn key(&self) -> Key {
        self.manifest.key
    }

    /// The kind of the node that made it, e.g. `train`.
    pub fn kind(&self) -> &str {
        &self.manifest.recipe.kind
    }

    /// What it is, as [`crate::node::ArtifactType`] is written: e.g. `model`.
    pub fn output_type(&self) -> &str {
        &self.manifest.provenance.output_type
    }

    /// What lies at the path that the node's `key` names, e.g. the images of a dataset's `root`.
    pub fn source(&self, key: &str) -> Option<&Path> {
        self.sources.get(key).map(PathBuf::as_path)
    }

    /// The record of the result.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}
