//! Why a result is not there: which part of its recipe is not what it was.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    plan::{Plan, Step},
    shown,
    store::{Entry, Key, Recipe, Store},
};

/// Why a node has to run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It was asked for.
    Forced,
    /// The store has no result of this kind.
    NeverRun,
    /// The store had the result, and a file of it is missing or damaged.
    Damaged,
    /// The recipe is not that of the last result.
    Changed {
        /// The last result of this node, or the most similar one of its kind.
        last: Last,
        /// In what the recipes differ.
        differences: Vec<Difference>,
        /// A finished result whose recipe is the same but for less of the kind's amount.
        finished: Option<Amount>,
    },
    /// Whether it runs is decided by how good its point is with less of something, `at` a value of a parameter.
    Chosen {
        /// The parameter and its value, e.g. `epochs=2`.
        at: String,
    },
    /// Its points were given up, as they were not among the best `at` a value of a parameter.
    GivenUp {
        /// The parameter and its value, e.g. `epochs=2`.
        at: String,
    },
    /// Nodes that it needs have to run first, and what they will give is not known.
    Upstream {
        /// The names of those nodes.
        nodes: Vec<String>,
    },
}

/// A result that a recipe is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Last {
    /// Its name in the store.
    pub key: String,
    /// The pipeline that made it.
    pub pipeline: String,
    /// The node that made it.
    pub node: String,
    /// When the result was made, in UTC, e.g. `2026-11-23T22:17:50Z`.
    pub created: String,
    /// Whether it is of the same node of the same pipeline, not of another one of the kind.
    pub own: bool,
}

/// A field of a recipe that is not what it was; `None` where there is or was none.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// Its path, e.g. `params.epochs`, `inputs.dataset`, `sources.root`, `seed`.
    pub field: String,
    /// The field's value in the last recipe.
    pub old: Option<Value>,
    /// The field's value in the recipe asked about.
    pub new: Option<Value>,
}

/// Who asks why it must run.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The name of the pipeline that the node is in.
    pub pipeline: &'a str,
    /// The node's name in the pipeline.
    pub node: &'a str,
    /// The key of which more means more of the same work ([`crate::node::NodeKind::AMOUNT`]), if there is one.
    pub amount: Option<&'a str>,
    /// Whether the node can go on from where a result with less ended ([`crate::node::Node::goes_on_from`]).
    pub goes_on_from: &'a dyn Fn(&Entry, u64) -> Result<(), String>,
}

/// Why a step of a plan has to run, whose recipe this is: compared with `entries`, results in `store`.
pub(super) fn reason(plan: &Plan, step: &Step, recipe: &Recipe, store: &Store, entries: &[Entry]) -> Reason {
    let goes_on_from = |result: &Entry, amount| {
        step.node.goes_on_from(amount)?;
        let there = store.has_end(result.manifest.key);
        there.then_some(()).ok_or_else(|| "what is needed for that was not kept".to_owned())
    };
    let asking = Asking {
        pipeline: &plan.name,
        node: &step.id,
        amount: step.kind.amount,
        goes_on_from: &goes_on_from,
    };
    Reason::of(recipe, asking, entries)
}

/// A parameter of which more means more of the same work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Amount {
    /// The parameter's key, e.g. `epochs`.
    pub key: String,
    /// The parameter's value in the finished result.
    pub value: u64,
    /// That result's name in the store.
    #[schemars(with = "String")]
    pub result: Key,
    /// Why the work can't go on from there; `None` if it does.
    pub obstacle: Option<String>,
}

