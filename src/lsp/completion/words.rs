//! Words that a schema allows: of a choice, `true` and `false`, `auto`; and where a path may stand, the names that may stand
//! in its place: those of architectures.

use gen_lsp_types::CompletionItemKind;
use serde_json::{Value, json};

use super::{Asked, Offer};
use crate::{lsp::outline::Part, node::KeyRole};

pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    if asked.cursor.part == Part::Key {
        return Vec::new();
    }
    let schema = asked.schema();
    let list = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
    // Where several may stand in a list, the list knows the words.
    let lists = if schema["type"].is_array() { &schema["items"] } else { schema };
    let known = |key: &str| lists[key].as_array().cloned().unwrap_or_default();
    let flags = if schema["type"] == "boolean" { vec![json!(true), json!(false)] } else { Vec::new() };
    let snippets = list("defaultSnippets").into_iter().map(|snippet| snippet["body"].clone());
    let snippets: Vec<Value> = snippets.filter(Value::is_string).collect();
    let names = if asked.role() == Some(KeyRole::Source) { list("examples") } else { Vec::new() };
    let words = [known("enum"), flags, snippets, names].concat();
    let texts = known("markdownEnumDescriptions");
    let mut offers: Vec<Offer> = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let label = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        if offers.iter().any(|offer| offer.label == label) {
            continue;
        }
        let offer = Offer::new(label, CompletionItemKind::EnumMember);
        let offer = offer.text(texts.get(i).and_then(Value::as_str).unwrap_or_default());
        let is_default = schema["default"] == *word;
        offers.push(if is_default { offer.detail("default") } else { offer });
    }
    offers
}
