//! Everything that a run can say. The runner emits, reporters show; neither calls the other.

use schemars::JsonSchema;
use serde::Serialize;

use crate::progress::Update;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The plan is checked and the work begins, in the folder `project`, which is the one `because` of something.
    RunStarted { pipeline: String, nodes: usize, project: String, because: String },
    /// Nodes compute on `device`, which the user did not name, `because` of something.
    DeviceChosen { device: String, because: String },
    /// Something about the whole run that the user should look at.
    RunWarning { line: String },
    /// A node's result is in the store already.
    NodeCached { node: String, kind: String, key: String },
    /// A node's work begins; `resumed` if an earlier, interrupted attempt is continued.
    NodeStarted { node: String, kind: String, key: String, reason: String, resumed: bool },
    /// Somebody works on the same key, and this node waits for the result: a node of this run, if there is one with
    /// the same recipe (`twin` is one), or another run.
    NodeWaiting { node: String, key: String, twin: Option<String> },
    /// `done` of `total` `unit`s of `stage` are finished.
    NodeProgress { node: String, stage: String, done: u64, total: u64, unit: String },
    /// A line worth keeping, e.g. an epoch's metrics.
    NodeNote { node: String, line: String },
    /// A number by which a node's result is compared with others, e.g. `top1`.
    NodeMetric { node: String, name: String, value: f64 },
    /// Something the user should look at.
    NodeWarning { node: String, line: String },
    /// A fact of a node is not what the lock says; nothing where there is none.
    NodeDrift { node: String, fact: String, locked: Option<String>, now: Option<String> },
    /// A node's result is in the store; `stored` is false where an input changed while it ran.
    NodeFinished { node: String, kind: String, key: String, seconds: f64, stored: bool },
    /// A node's work failed.
    NodeFailed { node: String, error: String, help: Option<String> },
    /// A node was left out because another one failed, which it `needs`; or which it doesn't, but nothing is begun
    /// after a failure.
    NodeSkipped { node: String, because: String, needs: bool },
    /// The run was asked to stop while this node worked; what it did so far is kept.
    NodeInterrupted { node: String },
    /// Of `of` points of a sweep these go on with `next` (`epochs=6`), the best first `by` a node's metric.
    PointsKept { by: String, next: String, of: usize, kept: Vec<KeptPoint> },
    /// Results that were shown before are no longer shown; the store has them under `keys`.
    ResultsReplaced { nodes: Vec<String>, keys: Vec<String> },
    /// Nothing more will happen; results are shown in the folder `results`.
    RunFinished {
        pipeline: String,
        ran: usize,
        cached: usize,
        failed: usize,
        skipped: usize,
        seconds: f64,
        results: String,
    },
}

/// A point of a sweep that goes on, without how far it got and the repeat.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KeptPoint {
    /// Its name, e.g. `lr=0.1,size=64`.
    pub point: String,
    /// The metric by which it was chosen, the mean over its repeats.
    pub value: f64,
}

impl Event {
    /// What the work of `node` says.
    pub fn of_update(node: String, update: Update) -> Self {
        match update {
            Update::Step { stage, done, total, unit } => {
                Self::NodeProgress { node, stage, done, total, unit: unit.to_owned() }
            }
            Update::Note(line) | Update::Headline(line) => Self::NodeNote { node, line },
            Update::Metric(name, value) => Self::NodeMetric { node, name, value },
            Update::Warning(line) => Self::NodeWarning { node, line },
        }
    }
}
