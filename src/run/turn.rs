//! One node: look up, execute, commit.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, OnceLock},
    time::Instant,
};

use super::{
    Job,
    gate::Gate,
    recipe::recipe,
    results::Before,
    sources::Watched,
    walk::{Inputs, STACK},
    why::{Asking, Reason},
};
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    node::Context,
    plan::Step,
    progress::{Progress, Update},
    shown,
    store::{Artifact, Entry, Key, Lookup, Machine, Recipe, Request, Slot, Story},
};

/// A node's result, and the sources it was made from as they were then.
#[derive(Clone)]
pub struct Done {
    artifact: Artifact,
    watched: Arc<Watched>,
}

/// What became of a node.
pub enum Turn {
    /// Its result was in the store.
    Cached(Done),
    /// It ran.
    Made(Done),
    /// It failed, and why was told.
    Failed(ErrorKind),
    /// It was stopped.
    Interrupted,
}

/// What all nodes of a run share.
pub struct Workshop<'a> {
    job: &'a Job<'a>,
    /// One node at a time has the compute device.
    device: Gate,
    /// Others work side by side, as many as there are threads.
    bench: Gate,
    /// What the store had when it was first asked why something is not there.
    entries: OnceLock<Vec<Entry>>,
    /// Nodes whose result before is in the store only, with its key.
    replaced: Mutex<Vec<(String, Key)>>,
    /// The steps of the run, and what those gave that are done.
    wanted: &'a [usize],
    done: Mutex<BTreeMap<usize, Artifact>>,
    /// The nodes that asked for a key so far.
    askers: Mutex<BTreeMap<Key, BTreeSet<usize>>>,
}

/// A turn that is going on.
struct Work<'w> {
    shop: &'w Workshop<'w>,
    index: usize,
    step: &'w Step,
    recipe: Recipe,
    inputs: Inputs,
    watched: Arc<Watched>,
    /// What came of it in one line, once the node says so.
    headline: OnceLock<String>,
}

impl<'a> Workshop<'a> {
    /// The workshop of one run.
    pub fn new(job: &'a Job<'a>, wanted: &'a [usize]) -> Self {
        let bench = Gate::new(job.options.threads.max(1));
        Self {
            job,
            device: Gate::new(1),
            bench,
            entries: OnceLock::new(),
            replaced: Mutex::default(),
            wanted,
            done: Mutex::default(),
            askers: Mutex::default(),
        }
    }

    /// Looks, before long work begins, whether what is there already would make a later node fail.
    fn foresee(&self, begins: usize) -> Result<()> {
        if self.job.options.keep_going {
            return Ok(());
        }
        let done = self.done.lock().expect("no holder of this lock panics");
        for &index in self.wanted.iter().filter(|&&index| index != begins && !done.contains_key(&index)) {
            let step = &self.job.plan.steps()[index];
            for (port, artifact) in
                step.inputs.iter().filter_map(|(port, from)| Some((port, done.get(from)?)))
            {
                step.node.check_input(port, artifact).map_err(|error| foreseen(&step.id, &error))?;
            }
        }
        Ok(())
    }

    /// Tells which results are no longer shown, and how the store calls them.
    pub fn tell_replaced(&self) {
        let replaced = self.replaced.lock().expect("no holder of this lock panics");
        if !replaced.is_empty() {
            let (nodes, keys) = replaced.iter().map(|(node, key)| (node.clone(), key.to_string())).unzip();
            (self.job.emit)(Event::ResultsReplaced { nodes, keys });
        }
    }

    /// Makes or finds the result of a step, and tells what happens.
    pub fn turn(&self, index: usize, inputs: Inputs) -> Turn {
        let node = &self.job.plan.steps()[index].id;
        match catch_unwind(AssertUnwindSafe(|| self.try_turn(index, inputs))) {
            Ok(Ok(turn)) => {
                if let Turn::Cached(Done { artifact, .. }) | Turn::Made(Done { artifact, .. }) = &turn {
                    let mut done = self.done.lock().expect("no holder of this lock panics");
                    done.insert(index, artifact.clone());
                }
                turn
            }
            Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {
                (self.job.emit)(Event::NodeInterrupted { node: node.clone() });
                Turn::Interrupted
            }
            Ok(Err(error)) => self.failed(node, &error),
            Err(panic) => self.failed(node, &panicked(panic.as_ref())),
        }
    }

