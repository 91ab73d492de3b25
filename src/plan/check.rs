//! References that lead nowhere or to the wrong thing, and paths where nothing lies.

use std::path::{Component, Path, PathBuf};

use super::graph::references;
use crate::{
    node::{ArtifactType, DynNode, Input, Source},
    progress::Stop,
    spec::{DocPath, DraftNode, Place, Problem, codes, source::nearest},
    suggest,
};

/// Every reference that leads nowhere, or to a node that gives something else.
pub(super) fn references_problems(nodes: &[DraftNode]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for node in nodes {
        for (port, id) in references(node) {
            let at = DocPath::from(["nodes", node.id.as_str(), port]);
            let accepts = accepts(node, port);
            match nodes.iter().find(|other| other.id == id) {
                None => problems.push(unknown(nodes, node, &at, id, accepts)),
                Some(other) if other.id == node.id => {} // a cycle of one
                Some(other) => problems.extend(mismatch(nodes, node, &at, other, accepts)),
            }
        }
    }
    problems
}

pub(super) fn accepts(node: &DraftNode, port: &str) -> &'static [ArtifactType] {
    let inputs: &'static [Input] = node.kind.map_or(&[], |kind| kind.inputs);
    inputs.iter().find(|input| input.port == port).map_or(&[], |input| input.accepts)
}

fn unknown(
    nodes: &[DraftNode],
    node: &DraftNode,
    at: &DocPath,
    id: &str,
    accepts: &[ArtifactType],
) -> Problem {
    let others = nodes.iter().filter(|other| other.id != node.id);
    let close = suggest::closest(id, others.map(|other| other.id.as_str()));
    let fitting = fitting(nodes, node, accepts);
    let meant = close.or(if let [only] = fitting[..] { Some(only) } else { None });
    let message =
        format!("`{}` of node `{}` refers to `{id}`, and there is no such node", at.last_key(), node.id);
    let problem = Problem::new(codes::UNKNOWN_REFERENCE, Place::Value(at.clone()), message);
    let problem = problem.label(
        meant.map_or_else(|| "no node has this name".to_owned(), |meant| format!("did you mean `{meant}`?")),
    );
    match close {
        Some(close) if fitting.is_empty() => problem.help(format!("`{close}` is the closest name")),
        _ => problem.help(candidates(accepts, &fitting)),
    }
}

/// The problem of a reference to a node that is there; none if the node is broken itself.
fn mismatch(
    nodes: &[DraftNode],
    node: &DraftNode,
    at: &DocPath,
    other: &DraftNode,
    accepts: &[ArtifactType],
) -> Option<Problem> {
    let gives = other.node.as_ref()?.output();
    if accepts.contains(&gives) {
        return None;
    }
    let message = format!(
        "`{}` of node `{}` must refer to {}, and `{}` gives {}",
        at.last_key(),
        node.id,
        wanted(accepts),
        other.id,
        gives.phrase()
    );
    let kind = Place::Value(["nodes", other.id.as_str(), "type"].into());
    let fitting = fitting(nodes, node, accepts);
    let label = match fitting[..] {
        [only] => format!("did you mean `{only}`?"),
        _ => format!("{} is wanted here", wanted(accepts)),
    };
    let problem = Problem::new(codes::WRONG_REFERENCE, Place::Value(at.clone()), message)
        .label(label)
        .related(kind, format!("gives {}", gives.phrase()));
    Some(problem.help(candidates(accepts, &fitting)))
}

/// The other nodes that give what is wanted.
pub(super) fn fitting<'a>(
    nodes: &'a [DraftNode],
    node: &DraftNode,
    accepts: &[ArtifactType],
) -> Vec<&'a str> {
    let gives = |other: &DraftNode| other.node.as_ref().is_some_and(|node| accepts.contains(&node.output()));
    nodes.iter().filter(|other| other.id != node.id && gives(other)).map(|other| other.id.as_str()).collect()
}

fn wanted(accepts: &[ArtifactType]) -> String {
    let phrases: Vec<&str> = accepts.iter().map(|accepted| accepted.phrase()).collect();
    phrases.join(" or ")
}

