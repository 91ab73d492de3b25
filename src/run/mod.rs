//! MAKING IT HAPPEN: walk the plan, look up, execute, commit.
//!
//! The runner names no kind of node and none of its keys: it sees nodes through [`crate::node::Node`], what their
//! keys are to the recipe through [`crate::node::Kind`], and speaks through [`Event`]s. Each node looks its recipe up
//! as soon as what it needs is there; those that miss work side by side, but for the compute device, which one node
//! has at a time.

pub mod command;
mod comparison;
mod context;
mod experiment;
mod forecast;
mod lock_use;
mod lockfile;
mod origin;
mod ownership;
mod recipe;
mod recorder;
mod results;
mod rungs;
mod schedule;
mod semaphore;
mod sources;
mod step_run;
pub mod why;

use std::{collections::BTreeMap, path::Path, time::Instant};

use self::recorder::Recorder;
pub use self::{
    comparison::{FactDifference, Tolerance, differences},
    experiment::{Experiment, POINT, experiments},
    forecast::{Forecast, Status, forecast, needs_device},
    lock_use::LockUse,
    lockfile::{Facts, Lockfile},
    origin::Origin,
    ownership::record,
    recipe::recipe,
    results::{Before, Results, fill},
    sources::SourceSnapshot,
    why::{Amount, Difference, Reason},
};
use crate::{
    device_names::DeviceNames,
    error::{Error, ErrorKind, Result},
    event::Event,
    plan::Plan,
    progress::Stop,
    spec::PipelineSpec,
    store::{Artifact, Store, Surroundings},
    suggest,
};

/// What the user asks of a run: which nodes, on what, with how many threads.
#[derive(Debug, Clone)]
pub struct Options {
    /// Nodes to make anew, even if the store has them.
    pub force: Vec<String>,
    /// The nodes to run, with all that they need; none means all nodes.
    pub only: Vec<String>,
    /// After a failure, go on with what does not need the failed node.
    pub keep_going: bool,
    /// The devices that the nodes compute on.
    pub devices: DeviceNames,
    /// Why it is that one, where the user did not name it.
    pub because: Option<String>,
    /// How many threads a node may use, at least 1.
    pub threads: usize,
    /// What is to be done with the lock of the pipeline.
    pub lock: LockUse,
    /// The words of the command line, for the records of runs.
    pub command: Vec<String>,
    /// Finds out what is told of the libraries, the processor and the sources in the records of results, given the folder
    /// that paths of the pipeline start at. Asked once, before the first node works.
    pub surroundings: fn(&Path) -> Surroundings,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let devices = DeviceNames::default();
        Self {
            force: Vec::new(),
            only: Vec::new(),
            keep_going: false,
            devices,
            because: None,
            threads,
            lock: LockUse::Unused,
            command: Vec::new(),
            surroundings: |_| Surroundings::default(),
        }
    }
}

impl Options {
    /// The same with the full name of each node that is meant.
    ///
    /// # Errors
    /// Of kind usage, if none is meant by a name.
    pub(super) fn meant(&self, plan: &Plan) -> Result<Self> {
        let full = |names: &[String]| {
            let full: Result<Vec<_>> = names.iter().map(|name| meant(plan, name)).collect();
            full.map(|full| full.into_iter().flatten().map(str::to_owned).collect())
        };
        Ok(Self { force: full(&self.force)?, only: full(&self.only)?, ..self.clone() })
    }
}

/// A pipeline to run, and everything that is needed for it.
#[derive(Clone, Copy)]
pub struct RunRequest<'a> {
    /// The pipeline as written.
    pub spec: &'a PipelineSpec,
    /// The pipeline's nodes in the order in which they run.
    pub plan: &'a Plan,
    /// Where results are kept.
    pub store: &'a Store,
    /// Where results are shown.
    pub results: &'a Results,
    /// What the user asks of the run.
    pub options: &'a Options,
    /// Told of everything that happens, from several threads.
    pub emit: &'a (dyn Fn(Event) + Sync),
    /// Asks the run to stop.
    pub stop: &'a Stop,
}

/// How many nodes of a run ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many nodes ran and gave a result.
    pub ran: usize,
    /// How many nodes' results were in the store.
    pub cached: usize,
    /// How many nodes ran and failed.
    pub failed: usize,
    /// How many nodes were left out, because of a failure or a stop.
    pub skipped: usize,
}

