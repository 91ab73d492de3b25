//! Repeats of the same experiment in one row: means, and how sure they are.

use std::collections::BTreeMap;

use serde_json::Value;

use super::overview::Overview;
use crate::{
    run::{Experiment, POINT},
    statistics::Estimate,
};

/// How the part of a point's name begins that says which repeat it is.
const REPEAT: &str = "repeat=";

/// How the names of parameters end that repeats differ in.
const SEED: &str = ".seed";

/// A row for each setting; `columns` are those of the table of single experiments.
pub(super) fn table(experiments: &[Experiment], columns: &[String]) -> Overview {
    let groups = groups(experiments);
    let is_metric = |name: &&String| experiments.iter().any(|one| one.metrics.contains_key(*name));
    // What differs within a group is no column of it.
    let of_group = |name: &&String| {
        groups.iter().all(|group| group.iter().all(|one| one.value(name) == group[0].value(name)))
    };
    let (metrics, params): (Vec<_>, Vec<_>) = columns.iter().partition(is_metric);
    let params: Vec<_> = params.into_iter().filter(|name| *name != POINT).filter(of_group).collect();
    let head = ["pipeline", POINT, "n"].map(str::to_owned);
    let of_metrics =
        metrics.iter().flat_map(|name| [(*name).clone(), format!("{name} sd"), format!("{name} ±95%")]);
    Overview {
        columns: head
            .into_iter()
            .chain(params.iter().map(|name| (*name).clone()))
            .chain(of_metrics)
            .collect(),
        rows: groups.iter().map(|group| row(group, &params, &metrics)).collect(),
    }
}

fn row(group: &[&Experiment], params: &[&String], metrics: &[&String]) -> Vec<Value> {
    let first = group[0];
    let head = [first.pipeline.as_str().into(), setting(first).into(), group.len().into()];
    let params = params.iter().map(|name| first.value(name).unwrap_or(Value::Null));
    let metrics = metrics.iter().flat_map(|name| {
        let values: Vec<f64> = group.iter().filter_map(|one| one.metrics.get(*name).copied()).collect();
        let estimate = Estimate::of(&values);
        let number = |of: fn(&Estimate) -> Option<f64>| {
            estimate.as_ref().and_then(of).map_or(Value::Null, Value::from)
        };
        [number(|it| Some(it.mean)), number(|it| it.deviation), number(|it| it.half_width)]
    });
    head.into_iter().chain(params).chain(metrics).collect()
}

/// The experiments of the same pipeline, point and parameters, whatever the repeat and its seeds, in their order; one that is of
/// no sweep stands for itself.
fn groups(experiments: &[Experiment]) -> Vec<Vec<&Experiment>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<&Experiment>> = Vec::new();
    for one in experiments {
        let of = if one.params.contains_key(POINT) { setting(one) } else { one.id.clone() };
        let params = one.params.iter().filter(|(name, _)| *name != POINT && !name.ends_with(SEED));
        let params: Vec<_> = params.map(|(name, value)| (name, value.to_string())).collect();
        let place = *places.entry((&one.pipeline, of, params)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        // Only the last of the same repeat counts: its data may have changed since.
        if groups[place].iter().all(|other| other.params.get(POINT) != one.params.get(POINT)) {
            groups[place].push(one);
        }
    }
    groups
}

/// The name of an experiment's point without the repeat.
fn setting(experiment: &Experiment) -> String {
    let point = experiment.params.get(POINT).and_then(Value::as_str).unwrap_or_default();
    point.split(',').filter(|part| !part.starts_with(REPEAT)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn experiment(point: &str, top1: f64) -> Experiment {
        let mut one = Experiment::example(point, top1);
        one.params.extend([("fit.lr0".to_owned(), json!(point[..4])), ("fit.seed".to_owned(), json!(top1))]);
        one
    }

    #[test]
    fn repeats_of_a_point_are_one_row() {
        // The newest first: the last is an older run of the first.
        let all =
            [("lr=1,repeat=0", 0.5), ("lr=2,repeat=0", 0.9), ("lr=1,repeat=1", 0.7), ("lr=1,repeat=0", 0.1)];
        let all = all.map(|(point, top1)| experiment(point, top1));
        let table = table(&all, &["point", "fit.lr0", "fit.seed", "score.top1"].map(str::to_owned));
        let columns = ["pipeline", "point", "n", "fit.lr0", "score.top1", "score.top1 sd", "score.top1 ±95%"];
        assert_eq!(table.columns, columns);
        assert_eq!(table.rows[0][..5], [json!("p"), json!("lr=1"), json!(2), json!("lr=1"), json!(0.6)]);
        assert!((table.rows[0][6].as_f64().unwrap() - 12.706_204_7 * 0.1).abs() < 1e-6);
        assert_eq!(table.rows[1][2..], [json!(1), json!("lr=2"), json!(0.9), Value::Null, Value::Null]);
        let epochs = |mut one: Experiment, epochs: u64| {
            one.params.insert("fit.epochs".into(), json!(epochs));
            one
        };
        // Half of a sweep that was run again with more epochs is not averaged with the other half.
        let mixed = [(0, 9), (1, 3), (0, 3)]
            .map(|(repeat, with)| epochs(experiment(&format!("lr=1,repeat={repeat}"), 0.5), with));
        let table = super::table(&mixed, &["fit.epochs", "score.top1"].map(str::to_owned));
        let rows: Vec<_> = table.rows.iter().map(|row| (&row[2], &row[3])).collect();
        assert_eq!(rows, [(&json!(1), &json!(9)), (&json!(2), &json!(3))]);
    }
}
