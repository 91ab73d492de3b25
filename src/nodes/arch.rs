//! Model YAMLs as files: what the learning half finds wrong with one, in the places of its text.

use std::{path::Path, sync::Arc};

use crate::{
    arch::{
        Arch,
        fault::{Fault, FaultKind},
    },
    spec::{Place, Problem, Source, codes},
};

/// A model YAML with problems.
#[derive(Debug)]
pub struct Mistaken {
    /// The text, as far as it could be read.
    pub source: Source,
    /// What is wrong; at least one.
    pub problems: Vec<Problem>,
}

/// The architecture of the model YAML at `path`, for as many classes as it says itself unless
/// `classes` says another number. It is called as the file is, without its ending.
///
/// # Errors
/// The file with every problem there is.
pub fn read(path: &Path, classes: Option<usize>) -> Result<Arch, Box<Mistaken>> {
    let source = match Source::read(path) {
        Ok(source) => Source::new(shown(path), source.text()),
        Err(unread) => {
            let (source, problem) = *unread;
            let source = Source::new(shown(path), source.text());
            return Err(Box::new(Mistaken { source, problems: vec![for_models(problem)] }));
        }
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    of_source(source, &name, classes)
}

/// Every problem of the model YAML at `path`, as a problem of a file beside the pipeline.
pub fn problems(path: &Path) -> Vec<Problem> {
    let Err(mistaken) = read(path, None) else { return Vec::new() };
    let Mistaken { source, problems } = *mistaken;
    let source = Arc::new(source);
    problems.into_iter().map(|problem| problem.within(&source)).collect()
}

fn of_source(source: Source, name: &str, classes: Option<usize>) -> Result<Arch, Box<Mistaken>> {
    let (document, mut problems) = match source.parse() {
        Ok(parsed) => parsed,
        Err(problem) => {
            return Err(Box::new(Mistaken { source, problems: vec![for_models(*problem)] }));
        }
    };
    let arch = Arch::read(name, source.text(), &document, classes);
    match arch {
        Ok(arch) if problems.is_empty() => return Ok(arch),
        Ok(_) => {}
        Err(faults) => problems.extend(faults.into_iter().map(problem)),
    }
    Err(Box::new(Mistaken { source, problems }))
}

/// The path as seen from the current folder, if it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

fn problem(fault: Fault) -> Problem {
    let place = if fault.key { Place::Key(fault.path) } else { Place::Value(fault.path) };
    let problem = Problem::new(code(fault.kind), place, fault.message).label(fault.label);
    fault.help.into_iter().fold(problem, Problem::help)
}

fn code(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::UnknownKey => codes::UNKNOWN_KEY,
        FaultKind::Missing => codes::MISSING_KEY,
        FaultKind::WrongType => codes::WRONG_TYPE,
        FaultKind::OutOfRange => codes::OUT_OF_RANGE,
        FaultKind::UnknownModule => codes::UNKNOWN_MODULE,
        FaultKind::Unsupported => codes::UNSUPPORTED,
        FaultKind::Misfit => codes::MISFIT,
    }
}

/// A problem of reading any file, with what to do about a model YAML.
fn for_models(problem: Problem) -> Problem {
    match problem.code {
        codes::UNREADABLE => problem.help("give the path of a model YAML"),
        codes::EMPTY_FILE => problem.help("a model YAML has at least `backbone` and `head`, with rows"),
        codes::TOO_LARGE => problem.help("a model YAML is a page; is this the right file?"),
        _ => problem,
    }
}
