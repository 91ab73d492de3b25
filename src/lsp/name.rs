//! Names of nodes and of parameters in a file: where they are given, and where they are used.

use std::{collections::BTreeSet, ops::Range};

use serde_json::Value;

use super::{
    outline::{Outline, Part, Token},
    page::{Page, kind_of},
    world::World,
};
use crate::spec::{DocPath, Segment, mentioned};

/// What is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// A node.
    Node(String),
    /// A parameter, by its first name: `sizes` of `params.sizes.small`.
    Parameter(String),
}

impl Name {
    /// Where in a document it is given.
    pub(super) fn path(&self) -> DocPath {
        match self {
            Self::Node(name) => ["nodes", name].into(),
            Self::Parameter(name) => ["params", name].into(),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Node(name) | Self::Parameter(name) => name,
        }
    }
}

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub name: Name,
    /// Its bytes, without quotes.
    pub range: Range<usize>,
    /// Whether it is given there, not used.
    pub defines: bool,
}

/// The name that a byte is in.
pub(super) fn at(world: &World, page: &Page, byte: usize) -> Option<Occurrence> {
    all(world, page).into_iter().find(|it| (it.range.start..=it.range.end).contains(&byte))
}

/// Every name in a file.
pub(super) fn all(world: &World, page: &Page) -> Vec<Occurrence> {
    let outline = page.outline();
    let document = page.document(world).map(|document| document.value().clone());
    let document = document.unwrap_or_else(|| outline.document());
    let reader = Reader { world, page, referring: referring(world, &document), document };
    outline.0.iter().flat_map(|token| reader.of(token, &outline)).collect()
}

/// Parameters that stand for names of nodes: `which` of `dataset: ${params.which}`.
fn referring(world: &World, document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (node, keys) in document["nodes"].as_object().into_iter().flatten() {
        let inputs = kind_of(world, document, node).into_iter().flat_map(|kind| kind.inputs());
        for (key, _) in inputs {
            let text = keys[key].as_str().unwrap_or_default();
            let whole = mentioned(text).into_iter().filter(|_| text.starts_with("${") && text.ends_with('}'));
            names.extend(whole.filter(|it| it.path.0.len() == 2).map(|it| it.path.last_key().to_owned()));
        }
    }
    names
}

struct Reader<'a> {
    world: &'a World,
    page: &'a Page,
    document: Value,
    referring: BTreeSet<String>,
}

impl Reader<'_> {
    /// The names in a token.
    fn of(&self, token: &Token, outline: &Outline) -> Vec<Occurrence> {
        let keys: Vec<&str> = token.path.0.iter().map(word).collect();
        let whole = |name: Name, defines| vec![Occurrence { name, range: self.inside(token), defines }];
        match (token.part, &keys[..]) {
            (Part::Key, ["nodes", node]) => whole(Name::Node((*node).to_owned()), true),
            (Part::Key, ["params", name]) => whole(Name::Parameter((*name).to_owned()), true),
            (Part::Key, ["matrix", name]) if !self.is_key_of_matrix(name) => self.parameter(token),
            (Part::Key, ["matrix", "include" | "exclude", "", _]) | (Part::Value, ["halving", "over"]) => {
                self.parameter(token)
            }
            // A node and its metric: `score.top1`.
            (Part::Value, ["halving", "by"]) => self.first(token, Name::Node),
            (Part::Value, ["nodes", node, key]) if self.refers(node, key) && !token.text.contains("${") => {
                whole(Name::Node(token.text.clone()), false)
            }
            (Part::Value, ["params", name] | ["matrix", name, ""]) if self.referring.contains(*name) => {
                let is_node = outline.key(&["nodes", &token.text].into()).is_some()
                    || self.document["nodes"].get(&token.text).is_some();
                if is_node { whole(Name::Node(token.text.clone()), false) } else { Vec::new() }
            }
            (Part::Value, _) => self.mentions(token),
            _ => Vec::new(),
        }
    }

    /// Whether this says something of the sweep, and is no parameter.
    fn is_key_of_matrix(&self, name: &str) -> bool {
        self.world.manual.at(&self.document, &["matrix"].into())["properties"].get(name).is_some()
    }

    /// A parameter by its path: `lr`, `sizes.small`.
    fn parameter(&self, token: &Token) -> Vec<Occurrence> {
        self.first(token, Name::Parameter)
    }

    /// What is called by the first word of a path.
    fn first(&self, token: &Token, name: fn(String) -> Name) -> Vec<Occurrence> {
        let first = token.text.split(['.', '[']).next().unwrap_or_default();
        let start = self.inside(token).start;
        vec![Occurrence { name: name(first.to_owned()), range: start..start + first.len(), defines: false }]
    }

    /// The parameters in `${…}`.
    fn mentions(&self, token: &Token) -> Vec<Occurrence> {
        let found = mentioned(&self.page.text[token.range.clone()]).into_iter().filter_map(|mention| {
            let name = mention.path.0.get(1).map(word)?.to_owned();
            let span = mention.spans.get(1)?;
            let range = token.range.start + span.start..token.range.start + span.end;
            Some(Occurrence { name: Name::Parameter(name), range, defines: false })
        });
        found.collect()
    }

    /// Whether a key of a node refers to another one; of a node without a known kind, whether it does in any kind.
    fn refers(&self, node: &str, key: &str) -> bool {
        let role = |kind: &crate::node::Kind| kind.role(key).and_then(|role| role.accepts()).is_some();
        match kind_of(self.world, &self.document, node) {
            Some(kind) => role(&kind),
            None => self.world.kinds.iter().any(role),
        }
    }

    /// The bytes of a token without its quotes.
    fn inside(&self, token: &Token) -> Range<usize> {
        let is_quoted = self.page.text[token.range.clone()].starts_with(['"', '\'']);
        let start = token.range.start + usize::from(is_quoted);
        start..start + token.text.len()
    }
}

/// A key; nothing for an item.
fn word(segment: &Segment) -> &str {
    match segment {
        Segment::Key(key) => key,
        Segment::Item(_) => "",
    }
}