impl Reason {
    /// Compares the recipe of a node with what the store has.
    pub fn of(recipe: &Recipe, asking: Asking<'_>, entries: &[Entry]) -> Self {
        let Asking { pipeline, node, .. } = asking;
        let key = recipe.key();
        if entries.iter().any(|entry| entry.manifest.key == key) {
            return Self::Damaged;
        }
        let same_kind = entries.iter().filter(|entry| entry.manifest.recipe.kind == recipe.kind);
        let compared: Vec<_> =
            same_kind.map(|entry| (entry, differences(&entry.manifest.recipe, recipe))).collect();
        let less = |(entry, differences): &(&Entry, Vec<Difference>)| less(asking, entry, differences);
        let finished =
            compared.iter().filter_map(less).max_by_key(|less| (less.obstacle.is_none(), less.value));
        let last = compared.into_iter().min_by_key(|(entry, differences)| {
            let provenance = &entry.manifest.provenance;
            let same = (&*provenance.pipeline, &*provenance.node) == (pipeline, node);
            // The last result of this very node; if there is none, the most similar one.
            (if same { 0 } else { differences.len() }, Reverse(entry.used), entry.manifest.key)
        });
        match last {
            None => Self::NeverRun,
            Some((entry, differences)) => {
                Self::Changed { last: Last::of(entry, pipeline, node), differences, finished }
            }
        }
    }
}

impl Last {
    fn of(entry: &Entry, pipeline: &str, node: &str) -> Self {
        let manifest = &entry.manifest;
        let provenance = &manifest.provenance;
        Self {
            key: manifest.key.to_string(),
            pipeline: provenance.pipeline.clone(),
            node: provenance.node.clone(),
            created: manifest.created.clone(),
            own: (&*provenance.pipeline, &*provenance.node) == (pipeline, node),
        }
    }
}

/// Every field in which two recipes differ, in order of its path.
pub fn differences(old: &Recipe, new: &Recipe) -> Vec<Difference> {
    let (mut old, new) = (fields(old), fields(new));
    let mut all = Vec::new();
    for (field, new) in new {
        let old = old.remove(&field);
        if old.as_ref() != Some(&new) {
            all.push(Difference { field, old, new: Some(new) });
        }
    }
    all.extend(old.into_iter().map(|(field, old)| Difference { field, old: Some(old), new: None }));
    all.sort_by(|a, b| a.field.cmp(&b.field));
    all
}

/// A recipe's values by path. Lists are values: what moved in them is seldom what changed.
pub(super) fn fields(recipe: &Recipe) -> BTreeMap<String, Value> {
    let value = serde_json::to_value(recipe).expect("a recipe is plain data with string keys");
    let mut fields = BTreeMap::new();
    flatten("", value, &mut fields);
    fields
}

/// Below longer paths, fields are not told apart.
const LONGEST_PATH: usize = 200;

fn flatten(path: &str, value: Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        // A path is written out for each field below it, and a stored recipe may be a forged one.
        Value::Object(map) if path.len() <= LONGEST_PATH => {
            for (key, value) in map {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(&path, value, fields);
            }
        }
        plain => {
            fields.insert(path.to_owned(), plain);
        }
    }
}

/// The old amount, if it grew and nothing else changed.
fn less(asking: Asking<'_>, old_result: &Entry, differences: &[Difference]) -> Option<Amount> {
    let amount = asking.amount?;
    let [Difference { field, old: Some(old), new: Some(new) }] = differences else { return None };
    let (old, new) = (old.as_u64()?, new.as_u64()?);
    let grew = field.strip_prefix("params.") == Some(amount) && old < new;
    let obstacle = || (asking.goes_on_from)(old_result, old).err();
    let result = old_result.manifest.key;
    grew.then(|| Amount { key: amount.to_owned(), value: old, result, obstacle: obstacle() })
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => f.write_str("forced"),
            Self::NeverRun => f.write_str("never run"),
            Self::Damaged => f.write_str("its stored result is damaged"),
            Self::Chosen { at } => write!(f, "runs if its point is among the best at `{at}`"),
            Self::GivenUp { at } => write!(f, "given up: not among the best at `{at}`"),
            Self::Upstream { nodes } => write!(f, "{} will run first", nodes.join(", ")),
            // In what another result differs, which has nothing to do with the one gone on from, would mislead.
            Self::Changed { finished: Some(less @ Amount { obstacle: None, .. }), differences, .. }
                if differences.len() > 1 || !less.is_of(&differences[0]) =>
            {
                write!(f, "{less}")
            }
            Self::Changed { finished: Some(less), differences, .. } => {
                write!(f, "{}; {less}", list(differences))
            }
            Self::Changed { last: Last { own: false, .. }, .. } => f.write_str("never run"),
            Self::Changed { differences, .. } => f.write_str(&list(differences)),
        }
    }
}

