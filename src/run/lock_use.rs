//! What a run does with the lock of its pipeline: nothing, write it, or hold every node to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    RunRequest,
    comparison::FactDifference,
    forecast,
    lockfile::{Lockfile, NODE},
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
    let mut drifts: Vec<_> = recipes.map(|(node, recipe)| (node, lock.drift_before(node, recipe))).collect();
    if wanted.len() == steps.len() {
        drifts.extend(gone(request, lock));
    }
    let count = drifts.iter().map(|(_, drifts)| drifts.len()).sum();
    if count == 0 {
        return Ok(());
    }
    drifts.into_iter().for_each(|(node, drifts)| tell(request, node, drifts));
    let verb = if count == 1 { "is" } else { "are" };
    let count = shown::count(count, "fact");
    Err(Error::new(format!("{count} {verb} not what the lock says; nothing was run"))
        .of_kind(ErrorKind::Drift)
        .help("if the change is meant, run without `--locked`, which writes the lock, and commit it"))
}

/// Nodes that only the lock has.
fn gone<'a>(
    request: &'a RunRequest<'_>,
    lock: &'a Lockfile,
) -> impl Iterator<Item = (&'a String, Vec<FactDifference>)> + 'a {
    let names: BTreeSet<_> = request.plan.steps().iter().map(|step| step.id.as_str()).collect();
    let gone = lock.nodes.keys().filter(move |name| !names.contains(name.as_str()));
    gone.map(|name| {
        let difference = FactDifference { fact: NODE.to_owned(), before: Some(name.clone()), after: None };
        (name, vec![difference])
    })
}

/// Tells each difference of a node.
pub(super) fn tell(request: &RunRequest<'_>, node: &str, drifts: Vec<FactDifference>) {
    for FactDifference { fact, before, after } in drifts {
        (request.emit)(Event::NodeDrift { node: node.to_owned(), fact, locked: before, now: after });
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
