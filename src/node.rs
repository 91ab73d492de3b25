//! The contract between the engine and the node kinds.
//!
//! A kind is one struct that is both what the user may write (serde, schemars) and what happens
//! ([`Node::run`]). The engine sees it through [`DynNode`] and the table of [`Kind`]s.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::Result,
    progress::{Progress, Stop},
    spec::Problem,
    store::{Artifact, Digest},
};

/// What a node gives to those that refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactType {
    /// Labelled images: an index of a folder.
    Dataset,
    /// A train and an eval chain.
    Transforms,
    /// A network without weights.
    Architecture,
    /// A network with weights, class names and preprocessing.
    Model,
    /// Numbers about a model on a dataset.
    Metrics,
    /// Classes for images.
    Predictions,
    /// A file for another program.
    Export,
}

impl ArtifactType {
    /// With its article, for a sentence: `a dataset`, `an untrained network`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Dataset => "a dataset",
            Self::Transforms => "transforms",
            Self::Architecture => "a network to train",
            Self::Model => "a model with weights",
            Self::Metrics => "metrics",
            Self::Predictions => "predictions",
            Self::Export => "an exported file",
        }
    }
}

/// A key of a kind whose value is the name of another node.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The key, e.g. `dataset`.
    pub port: &'static str,
    /// What the other node may give.
    pub accepts: &'static [ArtifactType],
    /// Whether the key must be there.
    pub required: bool,
}

/// A path in the file that decides, by what lies there, what the node gives.
pub struct Source {
    /// The key that holds the path, e.g. `root`.
    pub key: &'static str,
    /// The path as written: relative to the pipeline file, or absolute.
    pub path: String,
    /// The files that count, given the absolute path; sorted. Called only if the path exists,
    /// unless it is a pattern (contains `*`). Ends early, with an error, when asked to stop.
    pub list: fn(&Path, &Stop) -> Result<Vec<PathBuf>>,
}

/// A [`Source`] that was looked at.
#[derive(Debug, Clone)]
pub struct SourceFiles {
    /// The absolute path of what the key names.
    pub path: PathBuf,
    /// The files that count, in order.
    pub files: Vec<SourceFile>,
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

/// What a node may see while it runs: its inputs, its folders, its seed, and nothing else.
pub struct Context<'a> {
    /// Finished artifacts of the nodes referred to, by port.
    pub inputs: BTreeMap<String, Artifact>,
    /// The node's sources, by key.
    pub sources: BTreeMap<String, SourceFiles>,
    /// An empty folder; what is left here becomes the artifact.
    pub out: &'a Path,
    /// A folder of this recipe alone that survives interruption and is removed on success.
    pub scratch: &'a Path,
    /// A folder that all recipes share, for files from elsewhere under the names of their digests; it
    /// need not be there yet.
    pub downloads: &'a Path,
    /// The pipeline's seed.
    pub seed: u64,
    /// As asked for: `cpu`, `libtorch`, `cuda:0`.
    pub device: &'a str,
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
    /// If the port is neither required nor taken over, and the key was not given: a bug in the kind.
    pub fn required(&self, port: &str) -> &Artifact {
        self.input(port).unwrap_or_else(|| panic!("the plan checks that `{port}` is given"))
    }
}

