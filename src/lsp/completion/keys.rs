//! Keys: of the file, of a kind, of a step; and whole nodes.

use gen_lsp_types::CompletionItemKind;
use serde_json::Value;

use super::{Asked, Offer, is_top};
use crate::{
    lsp::outline::Part,
    spec::{DocPath, manual::Manual},
};

pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    if !asked.takes_keys() {
        return Vec::new();
    }
    let schema = asked.schema();
    match schema["allOf"].is_array() && asked.cursor.part == Part::Value {
        true => choices(asked, schema, &asked.cursor.path),
        false if is_top(&asked.cursor.path, "nodes") => nodes(asked),
        false => named(asked, schema),
    }
}

/// The keys that a schema names and that are not there, first those that must be.
fn named(asked: &Asked<'_>, schema: &Value) -> Vec<Offer> {
    let present = asked.present();
    let required = required(schema);
    let properties = schema["properties"].as_object().into_iter().flatten();
    let free = properties.filter(|(key, it)| !present.contains_key(*key) && it.is_object());
    let (must, may): (Vec<_>, Vec<_>) = free.partition(|(key, _)| required.contains(&key.as_str()));
    must.into_iter().chain(may).map(|(key, schema)| named_key(asked, key, schema)).collect()
}

fn named_key(asked: &Asked<'_>, key: &str, schema: &Value) -> Offer {
    let offer = Offer::new(key, CompletionItemKind::Property).text(Manual::text(schema));
    match asked.cursor.part {
        // The colon is there.
        Part::Key => offer,
        Part::Value => offer.insert(format!("{key}: ")),
    }
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The kinds that an object may be of, each with the keys that it must have.
fn choices(asked: &Asked<'_>, schema: &Value, path: &DocPath) -> Vec<Offer> {
    let tag = &schema["properties"]["type"];
    let words = tag["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let with_text = words.zip(tag["markdownEnumDescriptions"].as_array().into_iter().flatten());
    let offer = |(word, text): (&str, &Value)| {
        let (insert, is_snippet) = skeleton(asked, path, word, 1);
        let offer = Offer::new(word, CompletionItemKind::Class).detail(format!("type: {word}"));
        let offer = offer.text(text.as_str().unwrap_or_default()).insert(insert);
        Offer { is_snippet, ..offer }
    };
    with_text.map(offer).collect()
}

/// Whole nodes, to be named.
fn nodes(asked: &Asked<'_>) -> Vec<Offer> {
    if !asked.world.takes_snippets || asked.is_flow() || asked.cursor.part == Part::Key {
        return Vec::new();
    }
    let node = asked.cursor.path.join("");
    let schema = asked.world.manual.at(&asked.document, &node);
    let name = |offer: Offer| {
        let (body, _) = skeleton(asked, &node, &offer.label, 2);
        let insert = format!("${{1:{}}}:\n  {}", offer.label, body.replace('\n', "\n  "));
        Offer { is_snippet: true, ..offer.insert(insert) }
    };
    choices(asked, schema, &node).into_iter().map(name).collect()
}

/// `type: train` with the keys that it must have, whose places to fill in count from `first`; whether it has any.
fn skeleton(asked: &Asked<'_>, path: &DocPath, word: &str, first: usize) -> (String, bool) {
    let mut document = serde_json::json!({ "nodes": {} });
    let tag = format!("type: {word}");
    if !asked.world.takes_snippets || asked.is_flow() {
        return (tag, false);
    }
    document = super::with(document, &path.join("type"), word);
    let schema = asked.world.manual.at(&document, path);
    let keys = required(schema).into_iter().filter(|key| *key != "type").enumerate();
    let lines: String = keys.map(|(i, key)| format!("\n{key}: ${}", first + i)).collect();
    let is_snippet = !lines.is_empty();
    (tag + &lines, is_snippet)
}
