//! What a run would do, without doing it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Options,
    recipe::recipe,
    rungs::{self, Standing},
    sources::SourceSnapshot,
    wanted,
    why::{Reason, reason},
};
use crate::{
    device_name::DeviceName,
    error::Result,
    plan::Plan,
    progress::Stop,
    store::{Artifact, Digest, Entry, Recipe, Store},
};

/// Whether a node's result is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The store has the result.
    Hit,
    /// The store does not have the result: the node would run.
    Miss,
    /// Whether the store has the result can't be told before the nodes that the node needs have run.
    Unknown,
}

/// What would happen to one node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Forecast {
    /// The node's name in the pipeline file.
    pub node: String,
    /// The node's kind, e.g. `train`.
    pub kind: String,
    /// The nodes that it needs, by port.
    pub inputs: BTreeMap<String, String>,
    /// Whether the store has the node's result.
    pub status: Status,
    /// The result's name in the store, if it can be told.
    pub key: Option<String>,
    /// Why the node would run; `None` if its result is in the store.
    pub why: Option<Reason>,
    /// All that decides the result, if it can be told.
    pub recipe: Option<Recipe>,
    /// How long the work took that made the result, in seconds.
    pub seconds: Option<f64>,
}

/// What a run would do with each node, in order. Reads sources that changed; changes nothing.
///
/// # Errors
/// When a source can't be read.
pub fn forecast(plan: &Plan, store: &Store) -> Result<Vec<Forecast>> {
    let entries = store.entries();
    let mut artifacts: Vec<Option<Artifact>> = Vec::new();
    let mut all = Vec::new();
    for index in 0..plan.steps().len() {
        let (forecast, artifact) = one(plan, index, store, &entries, &artifacts)?;
        all.push(forecast);
        artifacts.push(artifact);
    }
    give_up(plan, &artifacts, &mut all);
    Ok(all)
}

/// Says of nodes that are not there if their points run later, or not at all.
fn give_up(plan: &Plan, artifacts: &[Option<Artifact>], all: &mut [Forecast]) {
    let Some((sweep, halving)) = rungs::of(plan) else { return };
    let places = rungs::places(plan);
    let result = |node: &str| artifacts[*places.get(node)?].as_ref();
    let standings = rungs::standings(sweep, halving, &result);
    for forecast in all.iter_mut().filter(|forecast| forecast.status != Status::Hit) {
        let at = |rung: usize| format!("{}={}", halving.over, halving.values[rung]);
        let why = match standings.get(forecast.node.as_str()) {
            None | Some(Standing::Runs) => continue,
            Some(Standing::Waits(rung)) => Reason::Chosen { at: at(*rung) },
            Some(Standing::GivenUp(rung)) => Reason::GivenUp { at: at(*rung) },
        };
        (forecast.status, forecast.why) = (Status::Unknown, Some(why));
    }
}

/// Whether a run would calculate on the device: whether a node that uses it may miss in the store.
///
/// # Errors
/// If such a node can't do its work there.
pub fn needs_device(plan: &Plan, store: &Store, options: &Options) -> Result<bool> {
    // A run tells what is wrong with the names.
    let options = &options.meant(plan).unwrap_or_else(|_| options.clone());
    let works = |index: &usize| plan.steps()[*index].node.check_devices(&options.devices).is_ok();
    // Always there, so nobody has to look first whether it is needed.
    if options.devices.first() == DeviceName::Cpu && wanted(plan, options).iter().all(works) {
        return Ok(true);
    }
    // A run tells better than this does why a source can't be read.
    let Ok(forecasts) = forecast(plan, store) else { return Ok(true) };
    // Those that may run later do so only if another one runs now.
    let may_run = |forecast: &Forecast| {
        let later = matches!(forecast.why, Some(Reason::Chosen { .. } | Reason::GivenUp { .. }));
        forecast.status != Status::Hit && (!later || !options.only.is_empty())
    };
    let misses = |index: usize| may_run(&forecasts[index]) || options.force.contains(&plan.steps()[index].id);
    let steps = wanted(plan, options).into_iter().filter(|index| misses(*index));
    let nodes: Vec<_> =
        steps.map(|index| &plan.steps()[index].node).filter(|node| node.precision().is_some()).collect();
    nodes.iter().try_for_each(|node| node.check_devices(&options.devices))?;
    Ok(!nodes.is_empty())
}

fn one(
    plan: &Plan,
    index: usize,
    store: &Store,
    entries: &[Entry],
    artifacts: &[Option<Artifact>],
) -> Result<(Forecast, Option<Artifact>)> {
    let step = &plan.steps()[index];
    let id = |input: usize| plan.steps()[input].id.clone();
    let mut forecast = Forecast {
        node: step.id.clone(),
        kind: step.kind.name.to_owned(),
        inputs: step.inputs.iter().map(|(port, input)| (port.clone(), id(*input))).collect(),
        status: Status::Unknown,
        key: None,
        why: None,
        recipe: None,
        seconds: None,
    };
    let missing: Vec<_> = step.inputs.iter().filter(|(_, input)| artifacts[*input].is_none()).collect();
    if !missing.is_empty() {
        let mut nodes: Vec<_> = missing.into_iter().map(|(_, input)| id(*input)).collect();
        nodes.dedup();
        forecast.why = Some(Reason::Upstream { nodes });
        return Ok((forecast, None));
    }
    let digest = |(port, input): &(String, usize)| Some((port.clone(), artifacts[*input].as_ref()?.digest()));
    let inputs: BTreeMap<String, Digest> = step.inputs.iter().filter_map(digest).collect();
    let snapshot = SourceSnapshot::take(step.node.as_ref(), &plan.base, store.files(), &Stop::default())?;
    let recipe = recipe(step, inputs, snapshot.digests());
    let found = store.find(recipe.key());
    forecast.key = Some(recipe.key().to_string());
    forecast.status = if found.is_some() { Status::Hit } else { Status::Miss };
    forecast.seconds = found.as_ref().map(|artifact| artifact.manifest().provenance.seconds);
    forecast.why = found.is_none().then(|| reason(plan, step, &recipe, store, entries));
    forecast.recipe = Some(recipe);
    Ok((forecast, found))
}
