//! Two results of the same node, fact by fact: whether they are the same, by bytes or within a tolerance.

use std::{collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::Serialize;

use super::lockfile::Facts;
use crate::shown;

/// How far a result may be from another one and still count as the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Every byte is the same.
    Bytes,
    /// No metric differs by more than this; bytes may.
    Metrics(f64),
}

/// A fact in which two results differ.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FactDifference {
    /// The name of the fact, e.g. `metric.top1`, `output.model.safetensors`.
    pub fact: String,
    /// What it was; none where there was none.
    pub before: Option<String>,
    /// What it is; none where there is none.
    pub after: Option<String>,
}

/// Every fact in which two results differ, in order. Where anything else does, the key, which follows from all, is not told.
pub fn differences(before: &Facts, after: &Facts) -> Vec<FactDifference> {
    let names: BTreeSet<_> = before.0.keys().chain(after.0.keys()).collect();
    let one = |fact: &String| {
        let (before, after) = (before.0.get(fact).cloned(), after.0.get(fact).cloned());
        (before != after).then(|| FactDifference { fact: fact.clone(), before, after })
    };
    let mut all: Vec<_> = names.into_iter().filter_map(one).collect();
    if all.len() > 1 {
        all.retain(|difference| difference.fact != "key");
    }
    all
}

impl Tolerance {
    /// Whether a difference is one.
    pub fn minds(self, difference: &FactDifference) -> bool {
        let Self::Metrics(limit) = self else { return true };
        if difference.fact.starts_with("metric.") {
            return difference.amount().is_none_or(|amount| amount > limit);
        }
        // What follows from bytes may differ where bytes may.
        !["key", "output", "input."].iter().any(|name| difference.fact.starts_with(name))
    }
}

impl FactDifference {
    /// By how much a number differs, if it is one before and after.
    pub fn amount(&self) -> Option<f64> {
        let number = |text: &Option<String>| text.as_deref()?.parse::<f64>().ok();
        Some((number(&self.after)? - number(&self.before)?).abs())
    }
}

/// `metric.top1: 0.8 -> 0.7875, by 1.250e-2`.
impl fmt::Display for FactDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), shown::fact);
        write!(f, "{}: {} -> {}", shown::text(&self.fact), value(&self.before), value(&self.after))?;
        match self.amount() {
            Some(amount) if self.fact.starts_with("metric.") => write!(f, ", by {amount:.3e}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(all: &[(&str, &str)]) -> Facts {
        Facts(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn differing(before: &[(&str, &str)], after: &[(&str, &str)], tolerance: Tolerance) -> Vec<String> {
        let all = differences(&facts(before), &facts(after)).into_iter();
        all.filter(|one| tolerance.minds(one)).map(|one| one.fact).collect()
    }

    #[test]
    fn bytes_are_bytes() {
        let before = [("key", "1"), ("metric.loss", "0.5"), ("output", "a"), ("output.x", "b")];
        assert_eq!(differing(&before, &before, Tolerance::Bytes), [] as [&str; 0]);
        let after = [("key", "2"), ("metric.loss", "0.5"), ("output", "c"), ("output.x", "d")];
        assert_eq!(differing(&before, &after, Tolerance::Bytes), ["output", "output.x"]);
    }

    #[test]
    fn within_a_tolerance_only_metrics_and_what_was_asked_for_count() {
        let before = [
            ("key", "1"),
            ("input.model", "i"),
            ("metric.loss", "0.5"),
            ("output", "a"),
            ("param.batch", "1"),
        ];
        let after = [
            ("key", "2"),
            ("input.model", "j"),
            ("metric.loss", "0.51"),
            ("output", "b"),
            ("param.batch", "1"),
        ];
        assert_eq!(differing(&before, &after, Tolerance::Metrics(0.02)), [] as [&str; 0]);
        assert_eq!(differing(&before, &after, Tolerance::Metrics(0.005)), ["metric.loss"]);
        let other = [("key", "2"), ("metric.loss", "0.5"), ("output", "b"), ("param.batch", "2")];
        assert_eq!(differing(&before, &other, Tolerance::Metrics(0.02)), ["param.batch"]);
    }

    #[test]
    fn a_metric_that_is_no_longer_there_is_a_difference_at_any_tolerance() {
        assert_eq!(differing(&[("metric.top5", "1")], &[], Tolerance::Metrics(9.0)), ["metric.top5"]);
    }
}
