//! The folder of one pipeline's results, `runs/<pipeline>/`: what a run gave, where people look for it.
//!
//! ```text
//! runs/<pipeline>/
//!   results.json        whose results these are ([`Origin`])
//!   pipeline.yaml       the pipeline as it was run, with all defaults
//!   <node>/             the node's files, `recipe.json` and `manifest.json`
//! ```
//!
//! Files there are copies (shared on disk where the file system can), never links into the store, and read-only: what
//! a person does to them can't harm the store. What Kiln did not make there ([`super::ownership`]) stays as it is: a
//! run that would replace it ends before anything is computed.

mod claim;
mod overlap;
mod show;

use std::{
    io,
    path::{Path, PathBuf},
};

pub(super) use self::overlap::reads_itself;
pub use self::show::{Before, fill};
use super::{
    forecast::forecast,
    origin::Origin,
    ownership::{Foreign, What, foreign},
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::Plan,
    shown,
    store::{Lock, LockMode, Store},
};

/// The pipeline as it was run.
const PIPELINE: &str = "pipeline.yaml";
/// Held while a folder is claimed or replaced.
const LOCK: &str = ".lock";

/// The folder of one pipeline's results.
#[derive(Debug, Clone)]
pub struct Results {
    root: PathBuf,
    origin: Origin,
    /// Where the paths of pipeline files in records start.
    project: PathBuf,
    /// What makes that the project, for people.
    because: String,
}

impl Results {
    /// The folder `root` for the results of `origin` in a project, where the paths of pipeline files start.
    pub fn new(root: impl Into<PathBuf>, origin: Origin, project: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), origin, project: project.into(), because: String::new() }
    }

    /// The same, with what makes the project the one that it is, for people: "it has `.git`".
    #[must_use]
    pub fn because(self, because: impl Into<String>) -> Self {
        Self { because: because.into(), ..self }
    }

    /// The project, and what makes it the one.
    pub(super) fn project(&self) -> (&Path, &str) {
        (&self.project, &self.because)
    }

    /// The folder of all nodes' results.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The pipeline file that the results are of, from the project's folder; none for a command without a file.
    pub fn file(&self) -> Option<String> {
        match &self.origin {
            Origin::File(path) => Some(path.to_string_lossy().into_owned()),
            Origin::Command(_) => None,
        }
    }

    /// The folder of one node's files.
    pub fn folder(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// Whether the results of the `wanted` steps can be shown, and none of them is read by the same run.
    ///
    /// Nodes in `force` run anew; the others replace what is shown only if that is not what the store has for them.
    ///
    /// # Errors
    /// Of kind store: what lies in the way and what to do.
    pub fn check(&self, plan: &Plan, store: &Store, wanted: &[usize], force: &[String]) -> Result<()> {
        self.must_stand_free()?;
        self.must_not_read_itself(plan, wanted)?;
        let mut blocked = Vec::new();
        for &index in wanted {
            let folder = self.folder(&plan.steps()[index].id);
            let others =
                foreign(&folder, store.files()).map_err(|error| store_error("read", &folder, error))?;
            if !others.is_empty() {
                blocked.push((index, others));
            }
        }
        if blocked.is_empty() {
            return Ok(());
        }
        // What can't be foreseen may well be replaced.
        let forecasts = forecast(plan, store).unwrap_or_default();
        let stays = |index: usize| {
            let recipe = forecasts.get(index).and_then(|forecast| forecast.recipe.as_ref());
            let artifact = recipe.and_then(|recipe| store.find(recipe.key()));
            let id = &plan.steps()[index].id;
            !force.contains(id) && artifact.is_some_and(|artifact| self.is_current(id, &artifact, store))
        };
        let mut in_the_way = blocked.into_iter().filter(|(index, _)| !stays(*index));
        in_the_way.next().map_or(Ok(()), |(_, others)| Err(in_the_way_error(&others)))
    }

    fn lock(&self) -> io::Result<Lock> {
        let lock = Lock::take(&self.root.join(LOCK), LockMode::Exclusive, || false)?;
        Ok(lock.expect("nobody stops this wait"))
    }
}

fn in_the_way_error(others: &[Foreign]) -> Error {
    let Foreign { path, what } = &others[0];
    let path = shown::path(path);
    let more = match others.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more there)"),
    };
    let message = match what {
        What::Unknown => format!("{path}{more} is in the way of the results, and Kiln did not make it"),
        What::Changed => {
            format!("{path}{more} is in the way of the results: it was changed after Kiln wrote it")
        }
        What::Link => format!("{path} is a link, and a folder for results is wanted there"),
        What::File => format!("{path} is a file, and a folder for results is wanted there"),
    };
    Error::store(message).help(
        "nothing was touched; move it elsewhere, give the pipeline another `name:`, or name another folder with \
         `--out DIR`",
    )
}

fn store_error(action: &str, path: &Path, error: io::Error) -> Error {
    Error::io(action, path, error)
        .of_kind(ErrorKind::Store)
        .help("results are shown there; name another folder with `--out DIR`")
}
