//! YAML text to JSON values, places to bytes. The only file that names `serde_yaml`.
//!
//! `serde_yaml` keeps no spans, but it stamps a location on any error that is raised inside its
//! deserializer. So a place is found by walking there again and failing on arrival.

mod early;
pub mod layout;
pub mod path;
mod read;
mod span;
mod walk;

use std::{cell::Cell, ops::Range};

use serde::{
    Deserialize,
    de::{DeserializeSeed, IgnoredAny},
};
use serde_json::Value;

pub use self::{
    path::DocPath,
    read::{MAX_DEPTH, Refusal},
};
use self::{
    read::{Reader, Values},
    span::Shape,
    walk::Walk,
};

/// What a text says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The document, keys in order; of a repeated key the first value.
    pub value: Value,
    /// Keys that were there already, with their occurrence: 1 for the second.
    pub repeated: Vec<(DocPath, usize)>,
}

/// Reads the one document of `text`.
///
/// # Errors
/// Why it can't be used, and at which byte.
pub fn parse(text: &str) -> Result<Parsed, (Refusal, Option<usize>)> {
    document(text, &Reader::new(text.len()))
}

/// Reads the one document of `text`, the metadata of a file, in which whole numbers may be keys: classes by index.
///
/// # Errors
/// Why it can't be used.
pub fn parse_metadata(text: &str) -> Result<Value, Refusal> {
    let parsed = document(text, &Reader::of_metadata(text.len()));
    parsed.map(|parsed| parsed.value).map_err(|(refusal, _)| refusal)
}

fn document(text: &str, reader: &Reader) -> Result<Parsed, (Refusal, Option<usize>)> {
    if let Some((refusal, at)) = early::refusal(text) {
        return Err((refusal, Some(at)));
    }
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(document) = documents.next() else { return Err((Refusal::Empty, None)) };
    let value = Values(reader).deserialize(document).map_err(|error| refusal(reader, &error))?;
    if let Some(second) = documents.next() {
        return Err(match IgnoredAny::deserialize(second) {
            Err(error) => refusal(reader, &error),
            Ok(_) => (Refusal::SeveralDocuments, second_document(text)),
        });
    }
    match value {
        Value::Null => Err((Refusal::Empty, None)),
        value => Ok(Parsed { value, repeated: reader.repeated.take() }),
    }
}

/// The bytes of the key or value at `path`, in a text that [`parse`] accepts.
///
/// Of a repeated last key, `occurrence` chooses: 0 for the first.
pub fn find(text: &str, path: &DocPath, key: bool, occurrence: usize) -> Option<Range<usize>> {
    let (start, shape) = arrive(text, path, key, occurrence)?;
    Some(span::token(text, start, &shape))
}

/// The token of a key, number or word that starts at a byte.
pub fn word(text: &str, start: usize) -> Range<usize> {
    let start = text.floor_char_boundary(start);
    let mut range = span::token(text, start, &Shape::Word);
    if let Some(colon) =
        text[range.clone()].find(": ").or_else(|| text[range.clone()].strip_suffix(':').map(str::len))
    {
        range.end = range.start + colon;
    }
    range
}

/// Where the key or value at `path` starts, and what stands there.
fn arrive(text: &str, path: &DocPath, key: bool, occurrence: usize) -> Option<(usize, Shape)> {
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    let arrived = Cell::new(None);
    let walk = Walk { path: &path.0, key, occurrence, arrived: &arrived };
    let error = walk.deserialize(document).err()?;
    Some((error.location()?.index(), arrived.into_inner()?))
}

/// `value` as YAML text.
pub fn write(value: &impl serde::Serialize) -> String {
    serde_yaml::to_string(value).expect("plain data with text keys is YAML")
}

/// The value of a text that is one scalar or flow collection.
pub fn scalar(text: &str) -> Option<Value> {
    only_item(&format!("- {text}\n"))
}

/// The item of a list of one.
fn only_item(text: &str) -> Option<Value> {
    match parse(text).ok()?.value {
        Value::Array(mut list) if list.len() == 1 => list.pop(),
        _ => None,
    }
}

/// A text as a scalar that stands for it, in the quotes of another scalar; also where that has none, if it needs some.
pub fn quoted_as(other: &str, text: &str) -> String {
    let is_plain = |text: &&str| only_item(&format!("[{text}]")).is_some_and(|value| value == *text);
    match other.chars().next() {
        Some('\'') if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', "''")),
        Some('"' | '\'') => Value::from(text).to_string(),
        _ => Some(text).filter(is_plain).map_or_else(|| Value::from(text).to_string(), str::to_owned),
    }
}

/// What an error of the parser means.
fn refusal(reader: &Reader, error: &serde_yaml::Error) -> (Refusal, Option<usize>) {
    let at = error.location().map(|location| location.index());
    let refusal = reader.refused.take().unwrap_or_else(|| match error.to_string().as_str() {
        message if message.starts_with("repetition limit") => Refusal::TooMany,
        message if message.starts_with("recursion limit") => Refusal::TooDeep,
        message => Refusal::Syntax(message.to_owned()),
    });
    (refusal, at)
}

