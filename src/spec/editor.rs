//! The schema that editors load: that of a resolved file, but a reference may stand for any value, and a file that extends
//! another one may leave out what that says.
//!
//! A reference is text, so all else also takes text of its form: `type: [number, string]` and a `pattern`. There is no way out
//! of an `enum` but a rule that does without it, so words have theirs in an `else`, where servers find it for hover and
//! mistakes; for completion, which does not look there, the words are snippets too.

use serde_json::{Map, Value, json};

use super::{
    draws,
    expects::expects,
    extends, halving, points, resolve,
    schema::{MAX_NAME, PARAMETER_NAME},
};

/// What a reference looks like.
macro_rules! reference {
    () => {
        r"\$\{ *(params\.[^{}]+|env\.[A-Za-z_][A-Za-z0-9_]*) *\}"
    };
}

/// A value that is a reference and nothing else.
const REFERENCE: &str = concat!("^", reference!(), "$");
/// A text that has a reference in it.
const WITH_REFERENCE: &str = reference!();
/// The definitions of a file that extends no other and of its nodes, which must have all that they need.
const WHOLE: &str = "whole";
/// Those of a file that extends another one and of its nodes.
const PART: &str = "part";

/// The schema for editors made of that of a resolved file.
pub(super) fn of(mut schema: Value) -> Value {
    entries(&mut schema, "properties").filter(|(key, _)| *key != "version").for_each(|(_, it)| loosen(it));
    entries(&mut schema, "definitions").for_each(|(_, definition)| loosen(definition));
    let part_of_node = part_of_node(&mut schema);
    let whole = file(&schema, "node");
    let mut part = file(&schema, "part_of_node");
    if let Some(part) = part.as_object_mut() {
        part.shift_remove("required");
    }
    let definitions = schema["definitions"].as_object().cloned().unwrap_or_default();
    let files = [(WHOLE, whole), (PART, part), ("part_of_node", part_of_node)];
    let files = files.map(|(name, definition)| (name.to_owned(), definition));
    json!({
        "$schema": schema["$schema"],
        "$id": schema["$id"],
        "title": schema["title"],
        "description": schema["description"],
        "type": "object",
        "properties": { extends::KEY: extends() },
        "if": { "type": "object", "required": [extends::KEY] },
        "then": { "$ref": format!("#/definitions/{PART}") },
        "else": { "$ref": format!("#/definitions/{WHOLE}") },
        "definitions": definitions.into_iter().chain(files).collect::<Map<_, _>>(),
    })
}

/// A file, whose nodes have a definition.
fn file(schema: &Value, node: &str) -> Value {
    let mut properties = Map::from_iter([(extends::KEY.to_owned(), Value::Bool(true))]);
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        if key == "nodes" {
            properties.insert(resolve::KEY.to_owned(), params());
            properties.insert(points::KEY.to_owned(), matrix());
            properties.insert(halving::KEY.to_owned(), halving());
            properties.insert(points::REPEATS.to_owned(), repeats());
        }
        properties.insert(key.clone(), property.clone());
    }
    properties["nodes"]["additionalProperties"] = json!({ "$ref": format!("#/definitions/{node}") });
    json!({
        "title": schema["title"],
        "description": schema["description"],
        "type": "object",
        "properties": properties,
        "required": schema["required"],
        "additionalProperties": false,
    })
}

/// A node in a file that extends another one. What the others must have is from now on said where kinds are chosen.
fn part_of_node(schema: &mut Value) -> Value {
    let mut part = schema["definitions"]["node"].clone();
    if let Some(part) = part.as_object_mut() {
        part.shift_remove("required");
    }
    let mut required = Map::new();
    for (name, definition) in entries(schema, "definitions").filter(|(name, _)| *name != "node") {
        let keys = definition.as_object_mut().and_then(|map| map.shift_remove("required"));
        required.extend(keys.map(|keys| (name.clone(), keys)));
    }
    let rules = schema["definitions"]["node"].get_mut("allOf").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        let kind = rule["if"]["properties"]["type"]["const"].as_str().unwrap_or_default();
        if let Some(keys) = required.get(kind) {
            rule["then"] = json!({ "title": kind, "required": keys, "allOf": [rule["then"].take()] });
        }
    }
    part
}