impl Amount {
    /// Whether a difference is that to this amount.
    fn is_of(&self, difference: &Difference) -> bool {
        difference.field.strip_prefix("params.") == Some(&self.key)
            && difference.old == Some(self.value.into())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, obstacle, .. } = self;
        match obstacle {
            None => write!(f, "goes on from the finished run with `{key}: {value}`"),
            Some(obstacle) => {
                write!(f, "can't go on from the finished run with `{key}: {value}`: {obstacle}")
            }
        }
    }
}

/// How many differences are named on one line.
const NAMED: usize = 3;
/// Longer values are not shown on one line; `kiln why` shows them.
const SHORT: usize = 40;

fn list(differences: &[Difference]) -> String {
    let mut parts: Vec<_> = differences.iter().take(NAMED).map(ToString::to_string).collect();
    if differences.len() > NAMED {
        parts.push(format!("{} more", differences.len() - NAMED));
    }
    parts.join(", ")
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown::text(self.field.strip_prefix("params.").unwrap_or(&self.field));
        let counted_by_content = ["inputs.", "sources."].iter().any(|group| self.field.starts_with(group));
        match (&self.old, &self.new) {
            (Some(_), Some(_)) if counted_by_content => write!(f, "{name} changed"),
            (Some(old), Some(new)) => match (short(old), short(new)) {
                (Some(old), Some(new)) => write!(f, "{name}: {old} -> {new}"),
                _ => write!(f, "{name} changed"),
            },
            (None, Some(new)) => match short(new).filter(|_| !counted_by_content) {
                Some(new) => write!(f, "{name}: new, {new}"),
                None => write!(f, "{name} is new"),
            },
            (Some(old), None) => match short(old).filter(|_| !counted_by_content) {
                Some(old) => write!(f, "{name}: gone, was {old}"),
                None => write!(f, "{name} is gone"),
            },
            (None, None) => f.write_str(&name),
        }
    }
}

