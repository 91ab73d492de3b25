//! References that lead nowhere or to the wrong thing.

use std::collections::BTreeMap;

use super::graph::references;
use crate::{
    budget::Budget,
    node::ArtifactType,
    spec::{DocPath, DraftNode, Fix, Place, Problem, brief, codes, sweep::base_of},
    suggest,
};

/// How many names are compared with those of references that lead nowhere, and listed beside wrong ones, in all.
const MAX_NAMES: u64 = 20_000;

/// Every reference that leads nowhere, or to a node that gives something else.
pub(super) fn references_problems(nodes: &[DraftNode]) -> Vec<Problem> {
    let by_name: BTreeMap<&str, &DraftNode> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut names = Budget::new(MAX_NAMES);
    let mut problems = Vec::new();
    for node in nodes {
        for (port, id) in references(node) {
            let at = DocPath::from(["nodes", node.id.as_str(), port]);
            let accepts = accepts(node, port);
            // Those that might be meant; none once too many were looked at.
            let mut candidates = || names.take(nodes.len() as u64).map_or(&[][..], |()| nodes);
            match by_name.get(id) {
                None => problems.push(unknown(candidates(), node, &at, id, accepts)),
                Some(other) if other.id == node.id => {} // a cycle of one
                Some(other) => problems.extend(mismatch(&mut candidates, node, &at, other, accepts)),
            }
        }
    }
    problems
}

pub(super) fn accepts(node: &DraftNode, port: &str) -> &'static [ArtifactType] {
    node.kind.and_then(|kind| kind.role(port)?.accepts()).unwrap_or_default()
}

fn unknown(
    nodes: &[DraftNode],
    node: &DraftNode,
    at: &DocPath,
    id: &str,
    accepts: &[ArtifactType],
) -> Problem {
    let others = nodes.iter().filter(|other| other.id != node.id);
    let others: Vec<&str> = others.map(|other| base_of(&other.id)).collect();
    let close = suggest::closest(id, others.iter().copied());
    let fitting = fitting(nodes, node, accepts);
    let meant = close.or(if let [only] = fitting[..] { Some(only) } else { None });
    let message = format!(
        "`{}` of node `{}` refers to `{}`, and there is no such node",
        at.last_key(),
        node.id,
        brief(id)
    );
    let problem = Problem::new(codes::UNKNOWN_REFERENCE, Place::Value(at.clone()), message);
    let only = if close.is_some() { suggest::only(id, others) } else { meant };
    let fix = only.filter(|only| fitting.is_empty() || fitting.contains(only));
    let problem = problem.fix(fix.map(|only| Fix::word(Place::Value(at.clone()), id, only)));
    let problem = problem.label(
        meant.map_or_else(|| "no node has this name".to_owned(), |meant| format!("did you mean `{meant}`?")),
    );
    match close {
        Some(close) if fitting.is_empty() => problem.help(format!("`{close}` is the closest name")),
        _ => problem.help(offer(accepts, &fitting)),
    }
}

/// The problem of a reference to a node that is there; none if the node is broken itself.
fn mismatch<'a>(
    candidates: &mut impl FnMut() -> &'a [DraftNode],
    node: &DraftNode,
    at: &DocPath,
    other: &DraftNode,
    accepts: &[ArtifactType],
) -> Option<Problem> {
    let gives = other.built.as_ref()?.node.output();
    if accepts.contains(&gives) {
        return None;
    }
    let message = format!(
        "`{}` of node `{}` must refer to {}, and `{}` gives {}",
        at.last_key(),
        node.id,
        wanted(accepts),
        other.id,
        gives.phrase
    );
    let kind = Place::Value(["nodes", other.id.as_str(), "type"].into());
    let fitting = fitting(candidates(), node, accepts);
    let label = match fitting[..] {
        [only] => format!("did you mean `{only}`?"),
        _ => format!("{} is wanted here", wanted(accepts)),
    };
    let place = Place::Value(at.clone());
    let fix = if let [only] = fitting[..] {
        Some(Fix::word(place.clone(), base_of(&other.id), only))
    } else {
        None
    };
    let problem = Problem::new(codes::WRONG_REFERENCE, place, message)
        .label(label)
        .fix(fix)
        .related(kind, format!("gives {}", gives.phrase));
    Some(problem.help(offer(accepts, &fitting)))
}

/// The other nodes that give what is wanted.
pub(super) fn fitting<'a>(
    nodes: &'a [DraftNode],
    node: &DraftNode,
    accepts: &[ArtifactType],
) -> Vec<&'a str> {
    let gives =
        |other: &DraftNode| other.built.as_ref().is_some_and(|built| accepts.contains(&built.node.output()));
    let others = nodes.iter().filter(|other| base_of(&other.id) != base_of(&node.id) && gives(other));
    let mut names: Vec<&str> = others.map(|other| base_of(&other.id)).collect();
    // Those of a sweep's points are beside each other.
    names.dedup();
    names
}

fn wanted(accepts: &[ArtifactType]) -> String {
    let phrases: Vec<&str> = accepts.iter().map(|accepted| accepted.phrase).collect();
    phrases.join(" or ")
}

pub(super) fn offer(accepts: &[ArtifactType], fitting: &[&str]) -> String {
    match fitting {
        [] => format!("no node here gives {}; add one", wanted(accepts)),
        [only] => format!("`{only}` gives {}", wanted(accepts)),
        several => format!("{} give {}", suggest::short_list(several, "and", "none"), wanted(accepts)),
    }
}