fn entries<'a>(
    schema: &'a mut Value,
    keyword: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> + use<'a> {
    schema.get_mut(keyword).and_then(Value::as_object_mut).into_iter().flat_map(Map::iter_mut)
}

fn params() -> Value {
    json!({
        "title": resolve::KEY,
        "type": "object",
        "propertyNames": {
            "pattern": PARAMETER_NAME,
            "maxLength": MAX_NAME,
            "patternErrorMessage": "use letters, digits, `_` and `-`, a letter or `_` first",
        },
        "additionalProperties": true,
        "errorMessage": "must be a mapping (names and values)",
        "description": "Values by name, which `${params.NAME}` stands for anywhere in the file.",
        "markdownDescription": "Values by name, which `${params.NAME}` stands for anywhere in the file.\n\n\
            A value may be a mapping or a list (`${params.sizes.small}`, `${params.rates[0]}`), and refer to other parameters and \
            to variables of the environment (`${env.NAME}`). `--set params.NAME=VALUE` replaces it for a run.",
    })
}

fn matrix() -> Value {
    let points = |description: &str| {
        json!({
            "type": "array",
            "items": { "type": "object", "minProperties": 1 },
            "description": description,
        })
    };
    json!({
        "title": points::KEY,
        "type": "object",
        "properties": {
            points::EXCLUDE: points("Values of points that are left out."),
            points::INCLUDE: points("Points that are added, or values that points get beside those that they have."),
            draws::KEY: draw(),
        },
        "additionalProperties": space(),
        "description": "A sweep: lists of values of parameters; every combination is a point at which the nodes run.",
        "markdownDescription": "A sweep: lists of values of parameters; every combination is a point at which the nodes run.\n\n\
            `lr: [0.1, 0.01]` gives `params.lr` these values in turn. Nodes that are the same at several points run once. \
            `exclude` leaves points out, `include` adds some, as in GitHub Actions. With `draw: 20` that many points are drawn \
            at random, from lists and from ranges such as `lr: { min: 0.001, max: 0.1, scale: log }`.",
    })
}

fn draw() -> Value {
    json!({
        "title": draws::KEY,
        "type": "integer",
        "minimum": 1,
        "maximum": points::MAX_POINTS,
        "description": "How many points are drawn at random, by the pipeline's seed, in place of all combinations.",
    })
}

/// What the values of a parameter are taken from: a list, or a range.
fn space() -> Value {
    let end = |description: &str| json!({ "type": "number", "description": description });
    json!({
        "type": ["array", "object"],
        "description": "A list of values, or with `draw` a range of numbers.",
        "minItems": 1,
        "properties": {
            "min": end("The lowest number. If both ends are whole, so are all numbers."),
            "max": end("The highest number."),
            "scale": {
                "enum": ["linear", "log"],
                "default": "linear",
                "description": "On `log`, each order of magnitude is as likely as the others.",
            },
        },
        "required": ["min", "max"],
        "additionalProperties": false,
    })
}

fn halving() -> Value {
    let text = |description: &str, example: &str| json!({ "type": "string", "description": description, "examples": [example] });
    json!({
        "title": halving::KEY,
        "type": "object",
        "properties": {
            "over": text("The parameter of which points get more and more.", "epochs"),
            "values": {
                "type": "array",
                "minItems": 1,
                "description": "The parameter's values in turn: all points begin with the first, the best go on with the next.",
            },
            "by": text("The node and its metric that say how good a point is.", "score.top1"),
            "factor": {
                "type": "integer",
                "minimum": 2,
                "maximum": 1000,
                "default": 3,
                "description": "One in so many goes on, at least one.",
            },
            "best": {
                "enum": ["highest", "lowest"],
                "default": "highest",
                "description": "Which metric is better.",
            },
        },
        "required": ["over", "values", "by"],
        "additionalProperties": false,
        "description": "All points begin with little of something, and only the best go on with more.",
        "markdownDescription": "All points begin with little of something, and only the best go on with more (successive halving).\n\n\
            `{ over: epochs, values: [2, 6, 18], by: score.top1 }`: all points train for 2 epochs, the best third of them for 6, \
            the best third of those for 18; with `schedule: step`, or `lrf: 1`, they go on from where they were.",
    })
}

