//! Two settings of a sweep against each other, over the points that differ in nothing else.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::overview::Overview;
use crate::{
    error::{Error, Result},
    run::{Experiment, POINT},
    shown,
    statistics::Estimate,
    suggest,
};

/// A metric of two settings, as `kiln compare --paired --json` prints it in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct PairedRow {
    /// The pipeline that the points are of.
    pipeline: String,
    /// The metric, as `NODE.NAME`.
    metric: String,
    /// How many pairs of points there are.
    pairs: usize,
    /// The mean of what the second setting has more than the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<f64>,
    /// How far from it its 95 % confidence interval reaches.
    #[serde(rename = "±95%", skip_serializing_if = "Option::is_none")]
    reach: Option<f64>,
    /// How probable so large a difference is if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    /// The mean of each setting, by its name.
    #[serde(flatten)]
    means: Map<String, Value>,
}

/// A setting: parts of the names of points, `rate=0.1` or `rate=0.1,size=64`.
struct Setting<'a> {
    text: &'a str,
    parts: BTreeSet<&'a str>,
}

impl<'a> Setting<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// Of kind usage, if no experiment has it.
    fn read(text: &'a str, experiments: &[Experiment]) -> Result<Self> {
        let setting = Self { text, parts: text.split(',').collect() };
        if experiments.iter().any(|one| setting.rest(point(one)).is_some()) {
            return Ok(setting);
        }
        let known: BTreeSet<&str> = experiments.iter().flat_map(|one| point(one).split(',')).collect();
        let known: Vec<&str> = known.into_iter().filter(|part| !part.is_empty()).collect();
        let help = match suggest::closest(text, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                format!("points have {}", suggest::short_list(&known, "and", "no parts: no sweep was run"))
            }
        };
        Err(Error::usage(format!("no point of a sweep has `{}`", shown::text(text))).help(help))
    }

    /// What else the name of a point says; none if it is not of this setting.
    fn rest(&self, point: &str) -> Option<String> {
        let (own, rest): (Vec<&str>, Vec<&str>) =
            point.split(',').partition(|part| self.parts.contains(part));
        (own.len() == self.parts.len()).then(|| rest.join(","))
    }
}

/// A row for each metric: the means of both settings, and of what the second has more than the first in each pair the mean, how
/// far from it the 95 % confidence interval reaches, and how probable so large a mean is if there is no difference (Student's t
/// for pairs, "The Probable Error of a Mean", Biometrika 6, 1908).
///
/// # Errors
/// Of kind usage, if no points can be paired.
pub(super) fn table(experiments: &[Experiment], first: &str, second: &str) -> Result<Overview> {
    let (first, second) = (Setting::read(first, experiments)?, Setting::read(second, experiments)?);
    let pairs = pairs(experiments, &first, &second);
    if pairs.is_empty() {
        let message = format!(
            "no point of `{}` has a partner of `{}`",
            shown::text(first.text),
            shown::text(second.text)
        );
        return Err(
            Error::usage(message).help("points are paired that differ in nothing else, repeat by repeat")
        );
    }
    let names: BTreeSet<(&String, &String)> =
        pairs.iter().flat_map(|(one, _)| one.metrics.keys().map(|name| (&one.pipeline, name))).collect();
    let columns = ["pipeline", "metric", "pairs", first.text, second.text, "difference", "±95%", "p"];
    let rows = names.into_iter().filter_map(|(pipeline, name)| row(&pairs, pipeline, name));
    Ok(Overview { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() })
}

/// The last experiments of both settings that differ in nothing else.
fn pairs<'e>(
    experiments: &'e [Experiment],
    first: &Setting<'_>,
    second: &Setting<'_>,
) -> Vec<(&'e Experiment, &'e Experiment)> {
    let of = |setting: &Setting<'_>| {
        let mut last = BTreeMap::new();
        for one in experiments {
            if let Some(rest) = setting.rest(point(one)) {
                last.entry((one.pipeline.as_str(), rest)).or_insert(one);
            }
        }
        last
    };
    let (first, second) = (of(first), of(second));
    first.into_iter().filter_map(|(rest, one)| Some((one, *second.get(&rest)?))).collect()
}

fn row(pairs: &[(&Experiment, &Experiment)], pipeline: &str, name: &str) -> Option<Vec<Value>> {
    let of = |one: &Experiment| one.metrics.get(name).copied();
    let values: Vec<(f64, f64)> = pairs
        .iter()
        .filter(|(one, _)| one.pipeline == pipeline)
        .filter_map(|(one, other)| Some((of(one)?, of(other)?)))
        .collect();
    let mean = |values: Vec<f64>| Estimate::of(&values).map(|estimate| estimate.mean);
    let difference = Estimate::of(&values.iter().map(|(one, other)| other - one).collect::<Vec<_>>())?;
    let (one, other) = values.iter().copied().unzip();
    let number = |value: Option<f64>| value.map_or(Value::Null, Value::from);
    Some(vec![
        pipeline.into(),
        name.into(),
        values.len().into(),
        number(mean(one)),
        number(mean(other)),
        difference.mean.into(),
        number(difference.half_width),
        number(difference.chance()),
    ])
}

fn point(experiment: &Experiment) -> &str {
    experiment.params.get(POINT).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all() -> Vec<Experiment> {
        // The newest first: the last is an older run of the first.
        let all = [
            ("lr=1,size=32,repeat=0", 0.50),
            ("lr=2,size=32,repeat=0", 0.60),
            ("lr=1,size=32,repeat=1", 0.70),
            ("lr=2,size=32,repeat=1", 0.74),
            ("lr=2,size=64,repeat=0", 0.99),
            ("lr=1,size=32,repeat=0", 0.10),
        ];
        all.map(|(point, top1)| Experiment::example(point, top1)).to_vec()
    }

    #[test]
    fn settings_are_compared_pair_by_pair() {
        let table = table(&all(), "lr=1", "lr=2").unwrap();
        assert_eq!(table.columns, ["pipeline", "metric", "pairs", "lr=1", "lr=2", "difference", "±95%", "p"]);
        let [row] = &table.rows[..] else { panic!("{:?}", table.rows) };
        assert_eq!(row[..3], [json!("p"), json!("score.top1"), json!(2)]);
        let number = |at: usize| row[at].as_f64().unwrap();
        assert!((number(3) - 0.6).abs() < 1e-9 && (number(4) - 0.67).abs() < 1e-9);
        // 0.10 and 0.04: mean 0.07, deviation 0.0424, t = 0.07 / 0.03 with one degree of freedom.
        assert!((number(5) - 0.07).abs() < 1e-9 && (number(6) - 12.706_204_7 * 0.03).abs() < 1e-6);
        assert!((number(7) - 0.2577).abs() < 1e-4, "{}", number(7));
    }

    #[test]
    fn what_can_not_be_paired_is_told() {
        let told = |one: &str, other: &str| {
            let error = table(&all(), one, other).err().unwrap();
            format!("{error}; {}", error.hint().unwrap_or_default())
        };
        insta::assert_snapshot!(
            [told("lr=3", "lr=2"), told("rate", "lr=2"), told("lr=1", "size=64")].join("\n")
        );
    }
}
