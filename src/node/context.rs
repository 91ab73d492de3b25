//! What a node sees while it runs.

use std::{collections::BTreeMap, fs, path::Path};

use super::SourceFiles;
use crate::{
    device_names::DeviceNames,
    error::{Error, Result},
    progress::Progress,
    store::Artifact,
};

/// What a node may see while it runs: its inputs, its folders, its seed, and nothing else.
pub struct Context<'a> {
    /// Finished artifacts of the nodes referred to, by port.
    pub inputs: BTreeMap<String, Artifact>,
    /// The node's sources, by key.
    pub sources: BTreeMap<String, SourceFiles>,
    /// An empty folder; what is left here becomes the artifact.
    pub out: &'a Path,
    /// A folder of this recipe alone that survives interruption; on success it is removed, or kept for a longer run to
    /// begin with ([`super::Node::goes_on_from`]).
    pub scratch: &'a Path,
    /// A folder that all recipes share, for files from elsewhere under the names of their digests; it
    /// need not be there yet.
    pub downloads: &'a Path,
    /// The pipeline's seed.
    pub seed: u64,
    /// Where to calculate.
    pub devices: &'a DeviceNames,
    /// How many threads to use, at least 1.
    pub threads: usize,
    /// Where to report to.
    pub progress: Progress<'a>,
}

impl Context<'_> {
    /// The artifact at a port, if the key was given.
    pub fn input(&self, port: &str) -> Option<&Artifact> {
        self.inputs.get(port)
    }

    /// The artifact at a required port.
    ///
    /// # Panics
    /// If the port is neither required nor inherited, and the key was not given: a bug in the kind.
    pub fn required(&self, port: &str) -> &Artifact {
        self.input(port).unwrap_or_else(|| panic!("the plan checks that `{port}` is given"))
    }

    /// Writes a file of the result: `name` is its path in [`Context::out`], in a folder that is there.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.out.join(name);
        fs::write(&path, content).map_err(|error| Error::io("write", &path, error))
    }
}