fn repeats() -> Value {
    json!({
        "title": points::REPEATS,
        "type": "integer",
        "minimum": 1,
        "maximum": points::MAX_REPEATS,
        "description": "How often everything that is trained is trained, each time with another seed.",
        "markdownDescription": "How often everything that is trained is trained, each time with another seed: `seed`, `seed + 1`, …; \
            the images that validate stay the same.\n\n`kiln list --group` shows means and confidence intervals.",
    })
}

fn extends() -> Value {
    json!({
        "title": extends::KEY,
        "type": "string",
        "description": "Another pipeline file, from which this one takes all that it does not say itself.",
        "markdownDescription": "Another pipeline file, from which this one takes all that it does not say itself; relative to this \
            file.\n\nMappings are joined key by key, lists and all else are replaced as a whole.",
        "examples": ["baseline.yaml"],
    })
}

/// Lets references stand for the values that a schema describes.
fn loosen(schema: &mut Value) {
    let wanted = expects(schema);
    inside(schema);
    let Some(map) = schema.as_object_mut() else { return };
    let kind = map.get("type").cloned().unwrap_or_default();
    let or = format!("must be {wanted}, or a reference such as `${{params.NAME}}`");
    match (kind.as_str(), map.contains_key("enum")) {
        (Some("string"), true) => word(map, &or),
        (Some("string"), false) => form(map, WITH_REFERENCE),
        (Some("object"), _) if map.contains_key("properties") && !map.contains_key("allOf") => {}
        (Some(kind), _) => {
            map.insert("type".into(), json!([kind, "string"]));
            map.insert("pattern".into(), REFERENCE.into());
            map.insert("patternErrorMessage".into(), or.clone().into());
            map.insert("errorMessage".into(), or.into());
        }
        (None, _) => {
            form(map, REFERENCE);
            // Words that may stand in a list are offered for one alone, too.
            let words = map.get("items").and_then(|items| items.get("defaultSnippets")).cloned();
            map.extend(words.map(|words| ("defaultSnippets".to_owned(), words)));
        }
    }
}

/// The same for the schemas within.
fn inside(schema: &mut Value) {
    entries(schema, "properties").filter(|(_, property)| property.is_object()).for_each(|(_, it)| loosen(it));
    for keyword in ["items", "additionalProperties"] {
        match schema.get_mut(keyword) {
            Some(Value::Array(each)) => each.iter_mut().for_each(loosen),
            Some(all @ Value::Object(_)) => loosen(all),
            _ => {}
        }
    }
    for rule in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        if rule["then"]["properties"].is_object() {
            loosen(&mut rule["then"]);
        }
    }
}

/// A text whose form is given, or one of this form.
fn form(map: &mut Map<String, Value>, other: &str) {
    if let Some(Value::String(pattern)) = map.get_mut("pattern") {
        *pattern = format!("({pattern})|({other})");
    }
}

/// One of a few words, or a reference.
fn word(map: &mut Map<String, Value>, message: &str) {
    map.shift_remove("otherWords");
    let words = map.shift_remove("enum").unwrap_or_default();
    let meanings = map.shift_remove("markdownEnumDescriptions").unwrap_or_default();
    let each = words.as_array().into_iter().flatten().enumerate();
    let snippet = |(i, word): (usize, &Value)| json!({ "label": word, "markdownDescription": meanings[i], "body": word });
    map.insert("defaultSnippets".into(), each.map(snippet).collect());
    let text = map.get("markdownDescription").or_else(|| map.get("description")).and_then(Value::as_str);
    let text = format!("{}\n\nAllowed Values:\n{}", text.unwrap_or_default(), listed(&words, &meanings));
    map.insert("if".into(), json!({ "pattern": REFERENCE }));
    map.insert("then".into(), json!({ "markdownDescription": text }));
    map.insert(
        "else".into(),
        json!({ "enum": words, "markdownEnumDescriptions": meanings, "errorMessage": message }),
    );
}