impl Summary {
    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            ran: self.ran + other.ran,
            cached: self.cached + other.cached,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// What came of a run.
struct Done {
    summary: Summary,
    /// What the steps gave, by their places in the plan.
    results: BTreeMap<usize, Artifact>,
}

/// Runs a pipeline; a sweep that gives up points by and by, unless some nodes are asked for.
///
/// # Errors
/// Of kind usage, if an option names a node that there isn't; of kind failed, if nodes failed; of kind
/// store, if one failed because of the store; of kind interrupted, if the run was stopped.
pub fn run(request: &RunRequest<'_>) -> Result<Summary> {
    let options = &request.options.meant(request.plan)?;
    let request = &RunRequest { options, ..*request };
    match rungs::of(request.plan) {
        Some((sweep, halving)) if options.only.is_empty() => rungs::run(request, sweep, halving),
        _ => run_once(request).map(|done| done.summary),
    }
}

fn run_once(request: &RunRequest<'_>) -> Result<Done> {
    let started = Instant::now();
    let wanted = wanted(request.plan, request.options);
    request.results.check(request.plan, request.store, &wanted, &request.options.force)?;
    request.results.claim(request.spec, request.plan)?;
    let recorder = Recorder::new();
    let emit = |event: Event| {
        recorder.hear(&event);
        (request.emit)(event);
    };
    let result = run_wanted(&RunRequest { emit: &emit, ..*request }, &wanted, started);
    recorder.leave(request, &wanted, &result);
    result
}

fn run_wanted(request: &RunRequest<'_>, wanted: &[usize], started: Instant) -> Result<Done> {
    // A run that was told to have begun is told to have ended, too.
    lock_use::check(request, wanted)?;
    (request.emit)(begun(request, wanted.len()));
    if let Some(because) = request.options.because.clone() {
        (request.emit)(Event::DeviceChosen { device: request.options.devices.to_string(), because });
    }
    let ended = schedule::run_steps(request, wanted);
    let saved = request.store.save();
    let Summary { ran, cached, failed, skipped } = ended.summary;
    let (pipeline, seconds) = (request.plan.name.clone(), started.elapsed().as_secs_f64());
    let results = request.results.root().to_string_lossy().into_owned();
    (request.emit)(Event::RunFinished { pipeline, ran, cached, failed, skipped, seconds, results });
    if request.stop.requested() && ended.interrupted {
        return Err(Error::interrupted().help("the same command goes on from here"));
    }
    if ended.worst.is_none() {
        lock_use::write(request, &ended.results);
    }
    let done = Done { summary: ended.summary, results: ended.results };
    match ended.worst {
        Some(kind) => Err(failure(failed, wanted.len(), kind)),
        // Where nothing ran, there was nothing to write but what makes the next run faster.
        None if ran == 0 => Ok(done),
        None => saved.map(|()| done),
    }
}

fn begun(request: &RunRequest<'_>, nodes: usize) -> Event {
    let (project, because) = request.results.project();
    Event::RunStarted {
        pipeline: request.plan.name.clone(),
        nodes,
        project: project.to_string_lossy().into_owned(),
        because: because.to_owned(),
    }
}

/// The steps that the options ask for, with all that they need.
fn wanted(plan: &Plan, options: &Options) -> Vec<usize> {
    let only: Vec<_> = options.only.iter().map(String::as_str).collect();
    let all: Vec<_> = plan.steps().iter().map(|step| step.id.as_str()).collect();
    plan.needed_by(if only.is_empty() { &all } else { &only })
}

fn failure(failed: usize, nodes: usize, kind: ErrorKind) -> Error {
    let of_kind = if matches!(kind, ErrorKind::Store | ErrorKind::Drift) { kind } else { ErrorKind::Failed };
    Error::new(format!("{failed} of {nodes} {} failed", if nodes == 1 { "node" } else { "nodes" }))
        .of_kind(of_kind)
}

/// The full names of the nodes that are meant by a name.
///
/// # Errors
/// Of kind usage, if there is none.
fn meant<'a>(plan: &'a Plan, name: &str) -> Result<Vec<&'a str>> {
    let named = plan.named(name);
    match (&plan.sweep, named.is_empty()) {
        (_, false) => Ok(named),
        (Some(sweep), true) if name.contains('=') => {
            let ids: Vec<_> = sweep.points.iter().map(|point| point.id.as_str()).collect();
            Err(Error::usage(format!("pipeline `{}` has no point `{name}`", plan.name))
                .help(format!("its points are {}", suggest::short_list(&ids, "and", "none"))))
        }
        _ => must_exist(plan, name).map(|index| vec![plan.steps()[index].id.as_str()]),
    }
}

/// An error that names the nearest node, if the plan has no node called `id`.
///
/// # Errors
/// Of kind usage.
pub fn must_exist(plan: &Plan, id: &str) -> Result<usize> {
    plan.position(id).ok_or_else(|| {
        let ids: Vec<_> = plan.steps().iter().map(|step| step.id.as_str()).collect();
        let help = match suggest::closest(id, ids.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("its nodes are {}", suggest::list(&ids, "and", "none")),
        };
        Error::usage(format!("pipeline `{}` has no node `{id}`", plan.name)).help(help)
    })
}