pub(super) fn candidates(accepts: &[ArtifactType], fitting: &[&str]) -> String {
    match fitting {
        [] => format!("no node here gives {}; add one", wanted(accepts)),
        [only] => format!("`{only}` gives {}", wanted(accepts)),
        several => format!("{} give {}", suggest::list(several, "and", "none"), wanted(accepts)),
    }
}

/// Every path where nothing lies.
pub(super) fn paths_problems(nodes: &[DraftNode], base: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    for node in nodes {
        for source in node.node.iter().flat_map(|built| built.sources()) {
            let tried = absolute(base, &source.path);
            let at = Place::Value(["nodes", node.id.as_str(), source.key].into());
            if !exists(&tried) {
                problems.push(nothing_there(at, source.key, node, &source.path, &tried, base));
            } else if matches_nothing(&source, &tried) {
                problems.push(no_match(at, source.key, node, &source.path, &tried));
            }
        }
    }
    problems
}

/// Everything that is wrong with what lies at the paths.
pub(super) fn contents_problems(nodes: &[DraftNode], base: &Path) -> Vec<Problem> {
    let contents = |node: &dyn DynNode| {
        let paths = node.sources().into_iter().map(|source| (source.key, absolute(base, &source.path)));
        node.check_sources(&paths.filter(|(_, path)| path.exists()).collect())
    };
    nodes.iter().filter_map(|node| node.node.as_deref()).flat_map(contents).collect()
}

/// Whether something lies there; of a pattern, in the folder where its fixed part ends.
fn exists(path: &Path) -> bool {
    fixed_part(path).exists()
}

/// Whether the source is a pattern, and none of what lies there is what the node looks for.
fn matches_nothing(source: &Source, path: &Path) -> bool {
    source.path.contains('*') && (source.list)(path, &Stop::default()).is_ok_and(|files| files.is_empty())
}

fn no_match(at: Place, key: &str, node: &DraftNode, written: &str, tried: &Path) -> Problem {
    let message = format!("`{key}` of node `{}` is the pattern `{written}`, which no file matches", node.id);
    Problem::new(codes::MISSING_PATH, at, message)
        .label("matches nothing")
        .help(format!("looked below {}", fixed_part(tried).display()))
}

/// The path up to its first component with a `*`.
fn fixed_part(path: &Path) -> PathBuf {
    let starred = |component: &Component<'_>| component.as_os_str().to_string_lossy().contains('*');
    path.components().take_while(|component| !starred(component)).collect()
}

fn nothing_there(
    at: Place,
    key: &str,
    node: &DraftNode,
    written: &str,
    tried: &Path,
    base: &Path,
) -> Problem {
    let tried = fixed_part(tried);
    let (present, missing) = first_missing(&tried);
    let near = nearest(&missing);
    let label = match &near {
        Some(near) => format!("did you mean `{}`?", respell(written, &missing, near)),
        None => "nothing is there".to_owned(),
    };
    let mut help = format!("tried {}", tried.display());
    if Path::new(written).is_relative() {
        help.push_str(&format!("\nrelative paths start at {}", absolute(base, "").display()));
    }
    if near.is_none() && present != absolute(base, "") {
        help.push_str(&format!("\nthe last folder that exists is {}", present.display()));
    }
    let message = format!("`{key}` of node `{}` names `{written}`, and nothing is there", node.id);
    Problem::new(codes::MISSING_PATH, at, message).label(label).help(help)
}

/// The deepest folder on the way that exists, and what is missing in it.
fn first_missing(path: &Path) -> (PathBuf, PathBuf) {
    let mut missing = path.to_owned();
    while let Some(parent) = missing.parent() {
        if parent.exists() {
            return (parent.to_owned(), missing);
        }
        missing = parent.to_owned();
    }
    (missing.clone(), missing)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `written` with the missing name replaced by one that exists.
fn respell(written: &str, missing: &Path, near: &Path) -> String {
    let (wrong, right) = (name(missing), name(near));
    let parts = written.split('/').map(|part| if part == wrong { right.as_str() } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// `base/path`, absolute, with `.` and `..` worked out as far as names tell.
pub(super) fn absolute(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    let absolute = std::path::absolute(&joined).unwrap_or(joined);
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir if clean.file_name().is_some() => _ = clean.pop(),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}