/// A kind of node: what the user writes and what it does.
///
/// References to other nodes are plain string fields named as in [`Node::INPUTS`]; paths are plain
/// string fields named as in [`Node::sources`]. Neither enters the recipe by name: inputs and
/// sources count by content.
pub trait Node: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// As in `type: train`.
    const NAME: &'static str;
    /// Raise it when the same parameters give other results.
    const VERSION: u32;
    /// The keys that refer to other nodes.
    const INPUTS: &'static [Input];
    /// Ports that may be left out because another node tells: `("dataset", "model")` means the node
    /// that is the `dataset` of this node's `model`. The plan sees to it that there is one.
    const TAKEN_OVER: &'static [(&'static str, &'static str)] = &[];
    /// Keys that change how the work is done but not its result; they stay out of the recipe.
    const RUNTIME: &'static [&'static str] = &[];
    /// Files of the result that tell how the work went (times, for one) and that no other node
    /// reads; they are kept, but do not count in the artifact's digest.
    const LOGS: &'static [&'static str] = &[];

    /// What the node gives.
    fn output(&self) -> ArtifactType;

    /// Whether the seed decides the result.
    fn seeded(&self) -> bool {
        false
    }

    /// Whether the work needs the compute device for itself.
    fn uses_device(&self) -> bool {
        false
    }

    /// Whether the work can be done on `device`, such as `cpu`.
    ///
    /// # Errors
    /// If it can't.
    fn check_device(&self, _device: &str) -> Result<()> {
        Ok(())
    }

    /// The paths whose content decides the result.
    fn sources(&self) -> Vec<Source> {
        Vec::new()
    }

    /// Keys that say where something lies and not what it is, beside another key with its digest; they
    /// stay out of the recipe.
    fn places(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Told what the nodes give that refer to this one, before any work: a default may depend on it.
    fn used_for(&mut self, _gives: &BTreeSet<ArtifactType>) {}

    /// Rules that a schema can't say. Places are relative to the node.
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Rules about what lies at the sources: those paths, by key, where something does. Places are
    /// relative to the node, or in the files ([`Problem::within`]). Only what costs little is looked at.
    fn check_sources(&self, _paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        Vec::new()
    }

    /// Whether the node can work with what an input turned out to be. Asked, if that is there, before another node
    /// begins long work.
    ///
    /// # Errors
    /// If it can't: the error that [`Node::run`] would end with.
    fn check_input(&self, _port: &str, _artifact: &Artifact) -> Result<()> {
        Ok(())
    }

    /// Does the work: reads `cx.inputs` and `cx.sources`, writes files into `cx.out`.
    ///
    /// # Errors
    /// When the work can't be done; nothing is stored then.
    fn run(&self, cx: &Context<'_>) -> Result<()>;
}

/// [`Node`] with its type erased.
pub trait DynNode: Send + Sync {
    /// See [`Node::output`].
    fn output(&self) -> ArtifactType;
    /// See [`Node::seeded`].
    fn seeded(&self) -> bool;
    /// See [`Node::uses_device`].
    fn uses_device(&self) -> bool;
    /// See [`Node::check_device`].
    ///
    /// # Errors
    /// If the work can't be done there.
    fn check_device(&self, device: &str) -> Result<()>;
    /// See [`Node::sources`].
    fn sources(&self) -> Vec<Source>;
    /// See [`Node::places`].
    fn places(&self) -> Vec<&'static str>;
    /// See [`Node::used_for`].
    fn used_for(&mut self, gives: &BTreeSet<ArtifactType>);
    /// See [`Node::check`].
    fn check(&self) -> Vec<Problem>;
    /// See [`Node::check_sources`].
    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem>;
    /// See [`Node::check_input`].
    ///
    /// # Errors
    /// If the node can't work with it.
    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()>;
    /// All parameters, defaults written out.
    fn params(&self) -> Value;
    /// See [`Node::run`].
    ///
    /// # Errors
    /// When the work can't be done.
    fn run(&self, cx: &Context<'_>) -> Result<()>;
}

impl<N: Node> DynNode for N {
    fn output(&self) -> ArtifactType {
        Node::output(self)
    }
    fn seeded(&self) -> bool {
        Node::seeded(self)
    }
    fn uses_device(&self) -> bool {
        Node::uses_device(self)
    }
    fn check_device(&self, device: &str) -> Result<()> {
        Node::check_device(self, device)
    }
    fn sources(&self) -> Vec<Source> {
        Node::sources(self)
    }
    fn places(&self) -> Vec<&'static str> {
        Node::places(self)
    }
    fn used_for(&mut self, gives: &BTreeSet<ArtifactType>) {
        Node::used_for(self, gives);
    }
    fn check(&self) -> Vec<Problem> {
        Node::check(self)
    }
    fn check_sources(&self, paths: &BTreeMap<&'static str, PathBuf>) -> Vec<Problem> {
        Node::check_sources(self, paths)
    }
    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        Node::check_input(self, port, artifact)
    }
    fn params(&self) -> Value {
        serde_json::to_value(self).expect("parameters are plain data with string keys")
    }
    fn run(&self, cx: &Context<'_>) -> Result<()> {
        Node::run(self, cx)
    }
}

/// A kind's entry in the one table of kinds (`nodes::KINDS`).
#[derive(Clone, Copy)]
pub struct Kind {
    /// As in `type: train`.
    pub name: &'static str,
    /// See [`Node::VERSION`].
    pub version: u32,
    /// See [`Node::INPUTS`].
    pub inputs: &'static [Input],
    /// See [`Node::TAKEN_OVER`].
    pub taken_over: &'static [(&'static str, &'static str)],
    /// See [`Node::RUNTIME`].
    pub runtime: &'static [&'static str],
    /// See [`Node::LOGS`].
    pub logs: &'static [&'static str],
    /// The schema of the parameters, as schemars makes it, without the key `type`.
    pub schema: fn() -> Schema,
    /// Makes a node of its parameters (the mapping without the key `type`).
    pub build: fn(Value) -> serde_json::Result<Box<dyn DynNode>>,
}

impl Kind {
    /// The entry for `N`.
    pub const fn of<N: Node>() -> Self {
        Self {
            name: N::NAME,
            version: N::VERSION,
            inputs: N::INPUTS,
            taken_over: N::TAKEN_OVER,
            runtime: N::RUNTIME,
            logs: N::LOGS,
            schema: || {
                schemars::generate::SchemaSettings::draft07()
                    .with(|settings| settings.inline_subschemas = true)
                    .into_generator()
                    .into_root_schema_for::<N>()
            },
            build: |params| Ok(Box::new(serde_json::from_value::<N>(params)?)),
        }
    }
}
