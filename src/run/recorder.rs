//! What a run leaves in the store's memory of runs, gathered from what it tells.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Instant, SystemTime},
};

use super::{RunRequest, context::held};
use crate::{
    error::{ErrorKind, Result},
    event::Event,
    store::{NodeEnding, NodeRecord, RunRecord, rfc3339},
};

/// Listens to a run.
pub(super) struct Recorder {
    started: SystemTime,
    clock: Instant,
    nodes: Mutex<BTreeMap<String, NodeRecord>>,
}

impl Recorder {
    /// Of a run that begins now.
    pub(super) fn new() -> Self {
        Self { started: SystemTime::now(), clock: Instant::now(), nodes: Mutex::default() }
    }

    /// Notes what an event says of a node's ending.
    pub(super) fn hear(&self, event: &Event) {
        use NodeEnding::{Cached, Failed, Interrupted, Ran, Skipped};
        let (node, ending, key, seconds) = match event {
            Event::NodeCached { node, key, .. } => (node, Cached, Some(key), None),
            Event::NodeFinished { node, key, seconds, .. } => (node, Ran, Some(key), Some(*seconds)),
            Event::NodeFailed { node, .. } => (node, Failed, None, None),
            Event::NodeInterrupted { node } => (node, Interrupted, None, None),
            Event::NodeSkipped { node, .. } => (node, Skipped, None, None),
            _ => return,
        };
        let record = NodeRecord { ending, key: key.cloned(), seconds };
        held(&self.nodes).insert(node.clone(), record);
    }

    /// Leaves the record; nodes of which nothing was said were not begun. That it can't be written is no reason for a run
    /// to fail.
    pub(super) fn leave<T>(self, request: &RunRequest<'_>, wanted: &[usize], result: &Result<T>) {
        let mut nodes = self.nodes.into_inner().unwrap_or_default();
        for &index in wanted {
            let skipped = NodeRecord { ending: NodeEnding::Skipped, key: None, seconds: None };
            nodes.entry(request.plan.steps()[index].id.clone()).or_insert(skipped);
        }
        let record = RunRecord {
            pipeline: request.plan.name.clone(),
            file: request.results.file(),
            command: request.options.command.clone(),
            device: request.options.devices.to_string(),
            started: rfc3339(self.started),
            seconds: self.clock.elapsed().as_secs_f64(),
            exit: result.as_ref().err().map_or(0, |error| ErrorKind::exit_code(error.kind())),
            points: request
                .plan
                .sweep
                .iter()
                .flat_map(|it| &it.points)
                .map(|point| point.id.clone())
                .collect(),
            nodes,
        };
        let _ = request.store.add_run(self.started, &record);
    }
}
