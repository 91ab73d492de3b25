//! Parameters: within `${…}`, as whole values, and as keys of a sweep.

use gen_lsp_types::CompletionItemKind;
use serde_json::Value;

use super::{Asked, Offer};
use crate::{
    lsp::outline::Part,
    spec::{DocPath, Segment, brief},
};

/// Where a reference begins.
const OPEN: &str = "${";

/// What may stand in the reference that the cursor is in; none if it is in none.
pub(super) fn within_reference(asked: &Asked<'_>) -> Option<Vec<Offer>> {
    let before = &asked.cursor.before;
    let open = before.rfind(OPEN).filter(|open| !before[*open..].contains('}'))?;
    let start = asked.cursor.typed.start + open + OPEN.len();
    let rest = &asked.page.text[asked.byte..asked.cursor.typed.end];
    let end = asked.byte + rest.find(|char: char| !is_name(char)).unwrap_or(rest.len());
    let is_closed = asked.page.text[end..].trim_start_matches(' ').starts_with('}');
    let close = if is_closed { "" } else { "}" };
    let offer = |(path, value): (DocPath, &Value)| {
        let insert = format!("{path}{close}");
        let offer = Offer::new(path.to_string(), CompletionItemKind::Variable).detail(told(value));
        Offer { replaces: Some(start..end), ..offer.insert(insert) }
    };
    Some(all(asked).into_iter().map(offer).collect())
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '[' | ']')
}

/// References as whole values; parameters as keys of what makes a sweep.
pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    match &asked.cursor.path.0[..] {
        [Segment::Key(matrix)] if matrix == "matrix" => swept(asked),
        [Segment::Key(matrix), Segment::Key(_), Segment::Item(_)] if matrix == "matrix" => swept(asked),
        _ if asked.cursor.part == Part::Key || asked.takes_keys() => Vec::new(),
        [Segment::Key(halving), Segment::Key(over)] if halving == "halving" && over == "over" => named(asked),
        _ => whole(asked),
    }
}

fn whole(asked: &Asked<'_>) -> Vec<Offer> {
    let is_quoted = asked.cursor.before.starts_with(['"', '\'']);
    let quote = if asked.is_flow() && !is_quoted { "\"" } else { "" };
    let offer = |(path, value): (DocPath, &Value)| {
        let reference = format!("${{{path}}}");
        let offer = Offer::new(&reference, CompletionItemKind::Variable).detail(told(value));
        offer.insert(format!("{quote}{reference}{quote}"))
    };
    all(asked).into_iter().filter(|(path, _)| !path.0.starts_with(&asked.cursor.path.0)).map(offer).collect()
}

/// Parameters by their paths, without `params`.
fn named(asked: &Asked<'_>) -> Vec<Offer> {
    let params = ["params"].into();
    let name = |(path, value): (DocPath, &Value)| {
        Offer::new(path.seen_from(&params).to_string(), CompletionItemKind::Variable).detail(told(value))
    };
    all(asked).into_iter().map(name).collect()
}

fn swept(asked: &Asked<'_>) -> Vec<Offer> {
    let present = asked.present();
    let names = asked.document["params"].as_object().into_iter().flatten();
    let free = names.filter(|(name, _)| !present.contains_key(*name));
    let offer = |(name, value): (&String, &Value)| {
        let offer = Offer::new(name, CompletionItemKind::Variable).detail(told(value));
        if asked.cursor.part == Part::Key { offer } else { offer.insert(format!("{name}: ")) }
    };
    free.map(offer).collect()
}

/// Every parameter, and what is below those that are mappings.
fn all<'a>(asked: &'a Asked<'_>) -> Vec<(DocPath, &'a Value)> {
    let mut all = Vec::new();
    below(&asked.document["params"], &["params"].into(), &mut all);
    all
}

fn below<'a>(value: &'a Value, path: &DocPath, all: &mut Vec<(DocPath, &'a Value)>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = path.join(name.as_str());
        all.push((path.clone(), value));
        below(value, &path, all);
    }
}

fn told(value: &Value) -> String {
    brief(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
