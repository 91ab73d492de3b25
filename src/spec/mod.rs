//! WHAT THE USER WROTE: text, schema, and the typed document, with every mistake in its place.

pub mod codes;
mod drawing;
mod expects;
mod keys;
mod looks;
mod naming;
pub mod problem;
pub mod render;
pub mod schema;
mod shape;
pub mod source;
mod syntax;
mod tidy;
mod violations;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use self::expects::brief;
pub use self::{
    problem::{DocPath, Place, Problem, Segment},
    render::MessageFormat,
    source::Source,
};
use crate::{
    node::{Built, Kind},
    suggest, yaml,
};

/// The versions of the file format that this program reads.
pub const VERSIONS: &[u32] = &[1];

/// A pipeline file, checked and typed, all defaults written out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineSpec {
    /// Version of the file format, one of [`VERSIONS`].
    pub version: u32,
    /// Name of the experiment.
    pub name: String,
    /// Decides all random numbers.
    pub seed: u64,
    /// The nodes in the file's order.
    pub nodes: IndexMap<String, NodeSpec>,
}

/// A node of a [`PipelineSpec`].
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSpec {
    /// As in `type: train`.
    pub kind: String,
    /// The keys without `type`.
    pub params: Map<String, Value>,
}

impl Serialize for NodeSpec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = ("type", Value::from(self.kind.as_str()));
        let params = self.params.iter().map(|(key, value)| (key.as_str(), value.clone()));
        serializer.collect_map(std::iter::once(kind).chain(params))
    }
}

impl PipelineSpec {
    /// The file that says this: valid input again.
    pub fn to_yaml(&self) -> String {
        yaml::write(self)
    }
}

/// Reads a pipeline file made of these kinds.
///
/// # Errors
/// Every mistake that can be seen without looking at references and files; those are the plan's.
pub fn parse(source: &Source, kinds: &[Kind]) -> Result<PipelineSpec, Vec<Problem>> {
    let draft = Draft::read(source, kinds);
    draft.spec().ok_or(draft.problems)
}

/// What could be made out of a file, and what is wrong with it.
#[derive(Default)]
pub struct Draft {
    /// Name of the experiment; empty if it is wrong.
    pub name: String,
    /// Decides all random numbers; 0 if it is wrong.
    pub seed: u64,
    /// The nodes in the file's order.
    pub nodes: Vec<DraftNode>,
    /// Every mistake found in the text, its keys and its values.
    pub problems: Vec<Problem>,
}

/// A node of a [`Draft`].
pub struct DraftNode {
    /// The node's name: its key under `nodes`.
    pub id: String,
    /// The kind that its `type` names, if there is such a kind.
    pub kind: Option<Kind>,
    /// The keys without `type`, as written.
    pub params: Map<String, Value>,
    /// The typed node, if nothing is wrong with it.
    pub built: Option<Built>,
}

impl Draft {
    /// Reads as much of a file as makes sense.
    pub fn read(source: &Source, kinds: &[Kind]) -> Self {
        match source.parse() {
            Err(problem) => Self { problems: vec![*problem], ..Self::default() },
            Ok((document, repeated)) => match unknown_version(&document, source) {
                Some(problem) => Self { problems: vec![problem], ..Self::default() },
                None => Self::of(&document, Some(source), kinds, repeated),
            },
        }
    }

    /// A draft of a spec, as if it had been read.
    pub fn of_spec(spec: &PipelineSpec, kinds: &[Kind]) -> Self {
        let document = serde_json::to_value(spec).expect("a spec is plain data with text keys");
        Self::of(&document, None, kinds, Vec::new())
    }

    fn of(document: &Value, source: Option<&Source>, kinds: &[Kind], mut problems: Vec<Problem>) -> Self {
        let (broken, violations) = violations::of(document, source, kinds);
        problems.extend(violations);
        let names = document["nodes"].as_object().into_iter().flatten();
        problems.extend(naming::twins(names.map(|(name, _)| name.as_str())));
        let mut nodes = Vec::new();
        for (id, value) in document["nodes"].as_object().into_iter().flatten() {
            nodes.push(DraftNode::of(id, value, &broken, kinds, &mut problems));
        }
        let name = document["name"].as_str().unwrap_or_default().to_owned();
        Self { name, seed: document["seed"].as_u64().unwrap_or(0), nodes, problems }
    }

    /// The spec, if nothing is wrong with it.
    pub fn spec(&self) -> Option<PipelineSpec> {
        if !self.problems.is_empty() {
            return None;
        }
        let nodes = self.nodes.iter().map(|node| Some((node.id.clone(), node.spec()?)));
        let nodes = nodes.collect::<Option<_>>()?;
        Some(PipelineSpec { version: VERSIONS[0], name: self.name.clone(), seed: self.seed, nodes })
    }
}

impl DraftNode {
    fn of(
        id: &str,
        value: &Value,
        broken: &BTreeSet<String>,
        kinds: &[Kind],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut params = value.as_object().cloned().unwrap_or_default();
        let tag = params.shift_remove("type");
        let named = |kind: &&Kind| tag.as_ref().and_then(Value::as_str) == Some(kind.name);
        let kind = kinds.iter().find(named).copied();
        let mut built = None;
        if let (Some(kind), false) = (kind, broken.contains(id)) {
            built = build(id, &kind, &params, problems);
        }
        Self { id: id.to_owned(), kind, params, built }
    }

    /// With the defaults written out; keys that are left out stay out.
    fn spec(&self) -> Option<NodeSpec> {
        let mut params = self.built.as_ref()?.params.clone();
        params.values_mut().for_each(drop_nulls);
        params.retain(|_, value| !value.is_null());
        Some(NodeSpec { kind: self.kind?.name.to_owned(), params })
    }
}

/// The typed node, if its own rules are kept too.
fn build(id: &str, kind: &Kind, params: &Map<String, Value>, problems: &mut Vec<Problem>) -> Option<Built> {
    let here = DocPath::from(["nodes", id]);
    match (kind.build)(params.clone()) {
        Ok(built) => {
            let found = built.node.check();
            let kept = found.is_empty();
            problems.extend(found.into_iter().map(|problem| problem.under(&here)));
            kept.then_some(built)
        }
        Err(error) => {
            let message = format!("node `{id}` is not a `{}`: {error}", kind.name);
            problems.push(Problem::new(codes::RULE, Place::Key(here), message).label("this node"));
            None
        }
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_nulls);
            map.retain(|_, value| !value.is_null());
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A file of another version means something else, so nothing more is said about it.
fn unknown_version(document: &Value, source: &Source) -> Option<Problem> {
    let version = document.get("version")?.as_i64()?;
    if VERSIONS.iter().any(|known| i64::from(*known) == version) {
        return None;
    }
    let known: Vec<String> = VERSIONS.iter().map(u32::to_string).collect();
    let known = suggest::list(&known, "and", "none");
    let version = source.written(&["version"].into()).map_or_else(|| version.to_string(), str::to_owned);
    let problem = Problem::new(
        codes::UNKNOWN_VERSION,
        Place::Value(["version"].into()),
        format!("version {version} of the file format is not known"),
    );
    Some(
        problem
            .label(format!("this program reads version {known}"))
            .help("a newer program may read it; a file written for this one says `version: 1`"),
    )
}
