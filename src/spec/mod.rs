//! WHAT THE USER WROTE: text, schema, and the typed document, with every mistake in its place.

pub mod codes;
mod dotted;
mod drawing;
mod draws;
mod editor;
mod expects;
mod extends;
pub mod fix;
mod halving;
mod keys;
pub mod layout;
mod looks;
pub mod manual;
pub mod naming;
mod origin;
mod overrides;
mod points;
pub mod problem;
mod references;
pub mod render;
mod resolve;
pub mod schema;
mod shape;
pub mod show;
pub mod source;
pub mod sweep;
mod syntax;
mod tidy;
mod unresolved;
pub mod unsaved;
mod untyped;
mod violations;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use self::expects::brief;
pub use self::{
    extends::Document,
    fix::{Edit, Fix},
    halving::Halving,
    layout::formatted,
    origin::Origins,
    overrides::Override,
    problem::{DocPath, Place, Problem, Segment},
    references::{Mention, escape, mentioned},
    render::MessageFormat,
    resolve::{Parameter, Resolved, resolve},
    source::Source,
    sweep::{Sweep, SweepPoint},
    unsaved::Unsaved,
};
use self::{references::escaped, shape::Shapes, sweep::Swept};
use crate::{
    node::{Built, KeyRole, Kind},
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
        let document = serde_json::to_value(self).expect("a spec is plain data with text keys");
        yaml::write(&escaped(document))
    }
}

/// What a pipeline file is read with, beside its text.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The folder where its relative paths start.
    pub base: &'a Path,
    /// What was typed after each `--set`.
    pub overrides: &'a [String],
    /// The point of a sweep that is wanted; none for all of them.
    pub point: Option<&'a str>,
    /// Texts in place of those on the disk, for files that the pipeline extends.
    pub unsaved: &'a Unsaved,
}

impl<'a> Reading<'a> {
    /// A file of this folder, as it is.
    pub fn of(base: &'a Path) -> Self {
        Self { base, overrides: &[], point: None, unsaved: &unsaved::NONE }
    }
}

/// Reads a pipeline file of the current folder, made of these kinds.
///
/// # Errors
/// Every mistake that can be seen without looking at references and files; those are the plan's.
pub fn parse(source: &Source, kinds: &[Kind]) -> Result<PipelineSpec, Vec<Problem>> {
    let draft = Draft::read(source, Reading::of(Path::new("")), kinds);
    draft.spec().ok_or_else(|| draft.origins.traced(source, draft.problems))
}

/// What could be made out of a file, and what is wrong with it.
#[derive(Default)]
pub struct Draft {
    /// Name of the experiment; empty if it is wrong.
    pub name: String,
    /// Decides all random numbers; 0 if it is wrong.
    pub seed: u64,
    /// The nodes in the file's order; of a sweep, those of all points.
    pub nodes: Vec<DraftNode>,
    /// The points, if it is a sweep.
    pub sweep: Option<Sweep>,
    /// Every mistake found in the text, its keys and its values.
    pub problems: Vec<Problem>,
    /// Where the values are written.
    pub origins: Origins,
    /// All that the file says, with its references resolved.
    said: Value,
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
    /// Decides the random numbers of this node, if it draws any.
    pub seed: u64,
    /// Keys whose path starts at the folder of a file that the pipeline extends: that folder, which `params` and
    /// `built` have before the path.
    pub folders: BTreeMap<&'static str, String>,
}

impl Draft {
    /// Reads as much of a file as makes sense.
    pub fn read(source: &Source, reading: Reading<'_>, kinds: &[Kind]) -> Self {
        let drafted = || {
            let document = Document::read_with(source, reading.base, reading.unsaved)?;
            let overrides = Override::parse(reading.overrides)?;
            Ok(Self::of_document(&document.overridden(&overrides), &overrides, reading.point, kinds))
        };
        drafted().unwrap_or_else(|problems| Self { problems, ..Self::default() })
    }

    /// A draft of a document in which the overrides are set; of one point, if one is named.
    fn of_document(
        document: &Document<'_>,
        overrides: &[Arc<Override>],
        point: Option<&str>,
        kinds: &[Kind],
    ) -> Self {
        let one = |parameters: &[Parameter]| {
            Self::of_resolved(resolve(document, &[], parameters), document.source, kinds)
        };
        // Without the points, there is still all else to check.
        let without = |problems: Vec<Problem>| {
            let mut draft = one(&[]);
            draft.problems.extend(problems);
            draft
        };
        match point {
            Some(id) => match sweep::parameters_of(document, overrides, id) {
                Ok(parameters) => one(&parameters),
                Err(problems) => without(problems),
            },
            None => match Swept::of(document, overrides, kinds) {
                Ok(Some(swept)) => Self::of_swept(swept, document.source, kinds),
                Ok(None) => one(&[]),
                Err(problems) => without(problems),
            },
        }
    }

