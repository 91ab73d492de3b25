//! What was tried: the runs of a pipeline that differ in what they made, with their parameters and metrics.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::Serialize;
use serde_json::Value;

use super::why::fields;
use crate::{
    spec::sweep,
    store::{Digest, Key, Manifest, NodeRecord, RunRecord, Store},
};

/// The domain of the names of experiments, which keeps them apart from digests of other things.
const DOMAIN: &str = "kiln 2026 experiment";

/// The field that says at which point of a sweep an experiment is.
pub const POINT: &str = "point";

/// The results of one run of a pipeline, or of one point of a sweep. Runs that gave the same results are one experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// The first 12 digits of a digest of its results.
    pub id: String,
    /// The name of the pipeline.
    pub pipeline: String,
    /// When it was last run, in UTC, e.g. `2026-11-23T22:17:50Z`.
    pub started: String,
    /// The device asked for then.
    pub device: String,
    /// The name of the result of each node in the store, by the node's name.
    pub keys: BTreeMap<String, String>,
    /// Every parameter by `node.key`, with defaults; seeds too.
    pub params: BTreeMap<String, Value>,
    /// Every metric by `node.name`.
    pub metrics: BTreeMap<String, f64>,
}

impl Experiment {
    /// The parameter or metric called `field`, `node.name`.
    pub fn value(&self, field: &str) -> Option<Value> {
        self.params.get(field).cloned().or_else(|| self.metrics.get(field).map(|&number| as_json(number)))
    }

    /// The names of all parameters and metrics.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.params.keys().chain(self.metrics.keys()).map(String::as_str)
    }
}

#[cfg(test)]
impl Experiment {
    /// One of pipeline `p`, at a point, that measured this.
    pub(crate) fn example(point: &str, top1: f64) -> Self {
        Self {
            id: format!("{point}{top1}"),
            pipeline: "p".into(),
            started: String::new(),
            device: "cpu".into(),
            keys: BTreeMap::new(),
            params: [(POINT.to_owned(), point.into())].into(),
            metrics: [("score.top1".to_owned(), top1)].into(),
        }
    }
}

/// A number as JSON; a whole one without a point.
fn as_json(number: f64) -> Value {
    let whole = number as i64;
    if whole as f64 == number { whole.into() } else { number.into() }
}

/// The experiments that a store remembers and still has results of, the last one first.
pub fn experiments(store: &Store) -> Vec<Experiment> {
    let runs = store.runs();
    let manifests = Manifests::of_runs(store, &runs);
    let mut seen = BTreeSet::new();
    let found = runs.iter().flat_map(|run| manifests.experiments(run));
    found.filter(|experiment| seen.insert(experiment.id.clone())).collect()
}

/// Records of results by their keys, each read once.
struct Manifests(BTreeMap<String, Manifest>);

impl Manifests {
    /// Those that runs name and the store still has. Most of the time goes into reading them, so all processors do.
    fn of_runs(store: &Store, runs: &[RunRecord]) -> Self {
        let nodes = runs.iter().flat_map(|run| run.nodes.values());
        let keys: BTreeSet<&String> = nodes.filter_map(|node| node.key.as_ref()).collect();
        let read = |key: &String| Some((key.clone(), store.manifest(key.parse::<Key>().ok()?)?));
        Self(keys.into_par_iter().filter_map(read).collect())
    }

    /// What a run gave; of a sweep, what each point gave.
    fn experiments(&self, run: &RunRecord) -> Vec<Experiment> {
        if run.points.is_empty() {
            let nodes = run.nodes.iter().map(|(node, record)| (node.as_str(), record)).collect();
            return self.experiment(run, &nodes).into_iter().collect();
        }
        let swept: Vec<SweptNode<'_>> = run.nodes.iter().map(SweptNode::of).collect();
        let at_point = |point: &String| {
            let mut experiment = self.experiment(run, &nodes_at(&swept, point)?)?;
            experiment.params.insert(POINT.to_owned(), point.as_str().into());
            Some(experiment)
        };
        run.points.iter().filter_map(at_point).collect()
    }

    /// What nodes of a run gave, if all of their results are still there.
    fn experiment(&self, run: &RunRecord, nodes: &BTreeMap<&str, &NodeRecord>) -> Option<Experiment> {
        let keys = nodes.iter().map(|(node, record)| Some(((*node).to_owned(), record.key.clone()?)));
        let keys = keys.collect::<Option<BTreeMap<_, _>>>()?;
        let mut experiment = Experiment {
            id: Digest::of_json(DOMAIN, &(&run.pipeline, &keys)).short(),
            pipeline: run.pipeline.clone(),
            started: run.started.clone(),
            device: run.device.clone(),
            keys,
            params: BTreeMap::new(),
            metrics: BTreeMap::new(),
        };
        for (node, key) in experiment.keys.clone() {
            let manifest = self.0.get(&key)?;
            experiment.params.extend(params(&node, manifest));
            let metrics = &manifest.provenance.metrics;
            experiment.metrics.extend(metrics.iter().map(|(name, &value)| (format!("{node}.{name}"), value)));
        }
        Some(experiment)
    }
}

/// A node of a sweep, its name taken apart once for all points.
struct SweptNode<'r> {
    /// What it is called in the file.
    base: &'r str,
    /// The parts of points' names that its own has; none if it is the same at all points.
    label: Vec<&'r str>,
    record: &'r NodeRecord,
}

impl<'r> SweptNode<'r> {
    fn of((name, record): (&'r String, &'r NodeRecord)) -> Self {
        let label = sweep::label_of(name).map(|label| label.split(',').collect()).unwrap_or_default();
        Self { base: sweep::base_of(name), label, record }
    }
}

/// The nodes that a point is made of, by what they are called in the file; none if the run did nothing for this point alone.
fn nodes_at<'r>(nodes: &[SweptNode<'r>], point: &str) -> Option<BTreeMap<&'r str, &'r NodeRecord>> {
    let parts: BTreeSet<&str> = point.split(',').collect();
    let of_point = |node: &&SweptNode<'_>| node.label.iter().all(|part| parts.contains(part));
    let mut own = nodes.iter().filter(of_point).filter(|node| !node.label.is_empty()).peekable();
    own.peek()?;
    Some(nodes.iter().filter(of_point).map(|node| (node.base, node.record)).collect())
}

/// A node's parameters by `node.key`, and the seed.
fn params(node: &str, manifest: &Manifest) -> impl Iterator<Item = (String, Value)> {
    let name = move |field: &str| match field.split_once('.') {
        Some(("params", key)) => Some(format!("{node}.{key}")),
        None if field == "seed" => Some(format!("{node}.seed")),
        _ => None,
    };
    fields(&manifest.recipe).into_iter().filter_map(move |(field, value)| Some((name(&field)?, value)))
}
