//! The JSON Schema of a pipeline file, made of the kinds: what a run validates against and, loosened, what editors load.
//!
//! Draft-07 in the one shape that every version of the YAML language server handles well: a tag that is
//! an `enum` with documentation, and `if`/`then` to closed definitions. No `oneOf`, `anyOf` or `null`.

use serde_json::{Map, Value, json};

use super::{VERSIONS, editor, tidy};
use crate::node::{ArtifactType, Kind};

/// Where the published schema lies in the repository.
pub const PATH: &str = "schemas/pipeline.schema.json";

/// The published schema, as `kiln schema` writes it; a test holds it equal to [`text`] of the real kinds.
pub const PUBLISHED: &str = include_str!("../../schemas/pipeline.schema.json");

/// Names that Windows keeps for devices, whatever follows a dot.
macro_rules! reserved {
    () => {
        "([Cc][Oo][Nn]|[Pp][Rr][Nn]|[Aa][Uu][Xx]|[Nn][Uu][Ll]|[Cc][Oo][Mm][0-9]|[Ll][Pp][Tt][0-9])"
    };
}

/// What names of pipelines look like: they are folders, on any system.
pub const PIPELINE_NAME: &str =
    concat!("^(?!", reserved!(), r"(\.|$))[A-Za-z0-9_-]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$");
/// What names of nodes look like: they are folders too, and stand in references.
pub const NODE_NAME: &str = concat!("^(?!", reserved!(), "$)[A-Za-z_][A-Za-z0-9_-]*$");
/// What names of parameters look like: they stand in references, between dots.
pub(super) const PARAMETER_NAME: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";
/// The longest name of a pipeline, a node or a parameter.
pub const MAX_NAME: usize = 100;

/// How the description of a key begins whose value is the name of another node.
pub(super) const REFERENCE: &str = "Name of a node that gives";

/// The schema of a file made of these kinds, once its references are resolved: what a run validates against.
pub fn pipeline(kinds: &[Kind]) -> Value {
    let kinds: Vec<_> = kinds.iter().map(|kind| (kind.name, definition(kind))).collect();
    let (node, nodes) = (node(&kinds), nodes(&kinds));
    let definitions = kinds.into_iter().map(|(name, definition)| (name.to_owned(), definition));
    let definitions: Map<_, _> = std::iter::once(("node".to_owned(), node)).chain(definitions).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("urn:kiln:pipeline:{}", VERSIONS[VERSIONS.len() - 1]),
        "title": "Kiln pipeline",
        "description": "An image-classification experiment: named nodes that refer to each other.",
        "type": "object",
        "properties": {
            "version": version(),
            "name": name(),
            "seed": seed(),
            "nodes": nodes,
        },
        "required": ["version", "name", "nodes"],
        "additionalProperties": false,
        "definitions": definitions,
    })
}

/// The same for the nodes of all points of a sweep, whose names say the points too.
pub(super) fn swept(kinds: &[Kind]) -> Value {
    let mut schema = pipeline(kinds);
    let names = &mut schema["properties"]["nodes"]["propertyNames"];
    *names = json!({ "pattern": format!("{}(@.*)?$", NODE_NAME.trim_end_matches('$')) });
    schema
}

/// The schema of a file made of these kinds as it is written: what editors load.
pub fn written(kinds: &[Kind]) -> Value {
    editor::of(pipeline(kinds))
}

/// [`written`] as it is on disk.
pub fn text(kinds: &[Kind]) -> String {
    format!("{:#}\n", written(kinds))
}

fn version() -> Value {
    json!({
        "title": "version",
        "type": "integer",
        "enum": VERSIONS,
        "description": "Version of the file format; this program reads 1.",
    })
}

fn name() -> Value {
    json!({
        "title": "name",
        "type": "string",
        "pattern": PIPELINE_NAME,
        "maxLength": MAX_NAME,
        "patternErrorMessage": "use letters, digits, `_`, `.` and `-`; no `.` at an end, and no name that Windows keeps for itself, such as `con`",
        "description": "Name of the experiment; results appear under runs/<name>/.",
        "markdownDescription": "Name of the experiment; results appear under `runs/<name>/`.\n\nLetters, digits, `_`, `.` and `-`; no `.` at an end.",
        "examples": ["mnist160"],
    })
}

fn seed() -> Value {
    json!({
        "title": "seed",
        "type": "integer",
        "minimum": 0,
        "default": 0,
        "description": "Decides all random numbers: the same file and seed give the same result.",
        "markdownDescription": "Decides all random numbers: the same file and seed give the same result.\n\nA whole number of at least 0. Default: `0`.",
    })
}

fn nodes(kinds: &[(&str, Value)]) -> Value {
    json!({
        "title": "nodes",
        "type": "object",
        "description": "The nodes by name. A key such as `dataset: digits` refers to another node; the order doesn't matter.",
        "propertyNames": {
            "pattern": NODE_NAME,
            "maxLength": MAX_NAME,
            "patternErrorMessage": "use letters, digits, `_` and `-`, a letter or `_` first; and no name that Windows keeps for itself, such as `con`",
        },
        "minProperties": 1,
        "additionalProperties": { "$ref": "#/definitions/node" },
        "defaultSnippets": kinds.iter().map(snippet).collect::<Vec<_>>(),
    })
}

/// A whole node with the keys that it must have, to choose from where a node's name would be typed.
fn snippet((kind, definition): &(&str, Value)) -> Value {
    json!({
        "label": kind,
        "description": definition["description"],
        "body": { "${1:name}": tidy::skeleton("type", kind, definition, 2) },
    })
}