    fn failed(&self, node: &str, error: &Error) -> Turn {
        let full = error.kind() == ErrorKind::Store || is_disk_full(error);
        let help = error.hint().map(str::to_owned);
        (self.job.emit)(Event::NodeFailed { node: node.to_owned(), error: error.chain(), help });
        Turn::Failed(if full { ErrorKind::Store } else { ErrorKind::Failed })
    }

    fn try_turn(&self, index: usize, inputs: Inputs) -> Result<Turn> {
        let step = &self.job.plan.steps()[index];
        let watched =
            Watched::look(step.node.as_ref(), &self.job.plan.base, self.job.store.files(), self.job.stop)?;
        let files = watched.files.values().flat_map(|source| &source.files).map(|file| file.path.as_path());
        if let Some(path) = self.job.results.first_replaced(files, self.job.plan, self.wanted) {
            return Err(self.job.results.reads_itself(&step.id, path));
        }
        let digests = inputs.iter().map(|(port, done)| (port.clone(), done.artifact.digest())).collect();
        let recipe = recipe(step, self.job.plan.seed, digests, watched.digests());
        let (watched, headline) = (Arc::new(watched), OnceLock::new());
        let work = Work { shop: self, index, step, recipe, inputs, watched, headline };
        match work.look_up()? {
            Lookup::Hit(artifact) => {
                work.emit(|node| Event::NodeCached { node, kind: work.kind(), key: work.key() });
                if let Some(line) = artifact.manifest().story.headline.clone() {
                    work.emit(|node| Event::NodeNote { node, line });
                }
                work.show(artifact).map(Turn::Cached)
            }
            Lookup::Miss(slot) => work.make(slot).map(Turn::Made),
        }
    }
}

