//! `--where 'fit.epochs>10'`: which experiments are meant.

use std::{cmp::Ordering, str::FromStr};

use serde_json::Value;

use crate::run::Experiment;

/// A condition on a parameter or a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    /// The name of the parameter or metric, `node.name`.
    pub(super) field: String,
    relation: Relation,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The longer ones first, of those that begin alike.
const RELATIONS: [(&str, Relation); 7] = [
    ("==", Relation::Equal),
    ("!=", Relation::Unequal),
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::Greater),
];

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no condition: write NODE.NAME, one of = != < <= > >=, and a value, e.g. fit.epochs>10"
            )
        };
        let at = text.find(['=', '!', '<', '>']).ok_or_else(wrong)?;
        let (field, rest) = text.split_at(at);
        let (sign, relation) = RELATIONS.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(wrong)?;
        let (field, value) = (field.trim(), rest[sign.len()..].trim());
        if field.is_empty() || value.is_empty() {
            return Err(wrong());
        }
        // A word needs no quotes.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { field: field.to_owned(), relation: *relation, value })
    }
}

impl Filter {
    /// Whether an experiment has such a parameter or metric, and it is as asked.
    pub(super) fn accepts(&self, experiment: &Experiment) -> bool {
        let Some(value) = experiment.value(&self.field) else { return false };
        let order = order(&value, &self.value);
        match self.relation {
            Relation::Equal => order == Some(Ordering::Equal),
            Relation::Unequal => order != Some(Ordering::Equal),
            Relation::Less => order == Some(Ordering::Less),
            Relation::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Relation::Greater => order == Some(Ordering::Greater),
            Relation::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// The order of two values: numbers by size, texts by letters; others are equal or not.
pub(super) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (one, other) => (one == other).then_some(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn accepts(condition: &str) -> bool {
        let experiment = Experiment {
            id: String::new(),
            pipeline: "p".into(),
            started: String::new(),
            device: "cpu".into(),
            keys: BTreeMap::new(),
            params: BTreeMap::from([
                ("fit.epochs".to_owned(), json!(10)),
                ("fit.optimizer".to_owned(), json!("auto")),
                ("fit.cos".to_owned(), json!(true)),
            ]),
            metrics: BTreeMap::from([("score.top1".to_owned(), 0.8)]),
        };
        condition.parse::<Filter>().unwrap().accepts(&experiment)
    }

    #[test]
    fn conditions_hold_or_not() {
        for condition in [
            "fit.epochs=10",
            "fit.epochs == 10.0",
            "fit.epochs>9.5",
            "fit.epochs<=10",
            "fit.optimizer=auto",
            "fit.optimizer=\"auto\"",
            "fit.optimizer!=sgd",
            "fit.cos=true",
            "score.top1>=0.8",
        ] {
            assert!(accepts(condition), "{condition}");
        }
        for condition in [
            "fit.epochs>10",
            "fit.epochs!=10",
            "fit.optimizer<alpha",
            "fit.cos>false",
            "no.such=1",
            "score.top1<0.8",
        ] {
            assert!(!accepts(condition), "{condition}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for text in ["fit.epochs", "=3", "fit.epochs>", "!3", "a!3", ""] {
            assert!(text.parse::<Filter>().unwrap_err().contains("is no condition"), "{text}");
        }
    }
}
