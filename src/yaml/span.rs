//! How far a YAML token reaches, given where it starts.

use std::ops::Range;

/// What stands at a place, as far as its end depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text; the string that it stands for.
    Text(String),
    /// A number, `true`, `false` or nothing.
    Word,
    /// A list or a mapping.
    Collection,
}

/// The bytes of the token that starts at `start`, without its anchor or tag.
///
/// A list or mapping in block style is stood for by its first line.
pub(super) fn token(text: &str, start: usize, shape: &Shape) -> Range<usize> {
    let start = skip_properties(text, start.min(text.len()));
    let rest = &text[start..];
    let length = match (rest.as_bytes().first(), shape) {
        (Some(b'"'), _) => double_quoted(rest),
        (Some(b'\''), _) => single_quoted(rest),
        (Some(b'[' | b'{'), Shape::Collection) => flow(rest),
        (_, Shape::Collection) => first_line(rest),
        (Some(b'|' | b'>'), Shape::Text(_)) => block_scalar(text, start),
        (_, Shape::Text(value)) => words(rest, value),
        (_, Shape::Word) => rest.find([' ', '\t', '\r', '\n', ',', ']', '}']).unwrap_or(rest.len()),
    };
    start..start + length
}

/// Skips `&anchor` and `!tag`.
fn skip_properties(text: &str, mut start: usize) -> usize {
    while text[start..].starts_with(['&', '!']) {
        let Some(end) = text[start..].find(char::is_whitespace) else { return text.len() };
        let blank = &text[start + end..];
        start += end + (blank.len() - blank.trim_start().len());
    }
    start
}

fn double_quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    rest.len()
}

fn single_quoted(rest: &str) -> usize {
    let mut from = 1;
    while let Some(i) = rest[from..].find('\'') {
        from += i + 1;
        if !rest[from..].starts_with('\'') {
            return from;
        }
        from += 1;
    }
    rest.len()
}

/// `[…]` or `{…}` up to its own closing bracket.
fn flow(rest: &str) -> usize {
    let (mut depth, mut i) = (0usize, 0);
    while let Some(c) = rest[i..].chars().next() {
        i += match c {
            '"' => double_quoted(&rest[i..]),
            '\'' if rest[..i].ends_with([' ', '[', '{', ',', ':', '\n']) => single_quoted(&rest[i..]),
            '#' if rest[..i].ends_with(char::is_whitespace) => rest[i..].find('\n').unwrap_or(rest.len() - i),
            _ => c.len_utf8(),
        };
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn first_line(rest: &str) -> usize {
    let line = rest.lines().next().unwrap_or_default();
    let line = line.find(" #").map_or(line, |comment| &line[..comment]);
    line.trim_end().len()
}

/// A literal or folded scalar: its header and the lines that are indented deeper than the header's.
fn block_scalar(text: &str, start: usize) -> usize {
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let outer = indent(&text[line_start..]);
    let mut end = start;
    for (i, line) in text[start..].split_inclusive('\n').enumerate() {
        if i > 0 && !line.trim().is_empty() && indent(line) <= outer {
            break;
        }
        end += line.len();
    }
    text[start..end].trim_end().len()
}

/// A plain scalar, which may be folded over several lines: word after word of its value.
fn words(rest: &str, value: &str) -> usize {
    let mut end = 0;
    for word in value.split_whitespace() {
        let blank = rest[end..].len() - rest[end..].trim_start().len();
        if !rest[end + blank..].starts_with(word) {
            break;
        }
        end += blank + word.len();
    }
    end
}