/// Words with what they mean, as servers list those of an `enum`.
pub(super) fn listed(words: &Value, meanings: &Value) -> String {
    let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
    let meaning = |i: usize| meanings[i].as_str().filter(|text| !text.is_empty());
    let line = |(i, word): (usize, &str)| match meaning(i) {
        Some(meaning) => format!("\n* `{word}`: {meaning}"),
        None => format!("\n* `{word}`"),
    };
    words.enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nodes::KINDS,
        spec::{DocPath, schema, show},
    };

    fn validator() -> jsonschema::Validator {
        jsonschema::draft7::new(&schema::written(KINDS)).unwrap()
    }

    /// A file with a value of every form.
    fn document() -> Value {
        json!({
            "version": 1, "name": "a", "seed": 0,
            "nodes": {
                "d": { "type": "dataset", "root": ".", "on_corrupt": "skip", "val_fraction": 0.2 },
                "p": { "type": "transforms", "size": 64, "train": [
                    { "type": "random_resized_crop", "scale": [0.5, 1], "interpolation": "bilinear" },
                ] },
                "m": { "type": "model", "arch": "yolo11n-cls", "dataset": "d" },
                "t": { "type": "train", "model": "m", "dataset": "d", "epochs": 1, "batch": "auto", "ema": true,
                    "optimizer": "sgd", "freeze_rows": [1], "class_weights": { "a": 1.5 } },
            },
        })
    }

    /// The document with `value` in place of each of its values in turn, and the path of that.
    fn with(value: &Value) -> Vec<(String, Value)> {
        let (document, mut paths) = (document(), Vec::new());
        show::leaves(&document, &DocPath::default(), &mut paths);
        let changed = paths.into_iter().map(|path| {
            let mut changed = document.clone();
            *path.of_mut(&mut changed).unwrap() = value.clone();
            (path.to_string(), changed)
        });
        changed.collect()
    }

    #[test]
    fn a_reference_may_stand_for_any_value_but_the_version() {
        let validator = validator();
        assert!(validator.is_valid(&document()));
        for reference in ["${params.x}", "${ params.x.y[0] }", "${env.X}"] {
            let refused: Vec<_> = with(&reference.into())
                .into_iter()
                .filter(|(_, it)| !validator.is_valid(it))
                .map(|(path, _)| path)
                .collect();
            assert_eq!(refused, ["version"], "{reference}");
        }
    }

    #[test]
    fn nothing_else_may() {
        let (validator, strict) = (validator(), jsonschema::draft7::new(&schema::pipeline(KINDS)).unwrap());
        for other in ["?", "${parms.x}", "x${params.x}", "${params.x"] {
            for (path, document) in with(&other.into()) {
                let is_text = path == "name" && other == "x${params.x}";
                assert!(
                    is_text || validator.is_valid(&document) == strict.is_valid(&document),
                    "{path}: {other}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_extends_another_may_leave_things_out() {
        let validator = validator();
        let mut part = json!({ "nodes": { "t": { "epochs": 3 }, "p": { "type": "transforms" }, "d": { "type": "dataset" } } });
        assert!(!validator.is_valid(&part));
        part["extends"] = "base.yaml".into();
        assert!(validator.is_valid(&part));
        part["nodes"]["d"]["rot"] = 1.into();
        assert!(!validator.is_valid(&part), "but say nothing else");
    }

    #[test]
    fn what_must_be_there_is_what_the_run_wants() {
        let (validator, strict) = (validator(), jsonschema::draft7::new(&schema::pipeline(KINDS)).unwrap());
        let (document, mut paths) = (document(), Vec::new());
        show::leaves(&document, &DocPath::default(), &mut paths);
        for path in paths.into_iter().filter(|path| !path.parent().0.is_empty()) {
            let mut without = document.clone();
            if let Some(Value::Object(map)) = path.parent().of_mut(&mut without) {
                map.shift_remove(path.last_key());
                assert_eq!(validator.is_valid(&without), strict.is_valid(&without), "{path}");
            }
        }
    }
}
