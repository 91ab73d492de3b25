//! `${params.lr}` and `${env.HOME}` in a text, and how a text says that it means neither.

use std::ops::Range;

use serde_json::Value;

use super::{dotted, problem::DocPath};

/// How a reference begins.
const OPEN: &str = "${";
/// How a text begins a `${` that is none.
const ESCAPED: &str = "$${";

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Stands for itself.
    Text(String),
    /// Stands for something else; and the bytes of the text that it has, from its `$` to its `}`.
    Reference(Target, Range<usize>),
}

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A parameter, by its path in the document: `params.lr`.
    Parameter(DocPath),
    /// A variable of the environment.
    Variable(String),
}

/// Why there is no reference where one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// No `}`.
    Open(Range<usize>),
    /// It names neither a parameter nor a variable; what stands between the braces.
    Nothing(Range<usize>, String),
}

/// Whether a text has anything to be replaced.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains(OPEN)
}

/// The parts of a text.
///
/// # Errors
/// The first thing that begins as a reference and is none.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, Fault> {
    let (mut parts, mut literal, mut at) = (Vec::new(), String::new(), 0);
    while let Some(found) = text[at..].find(OPEN).map(|found| at + found) {
        // A `$` before it makes it none.
        if found > at && text[..found].ends_with('$') {
            literal.push_str(&text[at..found - 1]);
            literal.push_str(OPEN);
            at = found + OPEN.len();
            continue;
        }
        literal.push_str(&text[at..found]);
        let end = text[found..].find('}').ok_or(Fault::Open(found..text.len()))?;
        let span = found..found + end + 1;
        let target = target(&text[found + OPEN.len()..found + end], &span)?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        at = span.end;
        parts.push(Part::Reference(target, span));
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// A parameter that a text refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its path in the document: `params.lr`.
    pub path: DocPath,
    /// The bytes of the text that each step of the path has.
    pub spans: Vec<Range<usize>>,
}

/// The parameters that a text refers to as it is written, whatever else in it is wrong.
pub fn mentioned(text: &str) -> Vec<Mention> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(open) = text[at..].find(OPEN).map(|open| at + open) {
        at = open + OPEN.len();
        let is_escaped = text[..open].ends_with('$');
        let Some(end) = text[at..].find(['}', '\n']).filter(|_| !is_escaped) else { continue };
        let (inside, name) = (&text[at..at + end], text[at..at + end].trim());
        let start = at + inside.len() - inside.trim_start().len();
        let dotted = dotted::parse(name).ok().filter(|_| name.starts_with("params."));
        found.extend(dotted.map(|dotted| Mention {
            path: dotted.path,
            spans: dotted.spans.into_iter().map(|span| start + span.start..start + span.end).collect(),
        }));
    }
    found
}

fn target(inside: &str, span: &Range<usize>) -> Result<Target, Fault> {
    let name = inside.trim();
    let nothing = || Fault::Nothing(span.clone(), name.to_owned());
    match name.split_once('.') {
        Some(("params", _)) => {
            dotted::parse(name).map(|dotted| Target::Parameter(dotted.path)).map_err(|_| nothing())
        }
        Some(("env", variable)) if is_variable(variable) => Ok(Target::Variable(variable.to_owned())),
        _ => Err(nothing()),
    }
}

/// Whether a shell could have set a variable of this name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|char: char| char.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The text that stands for `text`.
pub fn escape(text: &str) -> String {
    text.replace(OPEN, ESCAPED)
}

/// The value whose texts stand for the texts of `value`.
pub fn escaped(mut value: Value) -> Value {
    match &mut value {
        Value::String(text) if !is_plain(text) => *text = escape(text),
        Value::Array(list) => list.iter_mut().for_each(|item| *item = escaped(item.take())),
        Value::Object(map) => map.values_mut().for_each(|value| *value = escaped(value.take())),
        _ => {}
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn parameter(name: &str, bytes: Range<usize>) -> Part {
        Part::Reference(Target::Parameter(["params", name].into()), bytes)
    }

    #[test]
    fn references_are_found_with_their_bytes() {
        assert_eq!(parts("${params.lr}"), Ok(vec![parameter("lr", 0..12)]));
        assert_eq!(
            parts("a ${ params.b }${env.C_1}/d").unwrap(),
            [
                text("a "),
                parameter("b", 2..15),
                Part::Reference(Target::Variable("C_1".into()), 15..25),
                text("/d")
            ]
        );
        for plain in ["", "a", "$", "$a", "a $ {b}", "{}"] {
            assert_eq!(parts(plain), Ok(vec![text(plain)]));
        }
    }

    #[test]
    fn parameters_are_found_in_a_text_that_is_wrong_elsewhere() {
        let text = "'${params.a.b}/${ params.c[0] }${env.X}$${params.d}${parms.e}${params.f'";
        let found: Vec<_> = mentioned(text).into_iter().map(|it| (it.path.to_string(), it.spans)).collect();
        let words: Vec<_> =
            found.iter().map(|(path, spans)| (path.as_str(), &text[spans[1].clone()])).collect();
        assert_eq!(words, [("params.a.b", "a"), ("params.c[0]", "c")]);
    }

    #[test]
    fn two_dollars_make_it_none() {
        assert_eq!(parts("$${params.lr}"), Ok(vec![text("${params.lr}")]));
        assert_eq!(parts("$$${a}"), Ok(vec![text("$${a}")]));
        assert_eq!(parts("${params.a}$${b"), Ok(vec![parameter("a", 0..11), text("${b")]));
    }

    #[test]
    fn what_is_none_is_told() {
        assert_eq!(parts("a ${params.lr"), Err(Fault::Open(2..13)));
        for inside in
            ["", "lr", "params", "params.", "params.a b", "env", "env.", "env.A-B", "env.1", "parms.lr"]
        {
            let text = format!("${{{inside}}}");
            assert_eq!(parts(&text), Err(Fault::Nothing(0..text.len(), inside.to_owned())), "{inside}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_text_stands_for_itself(plain in "[a${}.]{0,12}|\\PC{0,8}") {
            prop_assert_eq!(parts(&escape(&plain)), Ok(vec![text(&plain)]));
        }

        #[test]
        fn any_text_has_parts_or_a_fault_in_it(any in "(\\$|\\{|\\}|é|params\\.|env\\.|[a-z]| ){0,12}") {
            match parts(&any) {
                Ok(parts) => prop_assert!(!parts.is_empty()),
                Err(Fault::Open(span) | Fault::Nothing(span, _)) => prop_assert!(any.get(span).is_some()),
            }
        }
    }
}
