//! Completion: what could be written where the cursor is.

mod classes;
mod keys;
mod nodes;
mod parameters;
mod paths;
mod words;

use std::{cell::OnceCell, ops::Range};

use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionRequest, CompletionResponse, InsertTextFormat,
    InsertTextMode, MarkupContent, MarkupKind, TextEdit,
};
use serde_json::{Map, Value};

use super::{
    ability::Answer,
    cursor::Cursor,
    lines::Lines,
    outline::Part,
    page::{Page, kind_of},
    world::World,
};
use crate::{
    node::{KeyRole, Kind},
    spec::{DocPath, Draft, Segment},
};

/// All that offers something, in the order in which it is shown.
const OFFERS: &[fn(&Asked<'_>) -> Vec<Offer>] =
    &[nodes::offers, classes::offers, keys::offers, words::offers, paths::offers, parameters::offers];

impl Answer for CompletionRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let byte = page.byte(at.position);
        let Some(cursor) = Cursor::at(&page.text, byte) else { return Ok(None) };
        let asked = Asked::new(world, &page, cursor, byte);
        let offers = match parameters::within_reference(&asked) {
            Some(offers) => offers,
            None => OFFERS.iter().flat_map(|offers| offers(&asked)).collect(),
        };
        let items = offers.into_iter().enumerate().map(|(place, offer)| offer.item(&asked, place));
        Ok(Some(CompletionResponse::CompletionItemList(items.collect())))
    }
}

/// What the cursor asks for.
struct Asked<'a> {
    world: &'a World,
    page: &'a Page,
    cursor: Cursor,
    byte: usize,
    /// What the file says, with what it extends, as far as it can be told.
    document: Value,
    draft: OnceCell<Draft>,
}

impl<'a> Asked<'a> {
    fn new(world: &'a World, page: &'a Page, cursor: Cursor, byte: usize) -> Self {
        let outline = page.outline().document();
        let read = |page: &Page| page.document(world).map(|document| document.value().clone());
        let mut document = read(page).or_else(|| read(&page.without_line(byte))).unwrap_or(Value::Null);
        overlay(&mut document, outline);
        Self { world, page, cursor, byte, document, draft: OnceCell::new() }
    }

    /// What could be made of the file, without the line that is being typed if that is not YAML.
    fn draft(&self) -> &Draft {
        self.draft.get_or_init(|| {
            let is_read = self.page.source.parse().is_ok();
            if is_read {
                self.page.draft(self.world)
            } else {
                self.page.without_line(self.byte).draft(self.world)
            }
        })
    }

    /// What the schema says of the place.
    fn schema(&self) -> &Value {
        self.world.manual.at(&self.document, &self.cursor.path)
    }

    /// Whether keys can be typed here.
    fn takes_keys(&self) -> bool {
        self.cursor.part == Part::Key || self.schema()["type"] == "object"
    }

    /// The node that the cursor is in, its kind, and the key whose value it is at.
    fn node_key(&self) -> Option<(&str, Kind, &str)> {
        let [Segment::Key(nodes), Segment::Key(node), Segment::Key(key)] = &self.cursor.path.0[..] else {
            return None;
        };
        let kind = kind_of(self.world, &self.document, node).filter(|_| nodes == "nodes")?;
        Some((node, kind, key))
    }

    /// What the key is to the recipe whose value the cursor is at.
    fn role(&self) -> Option<KeyRole> {
        let (_, kind, key) = self.node_key()?;
        kind.role(key).filter(|_| self.cursor.part == Part::Value)
    }

    /// The keys that are there already.
    fn present(&self) -> Map<String, Value> {
        self.cursor.path.of(&self.document).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Whether the cursor is in braces or brackets.
    fn is_flow(&self) -> bool {
        let line = self.page.text[..self.byte].rsplit('\n').next().unwrap_or_default();
        let count = |chars: [char; 2]| line.matches(chars).count();
        let references = line.matches("${").count();
        count(['{', '[']).saturating_sub(references) > count(['}', ']']).saturating_sub(references)
    }
}

/// Lays what a text says over what is known of the file, of which it may have another line.
fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) if !(over.is_null() || under.is_array() && over.is_array()) => *under = over,
        _ => {}
    }
}

/// A document with a word at a path of mappings, for which there must be a schema.
fn with(mut document: Value, path: &DocPath, word: &str) -> Value {
    let mut place = &mut document;
    for segment in &path.0 {
        place = match segment {
            Segment::Key(key) => &mut place[key.as_str()],
            Segment::Item(_) => {
                *place = Value::Array(vec![Value::Null]);
                &mut place[0]
            }
        };
    }
    *place = word.into();
    document
}

/// Something that could be written.
struct Offer {
    label: String,
    kind: CompletionItemKind,
    /// What stands beside it, in a few words.
    detail: Option<String>,
    /// What is told of it, in Markdown.
    text: String,
    /// What is written.
    insert: String,
    /// Whether there are places to fill in.
    is_snippet: bool,
    /// What is replaced, if that is not all that was typed there.
    replaces: Option<Range<usize>>,
}

impl Offer {
    fn new(label: impl Into<String>, kind: CompletionItemKind) -> Self {
        let label = label.into();
        let (detail, text, insert) = (None, String::new(), label.clone());
        Self { label, kind, detail, text, insert, is_snippet: false, replaces: None }
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    fn insert(self, insert: impl Into<String>) -> Self {
        Self { insert: insert.into(), ..self }
    }

    /// The offer as the protocol has it, at a place of the list.
    fn item(self, asked: &Asked<'_>, place: usize) -> CompletionItem {
        let range = self.replaces.clone().unwrap_or(asked.cursor.typed.clone());
        let typed = &asked.page.text[range.clone()];
        // What is in quotes stays in them.
        let quote = typed.chars().next().filter(|char| matches!(char, '"' | '\'')).map(String::from);
        let quote = quote.unwrap_or_default();
        let blank = if asked.cursor.is_glued(&asked.page.text) { " " } else { "" };
        let new_text = format!("{blank}{quote}{}{quote}", self.insert);
        let documentation = MarkupContent { kind: MarkupKind::Markdown, value: self.text };
        CompletionItem {
            filter_text: Some(format!("{quote}{}", self.label)),
            label: self.label,
            kind: Some(self.kind),
            detail: self.detail,
            documentation: Some(documentation).filter(|it| !it.value.is_empty()).map(Into::into),
            sort_text: Some(format!("{place:04}")),
            insert_text_format: self.is_snippet.then_some(InsertTextFormat::Snippet),
            insert_text_mode: Some(InsertTextMode::AdjustIndentation),
            text_edit: Some(TextEdit { range: Lines::of(&asked.page.text).range(&range), new_text }.into()),
            ..CompletionItem::default()
        }
    }
}

/// Whether a path leads to the value of a key of the file's own, such as `extends`.
fn is_top(path: &DocPath, key: &str) -> bool {
    matches!(&path.0[..], [Segment::Key(only)] if only == key)
}
