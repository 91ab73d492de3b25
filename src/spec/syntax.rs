//! The YAML parser's words, made into a sentence for the one who wrote the file.

use super::{
    codes,
    fix::Fix,
    problem::{Place, Problem},
    source::Source,
};
use crate::shown;

/// What the parser says of a tab, though not of each.
const TAB: &str = "found a tab character that violates indentation";

/// What the parser says, what that means, and what to do.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "found character that cannot start any token",
        "this character can't begin a value",
        "put quotes around text that begins with `@`, a backquote or `%`, and indent with spaces, not tabs",
    ),
    (TAB, "a tab is used to indent", "indent with spaces"),
    (
        "mapping values are not allowed in this context",
        "a `:` in the wrong place",
        "indent a key by as much as its neighbours, and put quotes around text that contains `: `",
    ),
    (
        "did not find expected key",
        "a key is expected here",
        "indent a key by as much as its neighbours, and close quotes, `[` and `{` before it",
    ),
    (
        "did not find expected '-' indicator",
        "a `- ` is expected here",
        "begin each item of a list with `- `, all indented by as much",
    ),
    (
        "did not find expected ',' or ']'",
        "a list is not closed",
        "separate items by `,` and close the list with `]`",
    ),
    (
        "did not find expected ',' or '}'",
        "a mapping is not closed",
        "separate keys by `,` and close the mapping with `}`",
    ),
    ("could not find expected ':'", "a `:` is missing", "write `key: value`, with a space after the `:`"),
    (
        "found unexpected end of stream",
        "the file ends in the middle of a value",
        "close the quotes, `[` or `{`",
    ),
    ("did not find expected node content", "a value is expected here", "write a value, or remove the `,`"),
    (
        "found unknown escape character",
        "an escape that YAML doesn't know",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    (
        "unknown anchor",
        "an alias (`*name`) without its anchor (`&name`)",
        "define the anchor before it is used",
    ),
    ("control characters are not allowed", "a control character", "remove it"),
    (
        "block sequence entries are not allowed",
        "a `- ` in the wrong place",
        "put the list on its own lines, under its key",
    ),
];

/// The problem that `message` of the parser is; `at` is the byte where it gave up.
pub(super) fn problem(source: &Source, message: &str, at: Option<usize>) -> Problem {
    let start = at.unwrap_or(0).min(source.text().len());
    let start = visible(source.text(), start);
    if let Some(problem) = unquoted_reference(source.text(), start) {
        return problem;
    }
    let tab = source.text()[start..].starts_with('\t');
    let message = if tab { TAB } else { message };
    let known = KNOWN.iter().find(|(theirs, _, _)| message.contains(theirs));
    let (text, help) = known.map_or_else(
        || (without_place(message), "see `kiln explain E0004` for what YAML looks like"),
        |(_, text, help)| ((*text).to_owned(), *help),
    );
    let first = source.text()[start..].chars().next().filter(|char| !matches!(char, '\t' | '\r' | '\n'));
    let odd = first.and_then(|char| shown::odd(char.encode_utf8(&mut [0; 4])));
    let label = odd.map_or_else(|| "here".to_owned(), |odd| format!("{odd} here"));
    let mut problem = Problem::new(codes::SYNTAX, Place::Bytes(start, start), format!("not YAML: {text}"))
        .label(label)
        .help(help);
    if let Some((place, odd)) = odd_before(source.text(), start) {
        return problem.related(place, format!("{odd} here, not an ordinary space"));
    }
    if let Some((what, byte)) = context(source.text(), message)
        && byte != start
    {
        problem = problem.related(Place::Bytes(byte, byte + 1), what);
    }
    problem
}

/// A `${…}` within brackets, where YAML takes its brace for one of its own.
fn unquoted_reference(text: &str, brace: usize) -> Option<Problem> {
    let (before, after) = (text[..brace].strip_suffix('$')?, &text[brace..]);
    let end = after.starts_with('{').then(|| after.find('}'))?? + 1;
    let reference = after.get(..end).filter(|reference| !reference.contains('\n'))?;
    let message = "not YAML: a reference without quotes within `{ … }` or `[ … ]`";
    let place = Place::Bytes(before.len(), brace + end);
    let fix = Fix::value(place.clone(), &format!("${reference}").into(), format!("\"${reference}\""));
    let problem = Problem::new(codes::SYNTAX, place, message)
        .fix(Some(fix))
        .label(format!("did you mean `\"${reference}\"`?"));
    Some(problem.help("quotes around a reference leave the parameter's type as it is"))
}

/// A character that is not seen, or looks like a space, on the line of a byte or the one before.
fn odd_before(text: &str, byte: usize) -> Option<(Place, String)> {
    let line_start = |byte: usize| text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let start = line_start(line_start(byte).saturating_sub(1));
    let is_odd = |char: char| shown::is_hidden(char) && !matches!(char, '\t' | '\r' | '\n');
    let (at, char) = text[start..byte].char_indices().find(|(_, char)| is_odd(*char))?;
    let odd = shown::odd(char.encode_utf8(&mut [0; 4]))?;
    Some((Place::Bytes(start + at, start + at + char.len_utf8()), odd))
}

/// The byte itself, or at the end of the text the last one that shows.
fn visible(text: &str, start: usize) -> usize {
    if text[start..].trim().is_empty() { text.trim_end().len() } else { start }
}

/// `… at line 3 column 4, while parsing …` without the places.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// `while parsing a block mapping at line 4 column 3` as a label and a byte.
fn context(text: &str, message: &str) -> Option<(String, usize)> {
    let (_, rest) = message.split_once("while ")?;
    let (what, place) = rest.split_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    let digits = |text: &str| -> Option<usize> {
        text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let line_start: usize =
        text.split_inclusive('\n').take(digits(line)?.checked_sub(1)?).map(str::len).sum();
    let column = text.get(line_start..)?.chars().take(digits(column)?.checked_sub(1)?);
    let what = what
        .replace("parsing a ", "in this ")
        .replace("scanning a ", "in this ")
        .replace("scanning an ", "in this ");
    let byte = line_start + column.map(char::len_utf8).sum::<usize>();
    (byte < text.len()).then_some((what.replace("block ", "").replace("flow ", ""), byte))
}