    /// A draft with the nodes of all points of a sweep.
    fn of_swept(swept: Swept, source: &Source, kinds: &[Kind]) -> Self {
        let Swept { sweep, resolved, seeds } = swept;
        let mut draft = Self::of(resolved, Some(source), &schema::swept(kinds), kinds);
        for node in &mut draft.nodes {
            node.seed = seeds.get(&node.id).copied().unwrap_or(node.seed);
        }
        Self { sweep: Some(sweep), ..draft }
    }

    /// A draft of what a file says once its references are resolved.
    pub fn of_resolved(resolved: Resolved, source: &Source, kinds: &[Kind]) -> Self {
        Self::of(resolved, Some(source), &schema::pipeline(kinds), kinds)
    }

    /// A draft of a spec, as if it had been read.
    pub fn of_spec(spec: &PipelineSpec, kinds: &[Kind]) -> Self {
        let value = serde_json::to_value(spec).expect("a spec is plain data with text keys");
        Self::of(Resolved { value, ..Resolved::default() }, None, &schema::pipeline(kinds), kinds)
    }

    fn of(resolved: Resolved, source: Option<&Source>, schema: &Value, kinds: &[Kind]) -> Self {
        let Resolved { value, origins, broken, mut problems } = resolved;
        let document = untyped::typed(&Shapes { schema, document: &value, source, origins: &origins, kinds });
        let shapes = Shapes { schema, document: &document, source, origins: &origins, kinds };
        let (broken, violations) = violations::of(&shapes, &broken);
        problems.extend(violations);
        let names = document["nodes"].as_object().into_iter().flatten();
        problems.extend(naming::twins(names.map(|(name, _)| name.as_str())));
        let name = document["name"].as_str().unwrap_or_default().to_owned();
        let seed = document["seed"].as_u64().unwrap_or(0);
        let mut nodes = Vec::new();
        for (id, value) in document["nodes"].as_object().into_iter().flatten() {
            let node = DraftNode::of(id, value, &broken, kinds, &mut problems).at_home(&origins);
            nodes.push(DraftNode { seed, ..node });
        }
        Self { name, seed, nodes, problems, origins, said: document, sweep: None }
    }

    /// All that the file says, paths as they are seen from its folder; without the defaults.
    pub fn document(&self) -> Value {
        let mut document = self.said.clone();
        for node in &self.nodes {
            for key in node.folders.keys() {
                document["nodes"][&node.id][*key] = node.params[*key].clone();
            }
        }
        document
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
        Self { id: id.to_owned(), kind, params, built, seed: 0, folders: BTreeMap::new() }
    }

    /// The same node with the paths that other files say as they are seen from the pipeline's folder.
    fn at_home(mut self, origins: &Origins) -> Self {
        let (Some(kind), Some(built)) = (self.kind, &self.built) else { return self };
        let keys = kind.keys.iter().filter(|(_, role)| *role == KeyRole::Source).map(|(key, _)| *key);
        for key in keys {
            let path = DocPath::from(["nodes", self.id.as_str(), key]);
            let (Some(folder), Some(Value::String(written))) =
                (origins.folder(&path), self.params.get_mut(key))
            else {
                continue;
            };
            let is_path = built.node.sources().iter().any(|source| source.key == key);
            if is_path && Path::new(written.as_str()).is_relative() {
                *written = format!("{folder}/{written}");
                self.folders.insert(key, folder);
            }
        }
        if !self.folders.is_empty() {
            self.built = (kind.build)(self.params.clone()).ok();
        }
        self
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

/// A file of another version means something else, so nothing more is said about it; `written` tells how a value is.
fn known_version(document: &Value, written: impl Fn(&DocPath) -> Option<String>) -> Result<(), Box<Problem>> {
    let version = document.get("version").and_then(Value::as_i64);
    let is_known = |version| VERSIONS.iter().any(|known| i64::from(*known) == version);
    let Some(version) = version.filter(|version| !is_known(*version)) else { return Ok(()) };
    let known: Vec<String> = VERSIONS.iter().map(u32::to_string).collect();
    let known = suggest::list(&known, "and", "none");
    let version = written(&["version"].into()).unwrap_or_else(|| version.to_string());
    let problem = Problem::new(
        codes::UNKNOWN_VERSION,
        Place::Value(["version"].into()),
        format!("version {version} of the file format is not known"),
    );
    Err(Box::new(
        problem
            .label(format!("this program reads version {known}"))
            .help("a newer program may read it; a file written for this one says `version: 1`"),
    ))
}
