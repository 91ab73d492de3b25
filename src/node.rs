//! The contract between the engine and the node kinds.
//!
//! A kind is one struct that is both what the user may write (serde, schemars) and what happens ([`Node::run`]).
//! What the engine must know of a kind as such stands in [`NodeKind`]'s constants, first of all what each key is to
//! the recipe ([`KeyRole`]); the engine sees kinds through the table of [`Kind`]s, and nodes as `dyn Node`.

mod context;
mod keys;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use self::{
    context::Context,
    keys::{ArtifactType, KeyRole},
    source::{List, SourceFile, SourceFiles, SourcePath},
};
use crate::{device_names::DeviceNames, error::Result, spec::Problem, store::Artifact};

/// What a node draws random numbers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedPurpose {
    /// To choose data, e.g. which images validate: the same in every repeat of an experiment.
    Data,
    /// To train: initial weights, the order of images, what transforms do. Each repeat has its own.
    Training,
}

/// What a node does.
pub trait Node: Send + Sync {
    /// What the node gives.
    fn output(&self) -> ArtifactType;

    /// Which of the pipeline's seeds decides the result; none if no random number does.
    fn seed(&self) -> Option<SeedPurpose> {
        None
    }

    /// The number type that the work calculates with on the compute device, e.g. `f32`; none if it needs no device.
    fn precision(&self) -> Option<&'static str> {
        None
    }

    /// Whether the work can be done on these devices. Work that can't be shared is done on the first.
    ///
    /// # Errors
    /// If it can't.
    fn check_devices(&self, _devices: &DeviceNames) -> Result<()> {
        Ok(())
    }

    /// The paths whose content decides the result, each at a key of role [`KeyRole::Source`].
    fn sources(&self) -> Vec<SourcePath> {
        Vec::new()
    }

    /// Keys of role [`KeyRole::Source`] that say where something lies whose digest another key has: where it lies
    /// does not count.
    fn pinned(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Values of keys that were left out, where they depend on what the nodes give that refer to this one.
    fn defaults(&self, _uses: &BTreeSet<ArtifactType>) -> Map<String, Value> {
        Map::new()
    }

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

    /// Whether a run with more of the kind's [`NodeKind::AMOUNT`] can go on from where one with `amount` ended, and end with
    /// the bytes of one that was never interrupted. If so, what the work leaves in [`Context::scratch`] is kept with
    /// its result, and lies there when the longer run begins.
    ///
    /// # Errors
    /// Why it can't, as the end of a sentence.
    fn goes_on_from(&self, _amount: u64) -> std::result::Result<(), String> {
        Err("nothing is kept to go on from".to_owned())
    }

    /// Does the work: reads `cx.inputs` and `cx.sources`, writes files into `cx.out`.
    ///
    /// # Errors
    /// When the work can't be done; nothing is stored then.
    fn run(&self, cx: &Context<'_>) -> Result<()>;
}

/// A kind of node: what the user writes, and what the engine knows of all nodes of the kind.
///
/// References to other nodes and paths are plain string fields.
pub trait NodeKind: Node + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// As in `type: train`.
    const NAME: &'static str;
    /// Raise it when the same parameters give other results.
    const VERSION: u32;
    /// What keys are to the recipe; those that are not here are parameters.
    const KEYS: &'static [(&'static str, KeyRole)];
    /// Files of the result that tell how the work went (times, for one) and that no other node
    /// reads; they are kept, but do not count in the artifact's digest.
    const LOGS: &'static [&'static str] = &[];
    /// Keys, also of what lies below the node, and other words for them: suggested where a word is no key.
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[];
    /// Words of other programs for what is no key of the kind, and where it is said here.
    const ELSEWHERE: &'static [(&'static [&'static str], &'static str)] = &[];
    /// A parameter of which more means more of the same work, e.g. `epochs`: told where a result with less is there, which
    /// may be gone on from ([`Node::goes_on_from`]).
    const AMOUNT: Option<&'static str> = None;
}

/// A kind's entry in the one table of kinds (`nodes::KINDS`).
#[derive(Clone, Copy)]
pub struct Kind {
    /// As in `type: train`.
    pub name: &'static str,
    /// See [`NodeKind::VERSION`].
    pub version: u32,
    /// See [`NodeKind::KEYS`].
    pub keys: &'static [(&'static str, KeyRole)],
    /// See [`NodeKind::LOGS`].
    pub logs: &'static [&'static str],
    /// See [`NodeKind::SYNONYMS`].
    pub synonyms: &'static [(&'static str, &'static [&'static str])],
    /// See [`NodeKind::ELSEWHERE`].
    pub elsewhere: &'static [(&'static [&'static str], &'static str)],
    /// See [`NodeKind::AMOUNT`].
    pub amount: Option<&'static str>,
    /// The schema of the parameters, as schemars makes it, without the key `type`.
    pub schema: fn() -> Schema,
    /// Makes a node of its parameters (the mapping without the key `type`).
    pub build: fn(Map<String, Value>) -> serde_json::Result<Built>,
}

/// A node, and all its parameters with the defaults written out.
pub struct Built {
    /// What it does.
    pub node: Box<dyn Node>,
    /// What it was made of.
    pub params: Map<String, Value>,
}

impl Kind {
    /// The entry for `K`.
    pub const fn of<K: NodeKind>() -> Self {
        Self {
            name: K::NAME,
            version: K::VERSION,
            keys: K::KEYS,
            logs: K::LOGS,
            synonyms: K::SYNONYMS,
            elsewhere: K::ELSEWHERE,
            amount: K::AMOUNT,
            schema: || {
                schemars::generate::SchemaSettings::draft07()
                    .with(|settings| settings.inline_subschemas = true)
                    .into_generator()
                    .into_root_schema_for::<K>()
            },
            build: |params| {
                let node: K = serde_json::from_value(Value::Object(params))?;
                let Value::Object(params) = serde_json::to_value(&node)? else {
                    return Err(serde::ser::Error::custom("a kind has named parameters"));
                };
                Ok(Built { node: Box::new(node), params })
            },
        }
    }

    /// The role of a key, if it has one.
    pub fn role(&self, key: &str) -> Option<KeyRole> {
        self.keys.iter().find(|(name, _)| *name == key).map(|(_, role)| *role)
    }

    /// The keys that refer to other nodes, with what those may give.
    pub fn inputs(&self) -> impl Iterator<Item = (&'static str, &'static [ArtifactType])> + use<> {
        self.keys.iter().filter_map(|(key, role)| Some((*key, role.accepts()?)))
    }
}