/// Any node: its tag, and by the tag the definition that closes it.
fn node(kinds: &[(&str, Value)]) -> Value {
    let branches = kinds.iter().map(|(kind, definition)| {
        let reference = json!({ "$ref": format!("#/definitions/{kind}") });
        tidy::Branch { tag: (*kind).to_owned(), schema: definition.clone(), then: reference }
    });
    let mut node = tidy::choice("type", &branches.collect::<Vec<_>>());
    node.insert("title".into(), "node".into());
    node.insert(
        "description".into(),
        "A step of the experiment; its `type` decides which keys it has.".into(),
    );
    Value::Object(node)
}

/// The schema of one kind's nodes, which allows no other keys than the kind's.
fn definition(kind: &Kind) -> Value {
    let mut schema = tidy::tidy((kind.schema)().to_value());
    schema["title"] = kind.name.into();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (port, accepts) in kind.inputs() {
            refer(properties, port, accepts);
        }
        properties.shift_insert(0, "type".into(), true.into());
    }
    schema
}

/// Says that a key refers to another node.
fn refer(properties: &mut Map<String, Value>, port: &str, accepts: &[ArtifactType]) {
    let Some(property) = properties.get_mut(port) else { return };
    let gives: Vec<_> = accepts.iter().map(|accepted| accepted.phrase).collect();
    let note = format!("{REFERENCE} {}.", gives.join(" or "));
    let text = |key: &str| property[key].as_str().map(str::to_owned);
    let plain = text("description").unwrap_or_default();
    let markdown = text("markdownDescription").unwrap_or_else(|| plain.clone());
    property["description"] = format!("{plain}\n\n{note}").trim().into();
    property["markdownDescription"] = format!("{markdown}\n\n{note}").trim().into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::KeyRole;
    use crate::nodes::KINDS;

    fn walk(schema: &Value, path: &str, see: &mut impl FnMut(&str, &Value)) {
        see(path, schema);
        match schema {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"), see));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, path, see)),
            _ => {}
        }
    }

    #[test]
    fn only_keywords_that_editors_handle_well() {
        [pipeline(KINDS), written(KINDS)].iter().for_each(handled_well);
    }

    /// One of a few words or a list of them, whose text an editor explains by its pattern.
    fn is_word_or_list(schema: &Value) -> bool {
        schema["type"] == json!(["string", "array"]) && schema["patternErrorMessage"].is_string()
    }

    fn handled_well(schema: &Value) {
        walk(schema, "", &mut |path, schema| {
            let Some(map) = schema.as_object() else { return };
            if path.ends_with("/properties") || path.ends_with("/default") || path.contains("/body") {
                return;
            }
            for keyword in
                ["oneOf", "anyOf", "maxProperties", "unevaluatedProperties", "nullable", "format", "$defs"]
            {
                assert!(!map.contains_key(keyword), "{path} has {keyword}");
            }
            assert_ne!(map.get("type"), Some(&json!("null")), "{path}");
            // Values of a sweep's parameter, of which both forms say what is wrong in them.
            let is_space = map.get("type") == Some(&json!(["array", "object"]));
            if map.get("type").is_some_and(Value::is_array) && !is_space && !is_word_or_list(schema) {
                // Something else or a text of a given form, which editors explain if they are told how.
                assert_eq!(map["type"][1], "string", "{path}");
                assert!(map["pattern"].is_string() && map["patternErrorMessage"].is_string(), "{path}");
            }
        });
    }

    #[test]
    fn a_number_or_a_word_is_offered_as_a_word() {
        walk(&pipeline(KINDS), "", &mut |path, schema| {
            if schema["type"].is_array() && !is_word_or_list(schema) {
                assert_eq!(schema["type"], json!(["integer", "string"]), "{path}");
                assert!(schema["defaultSnippets"][0]["body"].is_string(), "{path}");
            }
        });
    }

    #[test]
    fn every_object_is_closed_and_every_key_documented() {
        walk(&pipeline(KINDS), "", &mut |path, schema| {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
            if path.contains("/if")
                || path.contains("/body")
                || path.contains("/default")
                || schema.get("allOf").is_some()
            {
                return;
            }
            assert_eq!(schema["additionalProperties"], false, "{path} is open");
            for (key, property) in properties.iter().filter(|(_, property)| **property != json!(true)) {
                for text in ["title", "description"] {
                    let text = property.get(text).and_then(Value::as_str).unwrap_or_default();
                    assert!(!text.is_empty(), "{path}/{key} is not documented");
                }
            }
        });
    }

    #[test]
    fn every_kind_is_offered_with_its_documentation() {
        let schema = pipeline(KINDS);
        let tag = &schema["definitions"]["node"]["properties"]["type"];
        assert_eq!(tag["enum"].as_array().unwrap().len(), KINDS.len());
        for text in tag["markdownEnumDescriptions"].as_array().unwrap() {
            assert!(!text.as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn every_key_with_a_role_is_a_key_of_its_kind() {
        let schema = pipeline(KINDS);
        for kind in KINDS {
            let definition = &schema["definitions"][kind.name];
            for (key, role) in kind.keys {
                let (name, property) = (format!("{}.{key}", kind.name), &definition["properties"][key]);
                assert!(!property.is_null(), "{name}");
                let Some(_) = role.accepts() else { continue };
                assert_eq!(property["type"], "string", "{name}");
                let required = definition["required"].as_array();
                let required = required.is_some_and(|keys| keys.contains(&json!(key)));
                assert_eq!(required, matches!(role, KeyRole::Input(_)), "{name}");
            }
        }
    }
}
