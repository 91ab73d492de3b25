//! A sweep whose points are given up by and by: all run with little of something, and only the best with more.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{Done, Options, RunRequest, Summary, run_once};
use crate::{
    error::{Error, Result},
    event::{Event, KeptPoint},
    plan::Plan,
    shown,
    spec::{Halving, Sweep, SweepPoint, sweep::base_of},
    store::Artifact,
    suggest,
};

/// How a sweep gives up points, if it does.
pub(super) fn of(plan: &Plan) -> Option<(&Sweep, &Halving)> {
    let sweep = plan.sweep.as_ref()?;
    Some((sweep, sweep.halving.as_ref()?))
}

/// Runs the points rung by rung.
///
/// # Errors
/// As a run of all; if a node has no metric of the name that is to be compared.
pub(super) fn run(request: &RunRequest<'_>, sweep: &Sweep, halving: &Halving) -> Result<Summary> {
    let (mut trials, mut begun, mut whole) = (trials(sweep), BTreeSet::new(), Summary::default());
    let places = places(request.plan);
    for rung in 0..halving.values.len() {
        let points = points(sweep, rung, &trials);
        let only: BTreeSet<&String> = points.iter().flat_map(|point| &point.nodes).collect();
        let options = Options {
            only: only.iter().map(|node| (*node).clone()).collect(),
            // What was made anew for the points before is not made again.
            force: request.options.force.iter().filter(|node| !begun.contains(*node)).cloned().collect(),
            ..request.options.clone()
        };
        let Done { summary, results } = run_once(&RunRequest { options: &options, ..*request })?;
        begun.extend(only);
        whole = whole.and(summary);
        let Some(next) = halving.values.get(rung + 1) else { break };
        let scores = scores(halving, &points, &|node| results.get(places.get(node)?))?;
        let kept = best(halving, &scores);
        (request.emit)(Event::PointsKept {
            by: halving.by(),
            next: format!("{}={next}", halving.over),
            of: trials.len(),
            kept: kept
                .iter()
                .map(|(point, value)| KeptPoint { point: (*point).to_owned(), value: *value })
                .collect(),
        });
        trials = kept.into_iter().map(|(trial, _)| trial).collect();
    }
    Ok(whole)
}

/// Where the nodes stand in the plan.
pub(super) fn places(plan: &Plan) -> BTreeMap<&str, usize> {
    plan.steps().iter().enumerate().map(|(place, step)| (step.id.as_str(), place)).collect()
}

/// How it stands with a node before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is of a point that runs.
    Runs,
    /// Whether its point runs is decided by how it did with the value at this place.
    Waits(usize),
    /// Its points were given up after the value at this place.
    GivenUp(usize),
}

/// How it stands with every node, as far as the results tell that are there.
pub(super) fn standings<'p>(
    sweep: &'p Sweep,
    halving: &Halving,
    result: &dyn Fn(&str) -> Option<&'p Artifact>,
) -> BTreeMap<&'p str, Standing> {
    let mut standings = BTreeMap::new();
    let mut known = Some(trials(sweep));
    for rung in 0..halving.values.len() {
        let running: Option<BTreeSet<&str>> = known.as_ref().map(|trials| trials.iter().copied().collect());
        let all = sweep.points.iter().filter(|point| point.rung == rung);
        for point in all {
            let standing = match &running {
                Some(trials) if trials.contains(point.trial.as_str()) => Standing::Runs,
                Some(_) => Standing::GivenUp(rung - 1),
                None => Standing::Waits(rung - 1),
            };
            for node in &point.nodes {
                // What a point that runs needs runs, whoever else needs it.
                let before = standings.entry(node.as_str()).or_insert(standing);
                if standing == Standing::Runs {
                    *before = standing;
                }
            }
        }
        known = known.and_then(|trials| {
            let scores = scores(halving, &points(sweep, rung, &trials), result).ok()?;
            Some(best(halving, &scores).into_iter().map(|(trial, _)| trial).collect())
        });
    }
    standings
}

/// The points without how far they got and the repeat, each once, in order.
fn trials(sweep: &Sweep) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    sweep.points.iter().map(|point| point.trial.as_str()).filter(|trial| seen.insert(*trial)).collect()
}

/// The points of some trials that have the value at one place.
fn points<'s>(sweep: &'s Sweep, rung: usize, trials: &[&str]) -> Vec<&'s SweepPoint> {
    let trials: BTreeSet<&str> = trials.iter().copied().collect();
    let wanted = |point: &&SweepPoint| point.rung == rung && trials.contains(point.trial.as_str());
    sweep.points.iter().filter(wanted).collect()
}

/// How good each trial is: the mean over its repeats.
///
/// # Errors
/// If a point's node has no such metric.
fn scores<'s, 'r>(
    halving: &Halving,
    points: &[&'s SweepPoint],
    result: &dyn Fn(&str) -> Option<&'r Artifact>,
) -> Result<Vec<(&'s str, f64)>> {
    let mut sums: IndexMap<&str, (f64, usize)> = IndexMap::new();
    for point in points {
        let node = point.nodes.iter().find(|node| base_of(node) == halving.node);
        let result = node.and_then(|node| result(node));
        let metrics = result.map(|artifact| &artifact.manifest().provenance.metrics);
        let score = metrics.and_then(|metrics| metrics.get(&halving.metric));
        let score = *score.ok_or_else(|| no_metric(halving, point, metrics))?;
        let (sum, count) = sums.entry(&point.trial).or_insert((0.0, 0));
        (*sum, *count) = (*sum + score, *count + 1);
    }
    Ok(sums.into_iter().map(|(trial, (sum, count))| (trial, sum / count as f64)).collect())
}

fn no_metric(halving: &Halving, point: &SweepPoint, metrics: Option<&BTreeMap<String, f64>>) -> Error {
    let names: Vec<&String> = metrics.into_iter().flat_map(BTreeMap::keys).collect();
    let message = format!(
        "the points can't be compared: `{}` gave no `{}` at `{}`",
        shown::text(&halving.node),
        shown::text(&halving.metric),
        point.id
    );
    Error::usage(message)
        .help(format!("`halving.by` can be one of {}", suggest::list(&names, "and", "no metrics")))
}

/// Those that go on, the best first; of equally good ones those that come first in the file.
fn best<'s>(halving: &Halving, scores: &[(&'s str, f64)]) -> Vec<(&'s str, f64)> {
    let mut order = scores.to_vec();
    order.sort_by(|(_, a), (_, b)| if halving.lowest { a.total_cmp(b) } else { b.total_cmp(a) });
    order.truncate(halving.kept(scores.len()));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_goes_on_and_at_least_one() {
        let halving = |factor, lowest| Halving {
            over: "epochs".into(),
            values: vec!["1".into(), "3".into()],
            node: "score".into(),
            metric: "loss".into(),
            factor,
            lowest,
        };
        let scores = [("a", 0.3), ("b", 0.1), ("c", 0.3), ("d", 0.2)];
        let names =
            |halving: &Halving| best(halving, &scores).into_iter().map(|(name, _)| name).collect::<String>();
        assert_eq!(names(&halving(2, false)), "ac");
        assert_eq!(names(&halving(3, true)), "bd");
        assert_eq!(names(&halving(9, true)), "b");
    }
}
