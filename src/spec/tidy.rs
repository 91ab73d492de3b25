//! What schemars makes, put into the shape that editors handle well.

use serde_json::{Map, Value, json};

/// One of the variants that a tag chooses from.
pub(super) struct Branch {
    /// The value of the tag.
    pub tag: String,
    /// The schema of this variant, tidied.
    pub schema: Value,
    /// What applies once the tag is chosen: the variant, or a reference to it.
    pub then: Value,
}

/// The schema without `null`, `oneOf`, `anyOf` and noise; objects closed, keys titled and described.
pub(super) fn tidy(schema: Value) -> Value {
    let Value::Object(map) = schema else { return schema };
    let mut map = without_null(single(map));
    for noise in ["$schema", "format", "title", "additionalProperties"] {
        let keep = noise == "additionalProperties" && map.get(noise).is_some_and(Value::is_object);
        if !keep {
            map.shift_remove(noise);
        }
    }
    let mut map = match map.shift_remove("oneOf") {
        Some(Value::Array(options)) => resolve(map, options),
        _ => map,
    };
    children(&mut map);
    if map.contains_key("properties") && !map.contains_key("allOf") {
        map.insert("additionalProperties".into(), false.into());
    }
    one_paragraph(&mut map);
    let mut schema = Value::Object(map);
    describe(&mut schema);
    schema
}

/// `allOf: [x]` and `anyOf: [x, null]` are `x`; what stands beside them wins.
fn single(mut map: Map<String, Value>) -> Map<String, Value> {
    for keyword in ["allOf", "anyOf"] {
        let Some(Value::Array(options)) = map.get(keyword) else { continue };
        let real: Vec<&Value> = options.iter().filter(|option| option["type"] != "null").collect();
        if let [Value::Object(only)] = real[..] {
            let only = single(only.clone());
            map.shift_remove(keyword);
            for (key, value) in only {
                map.entry(key).or_insert(value);
            }
        }
    }
    map
}

/// `Option` means that the key may be left out, not that it may be null.
fn without_null(mut map: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            map.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.shift_remove("default");
    }
    map
}

/// A `oneOf` of words is an `enum`, a `oneOf` of tagged objects a [`choice`].
fn resolve(mut map: Map<String, Value>, options: Vec<Value>) -> Map<String, Value> {
    if let Some(tag) = tag_of(&options) {
        let branches: Vec<Branch> = options.into_iter().filter_map(|option| branch(&tag, option)).collect();
        for (key, value) in choice(&tag, &branches) {
            map.entry(key).or_insert(value);
        }
    } else if let Some((words, texts)) = words_of(&options) {
        map.insert("type".into(), "string".into());
        map.insert("enum".into(), words.into());
        map.insert("markdownEnumDescriptions".into(), texts.into());
    } else {
        map.insert("oneOf".into(), options.into());
    }
    map
}

/// The words of a unit enum, and the documentation of each.
fn words_of(options: &[Value]) -> Option<(Vec<Value>, Vec<Value>)> {
    let (mut words, mut texts) = (Vec::new(), Vec::new());
    for option in options {
        if let Some(word) = option.get("const") {
            words.push(word.clone());
            texts.push(option.get("description").cloned().unwrap_or_else(|| "".into()));
        } else {
            let plain = option.get("enum")?.as_array()?;
            words.extend(plain.iter().cloned());
            texts.extend(plain.iter().map(|_| Value::from("")));
        }
    }
    Some((words, texts))
}

/// The key by which all options are told apart.
fn tag_of(options: &[Value]) -> Option<String> {
    let properties = options.first()?.get("properties")?.as_object()?;
    let is_tag = |key: &&String| {
        options.iter().all(|option| option["properties"][key.as_str()].get("const").is_some())
    };
    properties.keys().find(is_tag).cloned()
}

fn branch(tag: &str, mut option: Value) -> Option<Branch> {
    let name = option["properties"][tag]["const"].as_str()?.to_owned();
    if let Some(required) = option.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|key| key != tag);
    }
    option["properties"].as_object_mut()?.shift_remove(tag);
    let mut schema = tidy(option);
    schema["title"] = name.clone().into();
    schema["properties"].as_object_mut()?.shift_insert(0, tag.to_owned(), true.into());
    Some(Branch { tag: name, then: schema.clone(), schema })
}

/// An object whose tag decides its other keys.
///
/// The rules say `object` so that nothing of them applies to a value that is still empty in the editor.
pub(super) fn choice(tag: &str, branches: &[Branch]) -> Map<String, Value> {
    let names: Vec<&str> = branches.iter().map(|branch| branch.tag.as_str()).collect();
    let texts: Vec<&Value> = branches.iter().map(|branch| &branch.schema["description"]).collect();
    let snippets: Vec<Value> = branches
        .iter()
        .map(|branch| {
            json!({
                "label": branch.tag,
                "description": branch.schema["description"],
                "body": skeleton(tag, &branch.tag, &branch.schema, 1),
            })
        })
        .collect();
    let mut rules = vec![json!({
        "if": { "not": { "type": "object", "required": [tag] } },
        "then": { "defaultSnippets": snippets },
    })];
    rules.extend(branches.iter().map(|branch| {
        json!({
            "if": { "type": "object", "properties": { tag: { "const": branch.tag } }, "required": [tag] },
            "then": branch.then,
        })
    }));
    let description = format!("Which of these it is: {}.", names.join(", "));
    let object = json!({
        "type": "object",
        "properties": {
            tag: {
                "title": tag,
                "type": "string",
                "enum": names,
                "markdownEnumDescriptions": texts,
                "description": description,
            },
        },
        "required": [tag],
        "allOf": rules,
    });
    match object {
        Value::Object(map) => map,
        _ => unreachable!("an object was written"),
    }
}

