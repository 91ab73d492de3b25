//! A pipeline as YAML, a value a line, with what is said of each beside it.

use serde_json::{Map, Value};

pub use super::references::escaped;
use super::{Draft, origin::Origins, problem::DocPath, source::Source};
use crate::yaml as text;

/// What `kiln show` shows of a file.
pub struct Shown<'a> {
    source: &'a Source,
    origins: &'a Origins,
    /// What the file says.
    said: Value,
    /// What is shown of it, and the defaults if asked for.
    pub document: Value,
}

impl<'a> Shown<'a> {
    /// What is shown of a draft; the defaults, too, if asked for.
    pub fn new(source: &'a Source, draft: &'a Draft, defaults: bool) -> Self {
        if let Some(sweep) = &draft.sweep {
            let (said, document) = (sweep.document.clone(), sweep.document.clone());
            return Self { source, origins: &sweep.origins, said, document };
        }
        let said = draft.document();
        let spec = draft.spec().filter(|_| defaults);
        let document = spec.map_or_else(
            || said.clone(),
            |spec| serde_json::to_value(spec).expect("a spec is plain data with text keys"),
        );
        Self { source, origins: &draft.origins, said, document: escaped(document) }
    }

    /// Where the value at a path comes from, in a few words.
    pub fn origin(&self, path: &DocPath) -> String {
        match path.of(&self.said) {
            Some(_) => self.origins.told(self.source, path),
            None => "default".to_owned(),
        }
    }

    /// The same of every value, by its path.
    pub fn origins(&self) -> Map<String, Value> {
        let mut paths = Vec::new();
        leaves(&self.document, &DocPath::default(), &mut paths);
        paths.into_iter().map(|path| (path.to_string(), self.origin(&path).into())).collect()
    }
}

/// The document, its texts as they are written in a file, as a pipeline file with a comment on each value for which there is one.
pub fn yaml(document: &Value, comment: &dyn Fn(&DocPath) -> Option<String>) -> String {
    let writer = Writer { comment };
    writer.lines(document, &DocPath::default(), 0)
}

/// The paths of the values that have a line of their own.
pub fn leaves(value: &Value, path: &DocPath, found: &mut Vec<DocPath>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| leaves(value, &path.join(key.as_str()), found));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(i, value)| leaves(value, &path.join(i), found));
        }
        _ => found.push(path.clone()),
    }
}

struct Writer<'a> {
    comment: &'a dyn Fn(&DocPath) -> Option<String>,
}

impl Writer<'_> {
    /// The lines of a mapping or a list; of another value, the one that it is.
    fn lines(&self, value: &Value, path: &DocPath, indent: usize) -> String {
        let margin = " ".repeat(indent);
        match value {
            Value::Object(map) if !map.is_empty() => map
                .iter()
                .map(|(key, value)| {
                    let path = path.join(key.as_str());
                    format!(
                        "{margin}{}:{}",
                        word(&Value::from(key.as_str())),
                        self.after_key(value, &path, indent)
                    )
                })
                .collect(),
            Value::Array(list) if !list.is_empty() => list
                .iter()
                .enumerate()
                .map(|(i, value)| {
                    let item = self.lines(value, &path.join(i), indent + 2);
                    format!("{margin}- {}", item.trim_start_matches(' '))
                })
                .collect(),
            value => format!("{}{}\n", word(value), self.beside(path)),
        }
    }

    /// What follows `key:`, as far as it is the key's.
    fn after_key(&self, value: &Value, path: &DocPath, indent: usize) -> String {
        match value {
            Value::Object(map) if !map.is_empty() => format!("\n{}", self.lines(value, path, indent + 2)),
            Value::Array(list) if !list.is_empty() => format!("\n{}", self.lines(value, path, indent)),
            value => format!(" {}", self.lines(value, path, indent)),
        }
    }

    fn beside(&self, path: &DocPath) -> String {
        (self.comment)(path).map(|comment| format!("  # {comment}")).unwrap_or_default()
    }
}

/// A value on one line.
fn word(value: &Value) -> String {
    match value {
        // Text of several lines, with its ends of lines written out.
        Value::String(lines) if lines.contains(['\n', '\u{85}', '\u{2028}', '\u{2029}']) => {
            let ends = [('\u{85}', "\\N"), ('\u{2028}', "\\L"), ('\u{2029}', "\\P")];
            ends.into_iter().fold(value.to_string(), |text, (end, escape)| text.replace(end, escape))
        }
        value => text::write(value).trim_end_matches('\n').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_their_comments() {
        let document =
            json!({"a": 1, "b": [{"c": "x y", "d": [true]}, []], "e": {"f": "1"}, "g": "two\nlines"});
        let comment = |path: &DocPath| (path.last_key() != "f").then(|| path.to_string());
        insta::assert_snapshot!(yaml(&document, &comment), @r#"
        a: 1  # a
        b:
        - c: x y  # b[0].c
          d:
          - true  # b[0].d[0]
        - []  # b[1]
        e:
          f: '1'
        g: "two\nlines"  # g
        "#);
    }

    fn document() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-zé$#{} :'\"\\\\\n-]{0,8}|\\PC{0,4}".prop_map(Value::from),
        ];
        let inner = word.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z#:é ]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        prop::collection::btree_map("[a-z]{1,4}", inner, 1..5)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_was_meant(document in document()) {
            let text = yaml(&escaped(document.clone()), &|path| Some(path.to_string().replace('\n', "")));
            let parsed = crate::yaml::parse(&text).map_err(|(refusal, _)| TestCaseError::fail(format!("{refusal}: {text}")))?;
            prop_assert_eq!(parsed.value, escaped(document));
        }
    }
}
