//! What to write in place of a mistake, where only one thing can have been meant.

use std::ops::Range;

use serde_json::Value;

use super::{
    problem::{DocPath, Place},
    source::Source,
};
use crate::yaml;

/// One change of a text that mends a problem.
///
/// There is one only where nobody has to choose: a word that one known word is closest to, another program's name for a
/// key, a number that stands in quotes. A guess, such as another file whose name is close, is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced; of a key that is added, the key before which it comes.
    pub at: Place,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// A key or a text becomes another, in the quotes that it has.
    Word { from: String, to: String },
    /// A value becomes what is written so.
    Value { from: Value, to: String },
    /// A key and its value come before the first key of a mapping.
    Entry(String),
}

/// A change in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The text that is changed: the pipeline file's, or that of a file beside it.
    pub source: &'a Source,
    /// The bytes of [`Source::text`] that go; none where something is added.
    pub range: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

impl Fix {
    /// The key or text `from`, which stands at `at`, becomes `to`; it stays quoted as it is.
    pub fn word(at: Place, from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { at, change: Change::Word { from: from.into(), to: to.into() } }
    }

    /// The value `from`, which stands at `at`, becomes what is written as `to`.
    pub fn value(at: Place, from: &Value, to: impl Into<String>) -> Self {
        Self { at, change: Change::Value { from: from.clone(), to: to.into() } }
    }

    /// The mapping at `path`, whose first key is `first`, gets `entry` before it.
    pub fn entry(path: &DocPath, first: &str, entry: impl Into<String>) -> Self {
        Self { at: Place::Key(path.join(first)), change: Change::Entry(entry.into()) }
    }

    /// What is written instead, as a message names it.
    pub fn to(&self) -> &str {
        match &self.change {
            Change::Word { to, .. } | Change::Value { to, .. } | Change::Entry(to) => to,
        }
    }

    /// What it does, in a few words.
    pub fn title(&self) -> String {
        match &self.change {
            Change::Word { from, to } => format!("change `{from}` to `{to}`"),
            Change::Value { to, .. } => format!("write `{to}`"),
            Change::Entry(entry) => format!("add `{entry}`"),
        }
    }

    /// The change of the text, if what is to be replaced stands there; `own` is the pipeline file's.
    pub fn edit<'a>(&'a self, own: &'a Source) -> Option<Edit<'a>> {
        let source = self.at.source(own);
        let range = source.locate(&self.at);
        let token = source.text().get(range.clone())?;
        match &self.change {
            Change::Word { from, to } => {
                let is_it = yaml::scalar(token)? == from.as_str();
                is_it.then(|| Edit { source, range, text: yaml::quoted_as(token, to) })
            }
            Change::Value { from, to } => {
                (yaml::scalar(token)? == *from).then(|| Edit { source, range, text: to.clone() })
            }
            Change::Entry(entry) => {
                let after = after(source.text(), range.start)?;
                Some(Edit { source, range: range.start..range.start, text: format!("{entry}{after}") })
            }
        }
    }

    /// The same change, its place as `to` gives it.
    pub(super) fn map_place(self, to: impl Fn(Place) -> Place) -> Self {
        Self { at: to(self.at), ..self }
    }
}

/// What divides an entry from the one that begins at a byte, which is the first of its mapping.
fn after(text: &str, byte: usize) -> Option<String> {
    let line = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[line..byte];
    if before.trim_end().ends_with('{') {
        return Some(", ".to_owned());
    }
    let is_block = before.chars().all(|char| matches!(char, ' ' | '-'));
    let newline =
        if text[..byte].ends_with("\r\n") || text[..line].ends_with("\r\n") { "\r\n" } else { "\n" };
    is_block.then(|| format!("{newline}{}", " ".repeat(before.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nodes::KINDS,
        plan::{Rejected, load_source},
    };

    /// The file with every fix made, and the titles.
    fn fixed(text: &str) -> (String, Vec<String>) {
        let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let rejected = load_source(Source::new("p.yaml", text), base, KINDS).err();
        let Rejected { source, problems } = *rejected.expect("there are mistakes");
        let fixes: Vec<&Fix> = problems.iter().filter_map(|problem| problem.fix.as_ref()).collect();
        let mut edits: Vec<Edit<'_>> = fixes.iter().filter_map(|fix| fix.edit(&source)).collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.range.start));
        let mut text = source.text().to_owned();
        edits.into_iter().for_each(|edit| text.replace_range(edit.range, &edit.text));
        (text, fixes.iter().map(|fix| fix.title()).collect())
    }

    #[test]
    fn what_was_meant_is_written_as_the_rest_is() {
        let text = "version: 1\nname: p\nparams: { lr: 0.1, 'mode': both }\nnodes:
  data: { type: dataset, 'rot': src } # one
  \"net\": { arch: \"yolo11n-csl\", classes: 2, type: model }
  prep: { type: transforms, size: '64' }
  fit: # two
    modl: net
    dataset: 'dta'
    transforms: prp
    type: train
    epochs:   \"3\"   # three
    lr0: ${params.rl}
    nesterov: yes
  score: { model: fitt, type: vall }
  guess: { model: fit, source: src, topk: 2 }\n";
        let (fixed, titles) = fixed(text);
        insta::assert_snapshot!(format!("{fixed}---\n{}", titles.join("\n")));
    }

    #[test]
    fn a_key_that_lacks_comes_first() {
        let at = |text: &str| {
            let source = Source::new("p.yaml", text);
            let fix = Fix::entry(&["nodes", "fit"].into(), "model", "type: train");
            let Edit { range, text: added, .. } = fix.edit(&source)?;
            let mut text = text.to_owned();
            text.replace_range(range, &added);
            Some(text)
        };
        assert_eq!(
            at("nodes:\n  fit:\n    model: net\n").unwrap(),
            "nodes:\n  fit:\n    type: train\n    model: net\n"
        );
        assert_eq!(at("nodes:\r\n  fit:\r\n    model: net").unwrap().matches("\r\n").count(), 3);
        assert_eq!(at("nodes: {fit: { model: net }}").unwrap(), "nodes: {fit: { type: train, model: net }}");
        assert_eq!(at("nodes:\n  fit: {\n    model: net }").unwrap_or_default().matches("type").count(), 1);
    }

    #[test]
    fn where_there_is_a_choice_nothing_is_changed() {
        for node in [
            "{ type: dataset, root: src, zzz: 1 }",
            "{ type: dataset, root: srd }",
            "{ type: dataset, root: src, val_fraction: 7 }",
            "{ type: train, model: data, dataset: data, epochss: 1, epchs: 2 }",
        ] {
            let text = format!(
                "version: 1\nname: p\nnodes:\n  data: {{ type: dataset, root: src }}\n  it: {node}\n"
            );
            assert_eq!(fixed(&text), (text, Vec::new()));
        }
    }
}