fn short(value: &Value) -> Option<String> {
    Some(shown::text(&value.to_string()).into_owned()).filter(|text| text.len() <= SHORT)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;

    use super::*;
    use crate::store::{Digest, FORMAT, Manifest, Provenance};

    fn recipe(params: Value) -> Recipe {
        let Value::Object(params) = params else { panic!("parameters are a mapping") };
        Recipe {
            format: FORMAT,
            kind: "train".into(),
            version: 1,
            params,
            inputs: [("dataset".to_owned(), Digest::of_bytes(b"d"))].into(),
            sources: BTreeMap::new(),
            seed: Some(0),
            precision: None,
        }
    }

    fn entry(node: &str, seconds: u64, params: Value) -> Entry {
        let provenance = Provenance { node: node.into(), ..Provenance::example() };
        let manifest = Manifest::new(recipe(params), BTreeMap::new(), provenance);
        Entry { manifest, used: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    fn reason(params: Value, entries: &[Entry]) -> String {
        let goes_on_from = |_: &Entry, epochs| match epochs {
            50 => Ok(()),
            _ => Err("it is not 50".to_owned()),
        };
        let asking =
            Asking { pipeline: "p", node: "fit", amount: Some("epochs"), goes_on_from: &goes_on_from };
        Reason::of(&recipe(params), asking, entries).to_string()
    }

    #[test]
    fn nothing_of_the_kind_is_never_run() {
        assert_eq!(reason(json!({"lr": 0.1}), &[]), "never run");
    }

    #[test]
    fn the_last_result_of_the_same_node_counts_most() {
        let entries = [
            entry("fit", 1, json!({"lr": 0.2, "batch": 8})),
            entry("fit", 2, json!({"lr": 0.3, "batch": 16})),
            entry("other", 3, json!({"lr": 0.1, "batch": 16})),
        ];
        assert_eq!(reason(json!({"lr": 0.1, "batch": 8}), &entries), "batch: 16 -> 8, lr: 0.3 -> 0.1");
        assert_eq!(reason(json!({"lr": 0.1, "batch": 8}), &entries[2..]), "never run");
        let [first, second, _] = entries;
        let entries = [Entry { used: second.used, ..first.clone() }, Entry { used: first.used, ..second }];
        assert_eq!(reason(json!({"lr": 0.1, "batch": 8}), &entries), "lr: 0.2 -> 0.1");
    }

    #[test]
    fn more_epochs_are_told() {
        let entries = [
            entry("fit", 1, json!({"epochs": 10})),
            entry("fit", 2, json!({"epochs": 50})),
            entry("fit", 3, json!({"epochs": 200})),
        ];
        assert_eq!(
            reason(json!({"epochs": 100}), &entries),
            "goes on from the finished run with `epochs: 50`"
        );
        assert_eq!(
            reason(json!({"epochs": 100}), &entries[..2]),
            "epochs: 50 -> 100; goes on from the finished run with `epochs: 50`"
        );
        assert_eq!(
            reason(json!({"epochs": 30}), &entries),
            "epochs: 200 -> 30; can't go on from the finished run with `epochs: 10`: it is not 50"
        );
        let both = [entry("fit", 1, json!({"epochs": 50})), entry("fit", 2, json!({"epochs": 70}))];
        assert_eq!(
            reason(json!({"epochs": 100}), &both),
            "goes on from the finished run with `epochs: 50`",
            "one that can be gone on from counts more than a longer one"
        );
    }

    #[test]
    fn fields_are_no_longer_than_the_recipe() {
        let fields = |key: &str| {
            let below: serde_json::Map<_, _> = (0..1000).map(|i| (format!("{i}"), i.into())).collect();
            fields(&recipe(json!({ key: below })))
        };
        let bytes = |key: &str| fields(key).keys().map(String::len).sum::<usize>();
        assert!(fields("weights").len() > 1000);
        assert!(bytes(&"x".repeat(1 << 16)) < 1 << 18, "a long path is written out for each field below it");
    }

    #[test]
    fn what_is_not_seen_is_escaped() {
        let lines = differences(&recipe(json!({"a\u{1b}": "\u{9b}"})), &recipe(json!({"a\u{1b}": "b"})));
        assert_eq!(lines[0].to_string(), r#"a\u{1b}: "\u{9b}" -> "b""#);
    }

    #[test]
    fn nested_absent_and_hashed_fields_have_paths() {
        let old = recipe(json!({"a": {"b": 1, "c": [1, 2]}, "gone": true}));
        let mut new = recipe(json!({"a": {"b": 1, "c": [2]}, "new": "x"}));
        new.inputs.insert("dataset".into(), Digest::of_bytes(b"other"));
        new.seed = None;
        let lines: Vec<_> = differences(&old, &new).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        inputs.dataset changed
        a.c: [1,2] -> [2]
        gone: gone, was true
        new: new, "x"
        seed: gone, was 0
        "#);
    }

    #[test]
    fn three_differences_are_named_and_more_are_counted() {
        let entries = [entry("fit", 1, json!({"a": 0, "b": 0, "c": 0, "d": 0}))];
        let three = reason(json!({"a": 1, "b": 1, "c": 1, "d": 0}), &entries);
        assert_eq!(three, "a: 0 -> 1, b: 0 -> 1, c: 0 -> 1");
        let four = reason(json!({"a": 1, "b": 1, "c": 1, "d": 1}), &entries);
        assert_eq!(four, format!("{three}, 1 more"));
    }
}
