//! What a run does with the lock of its pipeline: nothing, write it, or hold every node to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    RunRequest, forecast,
    lockfile::{Drift, Lockfile},
};
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    shown,
    store::Artifact,
};

/// What a run does with the lock of its pipeline.
#[derive(Debug, Clone, Default)]
pub enum LockUse {
    /// There is no pipeline file that a lock could lie beside.
    #[default]
    Unused,
    /// What the run gives is written to the lock at this place.
    Write(PathBuf),
    /// A node that is made of anything else, or gives anything else, than this lock says ends the run.
    Obey(Lockfile),
}

impl LockUse {
    /// The lock that nodes are held to, if there is one.
    pub(super) fn obeyed(&self) -> Option<&Lockfile> {
        match self {
            Self::Obey(lock) => Some(lock),
            Self::Unused | Self::Write(_) => None,
        }
    }
}

/// Looks, before anything runs, whether what is known of the `wanted` nodes is what the lock says.
///
/// # Errors
/// Of kind drift, if it is not; each difference is told as an event.
pub(super) fn check(request: &RunRequest<'_>, wanted: &[usize]) -> Result<()> {
    let Some(lock) = request.options.lock.obeyed() else { return Ok(()) };
    let steps = request.plan.steps();
    let forecasts = forecast(request.plan, request.store)?;
    let recipes =
        wanted.iter().filter_map(|&index| Some((&steps[index].id, forecasts[index].recipe.as_ref()?)));
    let mut drifts: Vec<_> = recipes.flat_map(|(node, recipe)| lock.drift_before(node, recipe)).collect();
    if wanted.len() == steps.len() {
        drifts.extend(gone(request, lock));
    }
    if drifts.is_empty() {
        return Ok(());
    }
    tell(request, &drifts);
    let count = shown::count(drifts.len(), "fact");
    let verb = if drifts.len() == 1 { "is" } else { "are" };
    Err(Error::new(format!("{count} {verb} not what the lock says; nothing was run"))
        .of_kind(ErrorKind::Drift)
        .help("if the change is meant, run without `--locked`, which writes the lock, and commit it"))
}

/// Nodes that only the lock has.
fn gone<'a>(request: &'a RunRequest<'_>, lock: &'a Lockfile) -> impl Iterator<Item = Drift> + 'a {
    let names: BTreeSet<_> = request.plan.steps().iter().map(|step| step.id.as_str()).collect();
    let gone = lock.nodes.keys().filter(move |name| !names.contains(name.as_str()));
    gone.map(|name| Drift {
        node: name.clone(),
        fact: "node".to_owned(),
        locked: Some(name.clone()),
        now: None,
    })
}

/// Tells each difference.
pub(super) fn tell(request: &RunRequest<'_>, drifts: &[Drift]) {
    for Drift { node, fact, locked, now } in drifts.iter().cloned() {
        (request.emit)(Event::NodeDrift { node, fact, locked, now });
    }
}

/// Writes what a run gave to the lock. That it can't be written is told, and no reason to fail: the results are there.
pub(super) fn write(request: &RunRequest<'_>, results: &BTreeMap<usize, Artifact>) {
    let LockUse::Write(path) = &request.options.lock else { return };
    let before = Lockfile::read(path).ok().flatten().unwrap_or_default();
    if let Err(error) = before.after(request.plan, results).write(path) {
        let line = format!("the lock is not written: {}", error.chain());
        (request.emit)(Event::Warning { line });
    }
}