impl<'w> Work<'w> {
    fn look_up(&self) -> Result<Lookup<'w>> {
        let job = self.shop.job;
        self.askers(|askers| askers.insert(self.index));
        job.store.lookup(&Request {
            recipe: &self.recipe,
            force: self.forced(),
            waiting: &|| self.emit(|node| Event::NodeWaiting { node, key: self.key(), twin: self.twin() }),
            damaged: &|line| self.emit(|node| Event::NodeWarning { node, line }),
            stopped: &|| job.stop.requested(),
        })
    }

    /// A node of this run with the same recipe that may be at work on it.
    fn twin(&self) -> Option<String> {
        let twin = self.askers(|askers| askers.iter().find(|asker| **asker != self.index).copied());
        twin.map(|index| self.shop.job.plan.steps()[index].id.clone())
    }

    fn askers<T>(&self, ask: impl FnOnce(&mut BTreeSet<usize>) -> T) -> T {
        let mut askers = self.shop.askers.lock().expect("no holder of this lock panics");
        ask(askers.entry(self.recipe.key()).or_default())
    }

    fn make(&self, slot: Slot<'_>) -> Result<Done> {
        let (job, uses_device) = (self.shop.job, self.step.node.precision().is_some());
        let gate = if uses_device { &self.shop.device } else { &self.shop.bench };
        let pass = gate.enter(self.index, job.stop)?;
        if uses_device {
            self.shop.foresee(self.index)?;
        }
        self.emit(|node| Event::NodeStarted {
            node,
            kind: self.kind(),
            key: self.key(),
            reason: self.reason().to_string(),
            resumed: slot.resumed(),
        });
        let started = Instant::now();
        self.execute(&slot)?;
        let seconds = started.elapsed().as_secs_f64();
        drop(pass);
        let (artifact, stored) = self.commit(slot, seconds)?;
        let done = self.show(artifact)?;
        self.emit(|node| Event::NodeFinished { node, kind: self.kind(), key: self.key(), seconds, stored });
        Ok(done)
    }

    fn execute(&self, slot: &Slot<'_>) -> Result<()> {
        let job = self.shop.job;
        let sink = |update| {
            if let Update::Headline(line) = &update {
                self.headline.get_or_init(|| line.clone());
            }
            self.emit(|node| told(node, update));
        };
        let downloads = job.store.downloads();
        let artifacts = self.inputs.iter().map(|(port, done)| (port.clone(), done.artifact.clone()));
        let context = Context {
            inputs: artifacts.collect(),
            sources: self.watched.files.clone(),
            out: slot.out(),
            scratch: slot.scratch(),
            downloads: &downloads,
            seed: job.plan.seed,
            device: job.options.device,
            threads: job.options.threads,
            progress: Progress::new(&sink, job.stop),
        };
        // Inside a pool of its own, so that the work has the threads it was given and no others, and
        // none of its many small parallel steps has to wake a pool from outside.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(job.options.threads).stack_size(STACK).build();
        let pool = pool.map_err(|error| Error::new("cannot start threads").because(error))?;
        pool.install(|| self.step.node.run(&context))
    }

    /// Stores the result, unless something it was made from is not what the recipe says any more.
    fn commit(&self, slot: Slot<'_>, seconds: f64) -> Result<(Artifact, bool)> {
        let story = self.story(seconds);
        let inherited = self.inputs.values().map(|done| done.watched.as_ref());
        let changed = inherited.chain([self.watched.as_ref()]).find_map(Watched::changed);
        let Some(path) = changed else { return Ok((slot.commit(story)?, true)) };
        let line = format!(
            "{} changed while the node ran; its result is under `runs/` but not stored, and the next run makes it anew",
            path.display()
        );
        self.emit(|node| Event::NodeWarning { node, line });
        Ok((slot.set_aside(story)?, false))
    }

    fn story(&self, seconds: f64) -> Story {
        let job = self.shop.job;
        Story {
            pipeline: job.plan.name.clone(),
            node: self.step.id.clone(),
            gives: self.step.node.output().name.to_owned(),
            logs: self.step.kind.logs.iter().map(|&name| name.to_owned()).collect(),
            headline: self.headline.get().cloned(),
            seconds,
            machine: Machine::this(job.options.threads, &job.options.device.to_string()),
        }
    }

    fn show(&self, artifact: Artifact) -> Result<Done> {
        let job = self.shop.job;
        match job.results.show(&self.step.id, &artifact, job.store)? {
            Before::Nothing => {}
            Before::InStore(key) => {
                let mut replaced = self.shop.replaced.lock().expect("no holder of this lock panics");
                replaced.push((self.step.id.clone(), key));
            }
            Before::Kept(folder) => {
                let line =
                    format!("the result before is not in the store; it is now {}", shown::path(&folder));
                self.emit(|node| Event::NodeWarning { node, line });
            }
        }
        let artifact = artifact.with_sources(self.watched.paths());
        Ok(Done { artifact, watched: self.watched.clone() })
    }

    fn reason(&self) -> Reason {
        if self.forced() {
            return Reason::Forced;
        }
        let entries = self.shop.entries.get_or_init(|| self.shop.job.store.entries());
        Reason::of(&self.recipe, Asking::of(self.shop.job.plan, self.step), entries)
    }

    fn forced(&self) -> bool {
        self.shop.job.options.force.contains(&self.step.id)
    }

    fn kind(&self) -> String {
        self.step.kind.name.to_owned()
    }

    fn key(&self) -> String {
        self.recipe.key().to_string()
    }

    fn emit(&self, event: impl FnOnce(String) -> Event) {
        (self.shop.job.emit)(event(self.step.id.clone()));
    }
}

fn foreseen(node: &str, error: &Error) -> Error {
    let help = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
    Error::new(format!("not begun, since `{node}` would fail after it: {}", error.chain()))
        .help(format!("{help}`--keep-going` begins all the same"))
}

fn told(node: String, update: Update) -> Event {
    match update {
        Update::Step { stage, done, total, unit } => {
            Event::NodeProgress { node, stage, done, total, unit: unit.to_owned() }
        }
        Update::Note(line) | Update::Headline(line) => Event::NodeNote { node, line },
        Update::Warning(line) => Event::NodeWarning { node, line },
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
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Error::new(format!("the node panicked: {text}"))
        .help("this is a bug in Kiln; the pipeline file and this message are what is needed to fix it")
}