/// The tag and the keys that must be there, with places to fill in, numbered from `first`.
pub(super) fn skeleton(tag: &str, name: &str, schema: &Value, first: usize) -> Value {
    let mut body = Map::new();
    body.insert(tag.to_owned(), name.into());
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (i, key) in required.filter(|key| *key != tag).enumerate() {
        body.insert(key.to_owned(), format!("${}", first + i).into());
    }
    Value::Object(body)
}

/// Tidies the schemas inside, and gives each key its name as title.
fn children(map: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for (key, property) in properties.iter_mut().filter(|(_, property)| property.is_object()) {
            let mut tidied = tidy(property.take());
            if let Some(property) = tidied.as_object_mut() {
                property.shift_insert(0, "title".into(), key.as_str().into());
            }
            *property = tidied;
        }
    }
    for keyword in ["items", "additionalProperties"] {
        match map.get_mut(keyword) {
            Some(Value::Array(list)) => list.iter_mut().for_each(|item| *item = tidy(item.take())),
            Some(schema) => *schema = tidy(schema.take()),
            None => {}
        }
    }
}

/// Joins the lines of a doc comment's paragraphs, as Markdown would.
fn one_paragraph(map: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = map.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|paragraph| {
            let listed = paragraph.lines().any(|line| line.trim_start().starts_with(['-', '*', '|']));
            if listed { paragraph.to_owned() } else { paragraph.lines().collect::<Vec<_>>().join(" ") }
        });
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// Adds type, range and default to the text that the editor shows. Words are listed by editors, and text says what it is.
fn describe(schema: &mut Value) {
    let Some(text) = schema.get("description").and_then(Value::as_str) else { return };
    let mut facts = Vec::new();
    let is_plain = matches!(schema["type"].as_str(), Some("string" | "object") | None);
    if !is_plain || schema["type"].is_array() {
        facts.push(format!("{}.", capital(&super::expects::expects(schema))));
    }
    let default = schema.get("default").map(|default| (super::expects::shown(default), default));
    match default {
        Some((short, _)) if short.len() <= super::expects::SHORT => {
            facts.push(format!("Default: `{short}`."));
        }
        Some((_, long)) => facts.push(format!("Default:\n\n```yaml\n{}```", crate::yaml::write(long))),
        None => {}
    }
    if !facts.is_empty() {
        let markdown = format!("{text}\n\n{}", facts.join(" "));
        schema["markdownDescription"] = markdown.into();
    }
    // Editors would insert a list of objects as `[object Object]`.
    let of_objects =
        |default: &Value| default.as_array().is_some_and(|list| list.iter().any(Value::is_object));
    if schema.get("default").is_some_and(of_objects)
        && let Some(map) = schema.as_object_mut()
    {
        map.shift_remove("default");
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_may_be_left_out() {
        let schema = json!({"description": "How long.", "type": ["integer", "null"], "format": "uint32", "minimum": 1, "default": null});
        let tidied = json!({"description": "How long.", "type": "integer", "minimum": 1,
            "markdownDescription": "How long.\n\nA whole number of at least 1."});
        assert_eq!(tidy(schema), tidied);
        let schema = json!({"description": "Mine.", "anyOf": [{"description": "Its own.", "type": "string"}, {"type": "null"}]});
        assert_eq!(tidy(schema), json!({"description": "Mine.", "type": "string"}));
    }

    #[test]
    fn documented_words_are_an_enum() {
        let schema = json!({"oneOf": [
            {"type": "string", "enum": ["a"]},
            {"type": "string", "const": "b", "description": "The second."},
        ]});
        let tidied =
            json!({"type": "string", "enum": ["a", "b"], "markdownEnumDescriptions": ["", "The second."]});
        assert_eq!(tidy(schema), tidied);
    }

    #[test]
    fn tagged_objects_are_a_choice() {
        let schema = json!({"oneOf": [{
            "description": "Mirrors.", "type": "object", "required": ["type", "p"],
            "properties": {"type": {"type": "string", "const": "flip"}, "p": {"description": "How often.", "type": "number"}},
        }]});
        let tidied = tidy(schema);
        assert_eq!(tidied["properties"]["type"]["enum"], json!(["flip"]));
        assert_eq!(
            tidied["allOf"][0]["then"]["defaultSnippets"][0]["body"],
            json!({"type": "flip", "p": "$1"})
        );
        let then = &tidied["allOf"][1]["then"];
        assert_eq!(then["additionalProperties"], false);
        assert_eq!(then["properties"]["type"], true);
        assert_eq!(then["required"], json!(["p"]));
    }
}
