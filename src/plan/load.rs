//! From a file on the disk to a plan, with every problem on the way.

use std::path::{Path, PathBuf};

use super::Plan;
use crate::{
    error::Error,
    node::Kind,
    shown,
    spec::{
        Draft, PipelineSpec, Problem, Source,
        render::{self, FileReport, Style},
    },
};

/// A pipeline file that can run.
pub struct Loaded {
    /// The text of the pipeline file.
    pub source: Source,
    /// What the file says, with the defaults written out.
    pub spec: PipelineSpec,
    /// The nodes of the file in the order in which they run.
    pub plan: Plan,
}

/// A pipeline file with problems.
#[derive(Debug)]
pub struct Rejected {
    /// The text, as far as it could be read.
    pub source: Source,
    /// What is wrong, in the order of the file; at least one.
    pub problems: Vec<Problem>,
}

impl Rejected {
    /// The problems for people.
    pub fn human(&self, style: Style) -> String {
        render::human(&self.source, &self.problems, style)
    }

    /// The problems as data.
    pub fn report(&self) -> FileReport {
        render::report(&self.source, &self.problems)
    }

    /// The error that ends a command whose file was rejected and shown.
    pub fn error(&self) -> Error {
        let count = shown::count(self.problems.len(), "problem");
        Error::invalid(format!("{} has {count}", self.source.name()))
            .help(format!("`kiln explain {}` tells more about the first", self.problems[0].code))
    }
}

/// Reads, checks and plans a pipeline file, which may be what a shell hands over.
///
/// # Errors
/// The file with every problem there is.
pub fn load(path: &Path, kinds: &[Kind]) -> Result<Loaded, Box<Rejected>> {
    match Source::read_given(path) {
        Ok(source) => load_source(source, &base_of(path), kinds),
        Err(unread) => {
            let (source, problem) = *unread;
            Err(Box::new(Rejected { source, problems: vec![problem] }))
        }
    }
}

/// Checks and plans a text whose relative paths start at `base`.
///
/// # Errors
/// The text with every problem there is.
pub fn load_source(source: Source, base: &Path, kinds: &[Kind]) -> Result<Loaded, Box<Rejected>> {
    let draft = Draft::read(&source, kinds);
    let spec = draft.spec();
    match (spec, Plan::of_draft(draft, base)) {
        (Some(spec), Ok(plan)) => Ok(Loaded { source, spec, plan }),
        (_, Err(problems)) => {
            let problems = render::sorted(&source, &problems);
            Err(Box::new(Rejected { source, problems }))
        }
        (None, Ok(_)) => unreachable!("a draft without a spec has problems, and then there is no plan"),
    }
}

/// The absolute path of a file's folder.
fn base_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map_or_else(PathBuf::new, Path::to_owned)
}
