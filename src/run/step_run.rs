//! One node: look up, execute, commit.

use std::{
    any::Any,
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use super::{
    comparison::FactDifference,
    context::{RunContext, held},
    lock_use,
    lockfile::Lockfile,
    recipe::recipe,
    results::{Before, reads_itself},
    schedule::{Inputs, STACK},
    sources::SourceSnapshot,
    why::{Amount, Reason, reason},
};
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    node::Context,
    panics,
    plan::Step,
    progress::{Progress, Update},
    shown,
    store::{Artifact, Ended, Lookup, Machine, Provenance, Recipe, Request, Slot},
};

/// A node's result, and the sources it was made from as they were then.
#[derive(Clone)]
pub(super) struct Finished {
    artifact: Artifact,
    snapshot: Arc<SourceSnapshot>,
}

/// What became of a node.
pub(super) enum Ending {
    /// Its result was in the store.
    Cached(Finished),
    /// It ran.
    Made(Finished),
    /// It failed, and why was told.
    Failed(ErrorKind),
    /// It was stopped.
    Interrupted,
}

/// A step at work.
struct StepRun<'w> {
    run: &'w RunContext<'w>,
    index: usize,
    step: &'w Step,
    recipe: Recipe,
    inputs: Inputs,
    snapshot: Arc<SourceSnapshot>,
    /// What came of it in one line, once the node says so.
    headline: OnceLock<String>,
    /// The numbers by which it is compared with others, as the node gives them.
    metrics: Mutex<BTreeMap<String, f64>>,
}

impl RunContext<'_> {
    /// Makes or finds the result of a step, and tells what happens.
    pub(super) fn run_step(&self, index: usize, inputs: Inputs) -> Ending {
        let node = &self.request.plan.steps()[index].id;
        match catch_unwind(AssertUnwindSafe(|| self.try_step(index, inputs))) {
            Ok(Ok(ending)) => {
                if let Ending::Cached(finished) | Ending::Made(finished) = &ending {
                    self.finished(index, finished.artifact.clone());
                }
                ending
            }
            Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {
                (self.request.emit)(Event::NodeInterrupted { node: node.clone() });
                Ending::Interrupted
            }
            Ok(Err(error)) => self.failed(node, &error),
            Err(panic) => self.failed(node, &panicked(panic.as_ref())),
        }
    }

    fn failed(&self, node: &str, error: &Error) -> Ending {
        let full = error.kind() == ErrorKind::Store || is_disk_full(error);
        let help = error.hint().map(str::to_owned);
        (self.request.emit)(Event::NodeFailed { node: node.to_owned(), error: error.chain(), help });
        let kind = if error.kind() == ErrorKind::Drift { ErrorKind::Drift } else { ErrorKind::Failed };
        Ending::Failed(if full { ErrorKind::Store } else { kind })
    }

    fn try_step(&self, index: usize, inputs: Inputs) -> Result<Ending> {
        let step = &self.request.plan.steps()[index];
        let snapshot = SourceSnapshot::take(
            step.node.as_ref(),
            &self.request.plan.base,
            self.request.store.files(),
            self.request.stop,
        )?;
        let files =
            snapshot.files.values().flat_map(|source| source.files.iter()).map(|file| file.path.as_path());
        if let Some(path) = self.request.results.first_replaced(files, self.request.plan, self.wanted) {
            return Err(reads_itself(&step.id, path));
        }
        let digests = inputs.iter().map(|(port, done)| (port.clone(), done.artifact.digest())).collect();
        let recipe = recipe(step, digests, snapshot.digests());
        let (snapshot, headline, metrics) = (Arc::new(snapshot), OnceLock::new(), Mutex::default());
        let work = StepRun { run: self, index, step, recipe, inputs, snapshot, headline, metrics };
        work.must_be_locked(|lock, node| lock.drift_before(node, &work.recipe))?;
        match work.look_up()? {
            Lookup::Hit(artifact) => {
                work.emit(|node| Event::NodeCached { node, kind: work.kind(), key: work.key() });
                work.tell_again(&artifact.manifest().provenance);
                work.show(artifact).map(Ending::Cached)
            }
            Lookup::Miss(slot) => work.make(slot).map(Ending::Made),
        }
    }
}

