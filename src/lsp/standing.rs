//! How the nodes of a file stand: whether the store has their results, what those measured, and what would run.

use std::collections::BTreeMap;

use super::{page::Page, world::World};
use crate::{
    report::words::time,
    run::{Experiment, Forecast, Status, experiments, forecast},
    spec::sweep::base_of,
    store::{Key, Store},
};

/// Metrics that are shown first.
const FIRST: [&str; 3] = ["top1", "top5", "loss"];
/// How many metrics are shown beside a node.
const SHOWN: usize = 3;

/// What a run would do with each node of a file, and what was measured last.
pub(super) struct Standing {
    forecasts: Vec<Forecast>,
    /// The metrics of the results that are there, by node.
    measured: BTreeMap<String, BTreeMap<String, f64>>,
    /// The last run of the pipeline.
    last: Option<Experiment>,
}

impl Standing {
    /// None for a file that can't run, and where the store or the images can't be read. Nothing is made or changed.
    pub(super) fn of(world: &World, page: &Page) -> Option<Self> {
        let plan = page.loaded(world).ok()?.plan;
        let store = Store::peek(&(world.store_of)(&page.path()?)).ok()?;
        let forecasts = forecast(&plan, &store).ok()?;
        let metrics = |row: &Forecast| {
            let key: Key = row.key.as_ref()?.parse().ok()?;
            let manifest = store.manifest(key).filter(|_| row.status == Status::Hit)?;
            Some((row.node.clone(), manifest.provenance.metrics))
        };
        let measured = forecasts.iter().filter_map(metrics).collect();
        let last = experiments(&store).into_iter().find(|it| it.pipeline == plan.name);
        Some(Self { forecasts, measured, last })
    }

    /// A line on a node; none if there is no such node.
    pub(super) fn told(&self, node: &str) -> Option<String> {
        let rows: Vec<&Forecast> = self.forecasts.iter().filter(|row| base_of(&row.node) == node).collect();
        match &rows[..] {
            [] => None,
            [only] => Some(self.one(only)),
            several => Some(self.points(several)),
        }
    }

    fn one(&self, row: &Forecast) -> String {
        let metrics = self.measured.get(&row.node).map(shown).filter(|text| !text.is_empty());
        match row.status {
            Status::Hit => {
                let took = row.seconds.map(|seconds| format!(", took {}", time(seconds))).unwrap_or_default();
                [Some(format!("cached{took}")), metrics].into_iter().flatten().collect::<Vec<_>>().join(" · ")
            }
            Status::Miss | Status::Unknown => {
                let why = row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                let last = self.last(&row.node).map(|last| format!(" · last {last}")).unwrap_or_default();
                format!("would run{why}{last}")
            }
        }
    }

    /// A node at the points of a sweep.
    fn points(&self, rows: &[&Forecast]) -> String {
        let hits = rows.iter().filter(|row| row.status == Status::Hit).count();
        let best = rows.iter().filter_map(|row| self.measured.get(&row.node)?.get(FIRST[0]));
        let best = best.copied().reduce(f64::max).map(|best| format!(" · best {} {best:.3}", FIRST[0]));
        format!("{hits} of {} points cached{}", rows.len(), best.unwrap_or_default())
    }

    /// What the last run of the pipeline measured at a node.
    fn last(&self, node: &str) -> Option<String> {
        let last = self.last.as_ref()?;
        let own = last.metrics.iter().filter_map(|(name, value)| {
            let (of, metric) = name.split_once('.')?;
            (of == node).then(|| (metric.to_owned(), *value))
        });
        let own: BTreeMap<String, f64> = own.collect();
        (!own.is_empty()).then(|| shown(&own))
    }
}

/// The first few metrics: `top1 0.787, top5 0.975`.
fn shown(metrics: &BTreeMap<String, f64>) -> String {
    let first = FIRST.iter().filter_map(|name| metrics.get_key_value(*name));
    let others = metrics.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let told = first.chain(others).take(SHOWN).map(|(name, value)| format!("{name} {}", number(*value)));
    told.collect::<Vec<_>>().join(", ")
}

/// Whole numbers as they are, others to three places.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
