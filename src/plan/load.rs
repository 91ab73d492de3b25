//! From a file on the disk to a plan, with every problem on the way.

use std::path::{Path, PathBuf};

use super::{
    Plan,
    fix::{Fixed, fix},
};
use crate::{
    error::Error,
    node::Kind,
    shown,
    spec::{
        Draft, Origins, PipelineSpec, Problem, Reading, Source, Sweep, Unsaved,
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
    load_with(path, &[], kinds)
}

/// As [`load`], with what was typed after each `--set`.
///
/// # Errors
/// The file with every problem there is.
pub fn load_with(path: &Path, overrides: &[String], kinds: &[Kind]) -> Result<Loaded, Box<Rejected>> {
    plan(read(path)?, Reading { overrides, ..Reading::of(&base_of(path)) }, kinds)
}

/// Reads a pipeline file, and checks what can be checked without looking at references between nodes and at paths; of a
/// sweep, the point that is named.
///
/// # Errors
/// The file with every problem of its text, its keys and its values.
pub fn draft(
    path: &Path,
    overrides: &[String],
    point: Option<&str>,
    kinds: &[Kind],
) -> Result<(Source, Draft), Box<Rejected>> {
    let source = read(path)?;
    let mut draft = Draft::read(&source, Reading { overrides, point, ..Reading::of(&base_of(path)) }, kinds);
    if draft.problems.is_empty() {
        return Ok((source, draft));
    }
    let problems = std::mem::take(&mut draft.problems);
    Err(Box::new(rejected(source, &draft.origins, draft.sweep.as_ref(), problems)))
}

fn read(path: &Path) -> Result<Source, Box<Rejected>> {
    Source::read_given(path).map_err(|fault| Box::new(unread(fault)))
}

fn unread(unread: Box<(Source, Problem)>) -> Rejected {
    let (source, problem) = *unread;
    Rejected { source, problems: vec![problem] }
}

fn rejected(source: Source, origins: &Origins, sweep: Option<&Sweep>, problems: Vec<Problem>) -> Rejected {
    let placed = origins.traced(&source, problems.clone());
    let placed = match sweep {
        Some(sweep) => sweep.told_once(&problems, placed),
        None => placed,
    };
    let problems = render::sorted(&source, &placed);
    Rejected { source, problems }
}

/// Reads a pipeline file, a regular file, and mends what can be mended ([`fix`]); the file itself stays as it is.
///
/// # Errors
/// When it can't be read.
pub fn fix_file(path: &Path, kinds: &[Kind]) -> Result<(Source, Fixed), Box<Rejected>> {
    let source = Source::read(path).map_err(|fault| Box::new(unread(fault)))?;
    Ok((source.clone(), fix(source, &base_of(path), kinds)))
}

/// Checks and plans a text whose relative paths start at `base`.
///
/// # Errors
/// The text with every problem there is.
pub fn load_source(source: Source, base: &Path, kinds: &[Kind]) -> Result<Loaded, Box<Rejected>> {
    plan(source, Reading::of(base), kinds)
}

/// As [`load_source`], with texts in place of those on the disk for files that the pipeline extends.
///
/// # Errors
/// The text with every problem there is.
pub fn load_unsaved(
    source: Source,
    base: &Path,
    unsaved: &Unsaved,
    kinds: &[Kind],
) -> Result<Loaded, Box<Rejected>> {
    plan(source, Reading { unsaved, ..Reading::of(base) }, kinds)
}

fn plan(source: Source, reading: Reading<'_>, kinds: &[Kind]) -> Result<Loaded, Box<Rejected>> {
    let mut draft = Draft::read(&source, reading, kinds);
    let (spec, origins) = (draft.spec(), std::mem::take(&mut draft.origins));
    let sweep = draft.sweep.clone();
    match (spec, Plan::of_draft(draft, reading.base)) {
        (Some(spec), Ok(plan)) => Ok(Loaded { source, spec, plan }),
        (_, Err(problems)) => Err(Box::new(rejected(source, &origins, sweep.as_ref(), problems))),
        (None, Ok(_)) => unreachable!("a draft without a spec has problems, and then there is no plan"),
    }
}

/// The absolute path of a file's folder.
fn base_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map_or_else(PathBuf::new, Path::to_owned)
}
