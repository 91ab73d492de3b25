//! Where in the schema a place of the document is described.

use serde_json::Value;

use super::{
    origin::Origins,
    problem::{DocPath, Segment},
    source::Source,
};
use crate::node::Kind;

/// A document beside its schema.
#[derive(Clone, Copy)]
pub(super) struct Shapes<'a> {
    /// The whole JSON Schema of pipeline files.
    pub schema: &'a Value,
    /// The whole pipeline file as values.
    pub document: &'a Value,
    /// The pipeline file's text, if the document was read from one.
    pub source: Option<&'a Source>,
    /// Where its values are written.
    pub origins: &'a Origins,
    /// The kinds that the schema is made of.
    pub kinds: &'a [Kind],
}

impl<'a> Shapes<'a> {
    /// What the schema says about the value at `path`; null if nothing.
    pub(super) fn at(&self, path: &DocPath) -> &'a Value {
        let (mut schema, mut value) = (self.chosen(self.schema, self.document), self.document);
        for segment in &path.0 {
            let child = match segment {
                Segment::Key(key) => key_schema(schema, key),
                Segment::Item(item) => item_schema(schema, *item),
            };
            value = step(value, segment);
            schema = self.chosen(child, value);
        }
        schema
    }

    /// What stands at `path`; null if nothing.
    pub(super) fn value(&self, path: &DocPath) -> &'a Value {
        path.0.iter().fold(self.document, step)
    }

    /// A number, a word or nothing as the file has it: `1.0`, `0o17`, `~`.
    pub(super) fn written(&self, path: &DocPath) -> Option<String> {
        let value = self.value(path);
        let is_word = value.is_number() || value.is_boolean() || value.is_null();
        self.origins.written(self.source.filter(|_| is_word)?, path)
    }

    /// The keys that the object at `path` may have.
    pub(super) fn keys(&self, path: &DocPath) -> Vec<&'a str> {
        keys(self.at(path))
    }

    /// What chooses the other keys of the object at `path`, as written, e.g. `train`.
    pub(super) fn tag(&self, path: &DocPath) -> Option<&'a str> {
        self.value(path)["type"].as_str()
    }

    /// Whether the object at `path` has a key `type` that chooses the others.
    pub(super) fn is_choice(&self, path: &DocPath) -> bool {
        self.unchosen(path)["allOf"].is_array()
    }

    /// What the schema says about the value at `path` before its tag chooses.
    pub(super) fn unchosen(&self, path: &DocPath) -> &'a Value {
        let Some((last, parent)) = path.0.split_last() else { return self.resolve(self.schema) };
        let parent = DocPath(parent.to_vec());
        let schema = match last {
            Segment::Key(key) => key_schema(self.at(&parent), key),
            Segment::Item(item) => item_schema(self.at(&parent), *item),
        };
        self.resolve(schema)
    }

    /// Follows references and, where a tag decides, the branch that `value` chose.
    fn chosen(&self, schema: &'a Value, value: &Value) -> &'a Value {
        let schema = self.resolve(schema);
        let rules = schema["allOf"].as_array().into_iter().flatten();
        let mut chosen = rules.filter(|rule| {
            let tags = rule["if"]["properties"].as_object();
            tags.is_some_and(|tags| tags.iter().all(|(tag, wanted)| wanted["const"] == value[tag]))
        });
        chosen.next().map_or(schema, |rule| self.resolve(&rule["then"]))
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.schema.pointer(pointer)).unwrap_or(schema)
    }
}

/// The keys that a schema names.
pub(super) fn keys(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// What the schema says about a key, whichever variant is chosen.
fn key_schema<'a>(schema: &'a Value, key: &str) -> &'a Value {
    match schema["properties"].get(key) {
        Some(known) => known,
        None => &schema["additionalProperties"],
    }
}

fn item_schema(schema: &Value, item: usize) -> &Value {
    match &schema["items"] {
        Value::Array(each) => each.get(item).unwrap_or(&Value::Null),
        all => all,
    }
}

fn step<'a>(value: &'a Value, segment: &Segment) -> &'a Value {
    match segment {
        Segment::Key(key) => &value[key.as_str()],
        Segment::Item(item) => &value[*item],
    }
}