/// Where the `---` stands that follows something.
fn second_document(text: &str) -> Option<usize> {
    let mut seen = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("---") && seen {
            return Some(offset);
        }
        seen |= !line.trim().is_empty() && !line.starts_with(['#', '%']);
        offset += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(text: &'a str, path: &DocPath, key: bool) -> &'a str {
        &text[find(text, path, key, 0).unwrap()]
    }

    #[test]
    fn scalars_and_keys_are_found_whole() {
        let text = "é: ü\nnodes:\n  fit: {lr: 1e-3, name: a b c, q: \"x \\\" y\" }\n  list:\n  - 'it''s'\n  - &a two\n    words\n  - *a\n  - |\n    block\n    text\n  - [1, {b: 2}] # end\n";
        let value = |path: &DocPath| at(text, path, false);
        assert_eq!(at(text, &["nodes", "fit"].into(), true), "fit");
        assert_eq!(value(&["é"].into()), "ü");
        assert_eq!(value(&["nodes", "fit", "lr"].into()), "1e-3");
        assert_eq!(at(text, &["nodes", "fit", "q"].into(), true), "q");
        assert_eq!(value(&["nodes", "fit", "name"].into()), "a b c");
        assert_eq!(value(&["nodes", "fit", "q"].into()), "\"x \\\" y\"");
        let list = DocPath::from(["nodes", "list"]);
        assert_eq!(value(&list.join(0)), "'it''s'");
        assert_eq!(value(&list.join(1)), "two\n    words");
        assert_eq!(value(&list.join(2)), "two\n    words", "an alias is found where its anchor is");
        assert_eq!(value(&list.join(3)), "|\n    block\n    text");
        assert_eq!(value(&list.join(4)), "[1, {b: 2}]");
        assert_eq!(value(&list.join(4).join(1).join("b")), "2");
    }

    #[test]
    fn a_word_that_takes_anothers_place_reads_as_itself() {
        assert_eq!(quoted_as("'a'", "it's"), "'it''s'");
        assert_eq!(quoted_as("\"a\"", "b\"c"), "\"b\\\"c\"");
        assert_eq!(
            ["fit", "true", "1", "a, b", "#x", "a: b", ""].map(|text| quoted_as("a", text)).join(" "),
            "fit \"true\" \"1\" \"a, b\" \"#x\" \"a: b\" \"\""
        );
        assert_eq!(scalar("1_0"), Some("1_0".into()));
        assert_eq!(scalar("a, b"), Some("a, b".into()));
        assert_eq!(scalar("~"), Some(Value::Null));
        assert_eq!(scalar("|\n    block"), Some("block\n".into()));
    }

    #[test]
    fn repeated_keys_keep_the_first_value() {
        let parsed = parse("a: 1\nb: 2\na: 3\na: 4\n").unwrap();
        assert_eq!(parsed.value["a"], 1);
        let twice: DocPath = ["a"].into();
        assert_eq!(parsed.repeated, [(twice.clone(), 1), (twice.clone(), 2)]);
        assert_eq!(find("a: 1\nb: 2\na: 3\n", &twice, true, 1).unwrap(), 10..11);
    }

    #[test]
    fn numbers_are_what_yaml_says() {
        let parsed = parse("a: 1e-3\nb: 1e2\nc: 0x10\nd: yes\ne: 2.0\nf: 1.5").unwrap().value;
        assert_eq!(parsed, serde_json::json!({"a": 0.001, "b": 100, "c": 16, "d": "yes", "e": 2, "f": 1.5}));
    }

    #[test]
    fn what_is_not_used_is_refused() {
        let refusal = |text: &str| parse(text).unwrap_err().0;
        assert_eq!(refusal(""), Refusal::Empty);
        assert_eq!(refusal("# only\n"), Refusal::Empty);
        assert_eq!(refusal("a: !x 1"), Refusal::Tag("x".into()));
        assert_eq!(refusal("a: &a {b: 1}\nc:\n  <<: *a"), Refusal::MergeKey);
        assert_eq!(refusal("7: x"), Refusal::KeyNotText("7".into()));
        assert_eq!(refusal("a: .nan"), Refusal::Number("NaN".into()));
        assert_eq!(parse("a: 1\n---\nb: 2\n").unwrap_err(), (Refusal::SeveralDocuments, Some(5)));
    }

    #[test]
    fn metadata_may_have_whole_numbers_as_keys() {
        let metadata = parse_metadata("names:\n  0: a\n  1: \"b\"\n").unwrap();
        assert_eq!(metadata, serde_json::json!({"names": {"0": "a", "1": "b"}}));
        assert_eq!(parse_metadata("-7: x").unwrap_err(), Refusal::KeyNotText("-7".into()));
    }

    #[test]
    fn bombs_are_refused() {
        let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
            .chain((1..9).map(|i| {
                let alias = format!("*a{}", i - 1);
                format!("a{i}: &a{i} [{}]\n", vec![alias; 9].join(", "))
            }))
            .collect();
        assert_eq!(parse(&bomb).unwrap_err().0, Refusal::TooMany);
        assert_eq!(parse(&"[".repeat(100)).unwrap_err().0, Refusal::TooDeep);
        assert_eq!(parse("a: &a [*a]").unwrap_err().0, Refusal::TooDeep);
    }
}