impl<'w> StepRun<'w> {
    /// What was said of a result when it was made.
    fn tell_again(&self, made: &Provenance) {
        if let Some(line) = made.headline.clone() {
            self.emit(|node| Event::NodeNote { node, line });
        }
        for (name, &value) in &made.metrics {
            self.emit(|node| Event::NodeMetric { node, name: name.clone(), value });
        }
    }

    fn look_up(&self) -> Result<Lookup<'w>> {
        let request = self.run.request;
        let twin = self.run.asks(self.index, self.recipe.key());
        request.store.lookup(&Request {
            recipe: &self.recipe,
            force: self.forced(),
            waiting: &|| self.emit(|node| Event::NodeWaiting { node, key: self.key(), twin: twin() }),
            damaged: &|line| self.emit(|node| Event::NodeWarning { node, line }),
            stopped: &|| request.stop.requested(),
        })
    }

    fn make(&self, mut slot: Slot<'_>) -> Result<Finished> {
        let uses_device = self.step.node.precision().is_some();
        let permit = self.run.permit(self.index, uses_device)?;
        if uses_device {
            self.run.foresee(self.index)?;
        }
        let reason = self.reason();
        if let Reason::Changed { finished: Some(Amount { result, obstacle: None, .. }), .. } = &reason {
            slot.begin_at(*result)?;
        }
        self.emit(|node| Event::NodeStarted {
            node,
            kind: self.kind(),
            key: self.key(),
            reason: reason.to_string(),
            resumed: slot.resumed(),
        });
        // The sources as they are now, not as they may be when the work is done.
        self.run.surroundings();
        let started = Instant::now();
        self.execute(&slot)?;
        let seconds = started.elapsed().as_secs_f64();
        drop(permit);
        let (artifact, stored) = self.commit(slot, seconds)?;
        let done = self.show(artifact)?;
        self.emit(|node| Event::NodeFinished { node, kind: self.kind(), key: self.key(), seconds, stored });
        Ok(done)
    }

    fn execute(&self, slot: &Slot<'_>) -> Result<()> {
        let request = self.run.request;
        let sink = |update| {
            match &update {
                Update::Headline(line) => {
                    self.headline.get_or_init(|| line.clone());
                }
                Update::Metric(name, value) => {
                    held(&self.metrics).insert(name.clone(), *value);
                }
                Update::Step { .. } | Update::Note(_) | Update::Warning(_) => {}
            }
            self.emit(|node| Event::of_update(node, update));
        };
        let downloads = request.store.downloads();
        let artifacts = self.inputs.iter().map(|(port, done)| (port.clone(), done.artifact.clone()));
        let context = Context {
            inputs: artifacts.collect(),
            sources: self.snapshot.files.clone(),
            out: slot.out(),
            scratch: slot.scratch(),
            downloads: &downloads,
            // A node without one draws no numbers.
            seed: self.step.seed.unwrap_or_default(),
            devices: &request.options.devices,
            threads: request.options.threads,
            progress: Progress::new(&sink, request.stop),
        };
        // Inside a pool of its own, so that the work has the threads it was given and no others, and
        // none of its many small parallel steps has to wake a pool from outside.
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(request.options.threads).stack_size(STACK).build();
        let pool = pool.map_err(|error| Error::new("cannot start threads").because(error))?;
        pool.install(|| self.step.node.run(&context))
    }

    /// Stores the result, unless something it was made from is not what the recipe says any more.
    fn commit(&self, slot: Slot<'_>, seconds: f64) -> Result<(Artifact, bool)> {
        let provenance = self.provenance(seconds);
        let inherited = self.inputs.values().map(|done| done.snapshot.as_ref());
        let changed = inherited.chain([self.snapshot.as_ref()]).find_map(SourceSnapshot::changed);
        let Some(path) = changed else { return Ok((slot.commit(provenance, self.ended())?, true)) };
        let line = format!(
            "{} changed while the node ran; its result is under `runs/` but not stored, and the next run makes it again",
            path.display()
        );
        self.emit(|node| Event::NodeWarning { node, line });
        self.run.not_stored(self.index);
        Ok((slot.finish_uncached(provenance)?, false))
    }

    /// Whether longer work can go on from where this ended.
    fn ended(&self) -> Ended {
        let amount = self.step.kind.amount.and_then(|key| self.step.params.get(key)?.as_u64());
        match amount.map(|amount| self.step.node.goes_on_from(amount)) {
            Some(Ok(())) => Ended::Kept,
            Some(Err(_)) | None => Ended::Forgotten,
        }
    }

    fn provenance(&self, seconds: f64) -> Provenance {
        let request = self.run.request;
        Provenance {
            pipeline: request.plan.name.clone(),
            node: self.step.id.clone(),
            output_type: self.step.node.output().name.to_owned(),
            logs: self.step.kind.logs.iter().map(|&name| name.to_owned()).collect(),
            headline: self.headline.get().cloned(),
            metrics: held(&self.metrics).clone(),
            seconds,
            machine: Machine::this(request.options.threads, &request.options.devices.to_string()),
            surroundings: self.run.surroundings(),
        }
    }

    /// Ends the node if the lock, where one is to be obeyed, says anything else of it.
    fn must_be_locked(&self, drift: impl FnOnce(&Lockfile, &str) -> Vec<FactDifference>) -> Result<()> {
        let request = self.run.request;
        let Some(lock) = request.options.lock.obeyed() else { return Ok(()) };
        let drifts = drift(lock, &self.step.id);
        if drifts.is_empty() {
            return Ok(());
        }
        lock_use::tell(request, &self.step.id, drifts);
        let made_with = lock.made_with.iter().map(|(name, value)| format!("{name} {value}"));
        Err(Error::new("it is not what the lock says")
            .of_kind(ErrorKind::Drift)
            .help(format!("the lock's results were made with {}", made_with.collect::<Vec<_>>().join(", "))))
    }

    fn show(&self, artifact: Artifact) -> Result<Finished> {
        let request = self.run.request;
        self.must_be_locked(|lock, node| lock.drift_after(node, &artifact))?;
        match request.results.show(&self.step.id, &artifact, request.store)? {
            Before::Nothing => {}
            Before::InStore(key) => {
                self.run.replaces(&self.step.id, key);
            }
            Before::Kept(folder) => {
                let line =
                    format!("the result before is not in the store; it is now {}", shown::path(&folder));
                self.emit(|node| Event::NodeWarning { node, line });
            }
        }
        let artifact = artifact.with_sources(self.snapshot.paths());
        Ok(Finished { artifact, snapshot: self.snapshot.clone() })
    }

    fn reason(&self) -> Reason {
        if self.forced() {
            return Reason::Forced;
        }
        let (plan, store) = (self.run.request.plan, self.run.request.store);
        reason(plan, self.step, &self.recipe, store, &self.run.results_of(&self.recipe.kind))
    }

    fn forced(&self) -> bool {
        self.run.request.options.force.contains(&self.step.id)
    }

    fn kind(&self) -> String {
        self.step.kind.name.to_owned()
    }

    fn key(&self) -> String {
        self.recipe.key().to_string()
    }

    fn emit(&self, event: impl FnOnce(String) -> Event) {
        (self.run.request.emit)(event(self.step.id.clone()));
    }
}

/// Whether the work failed because there is no room left.
fn is_disk_full(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panics::message(panic).unwrap_or("no message");
    Error::new(format!("the node panicked: {text}"))
        .help("this is a bug in Kiln; the pipeline file and this message are what is needed to fix it")
}
