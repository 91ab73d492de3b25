//! What all steps of a run share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use super::{
    Options, RunRequest,
    semaphore::{Permit, Semaphore},
};
use crate::{
    error::{Error, Result},
    event::Event,
    store::{Artifact, Digest, Entry, Key, Surroundings},
};

/// What all steps of a run share: the request, who may work, and what they know of each other.
pub(super) struct RunContext<'a> {
    /// What was asked for.
    pub request: &'a RunRequest<'a>,
    /// The steps of the run, as indices into the plan.
    pub wanted: &'a [usize],
    /// One node at a time has the compute device.
    device_slot: Semaphore,
    /// Others work side by side, as many as there are threads.
    cpu_slots: Semaphore,
    /// What the store had when it was first asked why something is not there.
    entries: OnceLock<Vec<Entry>>,
    /// The program and the sources, once a node works.
    surroundings: OnceLock<Surroundings>,
    /// Nodes whose result before is in the store only, with its key.
    replaced: Mutex<Vec<(String, Key)>>,
    /// What the steps gave that have finished.
    finished: Mutex<BTreeMap<usize, Artifact>>,
    /// Those of them whose result is not in the store, since what it was made from changed meanwhile.
    unstored: Mutex<BTreeSet<usize>>,
    /// The steps that asked for a key so far.
    askers: Mutex<BTreeMap<Key, BTreeSet<usize>>>,
}

impl<'a> RunContext<'a> {
    /// The context of one run.
    pub(super) fn new(request: &'a RunRequest<'a>, wanted: &'a [usize]) -> Self {
        Self {
            request,
            wanted,
            device_slot: Semaphore::new(1),
            cpu_slots: Semaphore::new(request.options.threads.max(1)),
            entries: OnceLock::new(),
            surroundings: OnceLock::new(),
            replaced: Mutex::default(),
            finished: Mutex::default(),
            unstored: Mutex::default(),
            askers: Mutex::default(),
        }
    }

    /// Waits until step `index` may work.
    ///
    /// # Errors
    /// Of kind interrupted, when the run is stopped meanwhile.
    pub(super) fn permit(&self, index: usize, uses_device: bool) -> Result<Permit<'_>> {
        let slots = if uses_device { &self.device_slot } else { &self.cpu_slots };
        slots.acquire(index, self.request.stop)
    }

    /// The results of a kind in the store: those that it had when it was first asked, and those that this run gave since.
    pub(super) fn results_of(&self, kind: &str) -> Vec<Entry> {
        let before = self.entries.get_or_init(|| self.request.store.entries());
        let (finished, unstored) = (held(&self.finished), held(&self.unstored));
        let stored = finished.iter().filter(|(index, _)| !unstored.contains(index));
        let since = stored.map(|(_, artifact)| artifact.manifest()).filter(|made| made.recipe.kind == kind);
        let used = SystemTime::now();
        let since = since.map(|manifest| Entry { manifest: manifest.clone(), used });
        before.iter().filter(|entry| entry.manifest.recipe.kind == kind).cloned().chain(since).collect()
    }

    /// The program and the sources of the run.
    pub(super) fn surroundings(&self) -> Surroundings {
        let Options { command, surroundings, .. } = self.request.options;
        let ask = || Surroundings {
            binary: self.binary(),
            command: command.clone(),
            ..surroundings(&self.request.plan.base)
        };
        self.surroundings.get_or_init(ask).clone()
    }

    /// The digest of this program's file, which is read once for all runs that share the store.
    fn binary(&self) -> Option<Digest> {
        let program = std::env::current_exe().ok()?;
        Some(self.request.store.files().look(&program).ok()?.digest)
    }

    /// Notes that step `index` asks for `key`; gives who tells the name of another step that may be at work on it.
    pub(super) fn asks(&self, index: usize, key: Key) -> impl Fn() -> Option<String> {
        held(&self.askers).entry(key).or_default().insert(index);
        move || {
            let twin = held(&self.askers)[&key].iter().find(|asker| **asker != index).copied();
            twin.map(|index| self.request.plan.steps()[index].id.clone())
        }
    }

    /// Notes what step `index` gave.
    pub(super) fn finished(&self, index: usize, artifact: Artifact) {
        held(&self.finished).insert(index, artifact);
    }

    /// Notes that the result of step `index` is not what its recipe says, and not in the store.
    pub(super) fn not_stored(&self, index: usize) {
        held(&self.unstored).insert(index);
    }

    /// What the steps gave that have finished, and the store has.
    pub(super) fn into_results(self) -> BTreeMap<usize, Artifact> {
        let mut results = self.finished.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unstored = self.unstored.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.retain(|index, _| !unstored.contains(index));
        results
    }

    /// Notes that the result of `node` before, which the store has under `key`, is no longer shown.
    pub(super) fn replaces(&self, node: &str, key: Key) {
        held(&self.replaced).push((node.to_owned(), key));
    }

    /// Tells which results are no longer shown, and how the store calls them.
    pub(super) fn tell_replaced(&self) {
        let replaced = held(&self.replaced);
        if !replaced.is_empty() {
            let (nodes, keys) = replaced.iter().map(|(node, key)| (node.clone(), key.to_string())).unzip();
            (self.request.emit)(Event::ResultsReplaced { nodes, keys });
        }
    }

    /// Looks, before long work begins, whether what is there already would make a later node fail.
    ///
    /// # Errors
    /// If it would.
    pub(super) fn foresee(&self, begins: usize) -> Result<()> {
        if self.request.options.keep_going {
            return Ok(());
        }
        let finished = held(&self.finished);
        let later = self.wanted.iter().filter(|&&index| index != begins && !finished.contains_key(&index));
        for step in later.map(|&index| &self.request.plan.steps()[index]) {
            for (port, from) in &step.inputs {
                let Some(artifact) = finished.get(from) else { continue };
                step.node.check_input(port, artifact).map_err(|error| foreseen(&step.id, &error))?;
            }
        }
        Ok(())
    }
}

/// Nothing is left half done under these locks, so whoever panicked with one leaves it usable.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn foreseen(node: &str, error: &Error) -> Error {
    let help = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
    Error::new(format!("not begun, since `{node}` would fail after it: {}", error.chain()))
        .help(format!("{help}`--keep-going` begins all the same"))
}
