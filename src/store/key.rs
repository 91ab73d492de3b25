//! What decides a result, and its name in the store.

use std::{collections::BTreeMap, fmt, fmt::Write as _, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest::{Digest, NotADigest};

/// Raised when the layout of [`Recipe`] changes; part of every key, so that no old entry is misread.
pub const FORMAT: u32 = 1;

/// The domain of keys, which keeps them apart from digests of other things.
const DOMAIN: &str = "kiln 2026 recipe";

/// All that decides a node's result, and nothing else.
///
/// Not in it: the node's name, paths, thread counts, the device, the place of the output. Inputs and
/// sources count by content. It is kept beside the result as JSON, so that a miss can be explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The layout of the recipe: [`FORMAT`] when it was written.
    pub format: u32,
    /// The node's kind, e.g. `train`.
    pub kind: String,
    /// The kind's version, raised when the same parameters give other results.
    pub version: u32,
    /// Every parameter with its default written out, without references, paths and runtime keys.
    pub params: Map<String, Value>,
    /// Port to the digest of the artifact given there.
    #[schemars(with = "BTreeMap<String, String>")]
    pub inputs: BTreeMap<String, Digest>,
    /// Key of a path to the digest of what lies there.
    #[schemars(with = "BTreeMap<String, String>")]
    pub sources: BTreeMap<String, Digest>,
    /// The pipeline's seed, if it decides the result.
    pub seed: Option<u64>,
    /// The floating-point type of the calculation, if the node calculates on a device.
    pub precision: Option<String>,
}

impl Recipe {
    /// The name of the result in the store.
    pub fn key(&self) -> Key {
        let value = serde_json::to_value(self).expect("a recipe is plain data with string keys");
        Key(Digest::of_text(DOMAIN, &canonical(&value)))
    }
}

/// The name of a result: `BLAKE3` over the canonical JSON of its [`Recipe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(Digest);

impl Key {
    /// The first 12 of the 64 digits, for people.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Key {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        text.parse().map(Self)
    }
}

/// JSON with sorted keys and no spaces: equal values give equal texts, other values other texts.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            write_list(text, '{', '}', sorted, |(key, value), text| {
                write_canonical(&Value::from(key.as_str()), text);
                text.push(':');
                write_canonical(value, text);
            });
        }
        Value::Array(items) => write_list(text, '[', ']', items, write_canonical),
        plain => write!(text, "{plain}").expect("a string takes every text"),
    }
}

fn write_list<T>(
    text: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    mut write_item: impl FnMut(T, &mut String),
) {
    text.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        write_item(item, text);
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn recipe(params: Value) -> Recipe {
        let Value::Object(params) = params else { panic!("parameters are a mapping") };
        Recipe {
            format: FORMAT,
            kind: "train".into(),
            version: 1,
            params,
            inputs: [("model".to_owned(), Digest::of_bytes(b"m"))].into(),
            sources: [("root".to_owned(), Digest::of_bytes(b"r"))].into(),
            seed: Some(0),
            precision: None,
        }
    }

    /// Any JSON value as parameters can hold it.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn params() -> impl Strategy<Value = Vec<(String, Value)>> {
        prop::collection::btree_map("[a-z]{1,6}", values(), 1..6).prop_map(|map| map.into_iter().collect())
    }

    fn key_of(params: Vec<(String, Value)>) -> Key {
        recipe(Value::Object(params.into_iter().collect())).key()
    }

    /// The same value with the keys of every mapping in the opposite order.
    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                Value::Object(map.iter().rev().map(|(k, v)| (k.clone(), reversed(v))).collect())
            }
            Value::Array(items) => items.iter().map(reversed).collect(),
            plain => plain.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_does_not_count(params in params()) {
            let other = params.iter().rev().map(|(k, v)| (k.clone(), reversed(v))).collect();
            prop_assert_eq!(key_of(params), key_of(other));
        }

        #[test]
        fn any_other_value_gives_another_key(params in params(), at in any::<prop::sample::Index>(), value in values()) {
            let mut other = params.clone();
            let i = at.index(params.len());
            prop_assume!(other[i].1 != value);
            other[i].1 = value;
            prop_assert_ne!(key_of(params), key_of(other));
        }

        #[test]
        fn a_recipe_read_back_has_the_same_key(params in params()) {
            let recipe = recipe(Value::Object(params.into_iter().collect()));
            let text = serde_json::to_string_pretty(&recipe).unwrap();
            let back: Recipe = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(recipe.key(), back.key());
        }

        #[test]
        fn a_float_counts_by_value_not_by_spelling(x in prop::num::f64::NORMAL) {
            let spelled: Value = serde_json::from_str(&format!("{x:e}")).unwrap();
            prop_assume!(spelled.is_f64());
            prop_assert_eq!(key_of(vec![("x".into(), x.into())]), key_of(vec![("x".into(), spelled)]));
        }
    }

    #[test]
    fn every_field_counts() {
        let base = recipe(json!({"epochs": 3}));
        let digest = Digest::of_bytes(b"other");
        let others = [
            Recipe { format: FORMAT + 1, ..base.clone() },
            Recipe { kind: "val".into(), ..base.clone() },
            Recipe { version: 2, ..base.clone() },
            recipe(json!({"epochs": 4})),
            recipe(json!({"epochs": "3"})),
            Recipe { inputs: [("model".into(), digest)].into(), ..base.clone() },
            Recipe { inputs: [("dataset".into(), base.inputs["model"])].into(), ..base.clone() },
            Recipe { sources: [("root".into(), digest)].into(), ..base.clone() },
            Recipe { seed: Some(1), ..base.clone() },
            Recipe { seed: None, ..base.clone() },
            Recipe { precision: Some("f32".into()), ..base.clone() },
        ];
        let mut keys: Vec<Key> = others.iter().chain([&base]).map(Recipe::key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), others.len() + 1);
    }

    #[test]
    fn inputs_count_by_port() {
        let (a, b) = (Digest::of_bytes(b"a"), Digest::of_bytes(b"b"));
        let with = |left, right| Recipe {
            inputs: [("left".into(), left), ("right".into(), right)].into(),
            ..recipe(json!({}))
        };
        assert_ne!(with(a, b).key(), with(b, a).key());
    }

    #[test]
    fn canonical_json_is_sorted_and_tight() {
        let value = json!({"b": [1, 0.001, null], "a": {"d": "\"\n", "c": true}});
        assert_eq!(canonical(&value), r#"{"a":{"c":true,"d":"\"\n"},"b":[1,0.001,null]}"#);
    }

    #[test]
    fn the_key_of_a_recipe_is_for_ever() {
        // A change here makes every store in the world miss: raise `FORMAT` and say so.
        let key = recipe(json!({"epochs": 3, "lr": 0.001})).key().to_string();
        insta::assert_snapshot!(key);
    }
}
