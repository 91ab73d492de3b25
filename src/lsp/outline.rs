//! A pipeline file as it is while it is typed: keys and values with their places, whatever is broken around them.
//!
//! The run's own reader refuses a text that is not YAML as a whole, and knows places only by their paths. This one reads
//! line by line, takes what looks like a key for a key, and never fails; what a file means is still for the other to say.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::spec::{DocPath, Segment};

/// Stands where the cursor is while a text is read for it: no text has it.
pub(super) const CURSOR: char = '\u{e000}';

/// How deep what is read may be; what is deeper is a word.
const MAX_DEPTH: usize = 64;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A key.
    Key,
    /// A value that is no mapping and no list; or a word in a mapping that may become a key.
    Value,
}

/// A key or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Where it stands; of a word that is no key yet, the path of the mapping.
    pub path: DocPath,
    pub part: Part,
    /// Its bytes, with its quotes.
    pub range: Range<usize>,
    /// What it says.
    pub text: String,
}

/// The keys and values of a text, in its order.
#[derive(Debug, Default)]
pub(super) struct Outline(pub Vec<Token>);

impl Outline {
    pub(super) fn of(text: &str) -> Self {
        let mut reader = Reader { text, at: 0, frames: Vec::new(), depth: 0, tokens: Vec::new() };
        while reader.at < text.len() {
            reader.line();
        }
        Self(reader.tokens)
    }

    /// The key at a path.
    pub(super) fn key(&self, path: &DocPath) -> Option<&Token> {
        self.0.iter().find(|token| token.part == Part::Key && token.path == *path)
    }

    /// The value at a path.
    pub(super) fn value(&self, path: &DocPath) -> Option<&Token> {
        self.0.iter().find(|token| token.part == Part::Value && token.path == *path)
    }

    /// The key or value that a byte is in, or at the end of.
    pub(super) fn at(&self, byte: usize) -> Option<&Token> {
        self.0.iter().find(|token| (token.range.start..=token.range.end).contains(&byte))
    }

    /// The keys right below a path.
    pub(super) fn keys_of<'a>(&'a self, path: &'a DocPath) -> impl Iterator<Item = &'a Token> {
        let below = |token: &&Token| token.part == Part::Key && token.path.parent() == *path;
        self.0.iter().filter(below)
    }

    /// What the text says, as far as it can be told, every value as text.
    pub(super) fn document(&self) -> Value {
        let mut document = Value::Object(Map::new());
        for token in &self.0 {
            let value = if token.part == Part::Key { Value::Null } else { token.text.as_str().into() };
            put(&mut document, &token.path.0, value);
        }
        document
    }
}

/// Puts a value at a path, and what is around it if that is not there.
fn put(document: &mut Value, path: &[Segment], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        if !document.is_object() && !document.is_array() {
            *document = value;
        }
        return;
    };
    let place = match first {
        Segment::Key(key) => {
            if !document.is_object() {
                *document = Value::Object(Map::new());
            }
            &mut document[key.as_str()]
        }
        Segment::Item(item) => {
            if !document.is_array() {
                *document = Value::Array(Vec::new());
            }
            let Value::Array(list) = document else { return };
            list.resize((*item + 1).max(list.len()), Value::Null);
            &mut list[*item]
        }
    };
    put(place, rest, value);
}

/// A mapping or a list in block style that the reader is in.
struct Frame {
    /// The column of its keys or dashes.
    indent: usize,
    path: DocPath,
    /// How many items there were; none if it is a mapping.
    items: Option<usize>,
    /// Its last key or item.
    last: DocPath,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    frames: Vec<Frame>,
    /// How many brackets and dashes are open in the line.
    depth: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    /// Reads the line that begins here, and what of the next ones belongs to a value in it.
    fn line(&mut self) {
        let indent = self.blanks();
        let rest = self.rest();
        let is_directive = indent == 0 && ["%", "---", "..."].iter().any(|start| rest.starts_with(start));
        if !is_directive {
            self.content(indent);
        }
        self.end_of_line();
    }

    /// What stands at a column of a line: an item, a key, or a value.
    fn content(&mut self, column: usize) {
        if self.is_end() {
            return;
        }
        if is_dash(self.rest()) && self.depth < MAX_DEPTH {
            return self.item(column);
        }
        let Some((length, after)) = key(self.rest()) else {
            let path = self.container(column);
            return self.value(&path, column);
        };
        self.mapping(column);
        let text = unquoted(&self.rest()[..length]);
        let Some(frame) = self.frames.last_mut() else { return };
        frame.last = frame.path.join(text.as_str());
        let path = frame.last.clone();
        let value = self.at + after;
        self.token(path.clone(), Part::Key, length);
        self.at = value;
        self.blanks();
        self.value(&path, column);
    }

    fn item(&mut self, column: usize) {
        self.leave(|frame| frame.indent > column);
        let is_same = self.frames.last().is_some_and(|it| it.indent == column && it.items.is_some());
        if !is_same {
            let path = self.last();
            self.frames.push(Frame { indent: column, last: path.clone(), path, items: Some(0) });
        }
        let Some(frame) = self.frames.last_mut() else { return };
        let count = frame.items.get_or_insert(0);
        frame.last = frame.path.join(*count);
        *count += 1;
        let path = frame.last.clone();
        self.at += 1;
        let blanks = self.blanks();
        if key(self.rest()).is_some() || is_dash(self.rest()) {
            self.depth += 1;
            self.content(column + 1 + blanks);
            self.depth -= 1;
        } else {
            self.value(&path, column);
        }
    }

    /// Enters the mapping whose keys are at a column.
    fn mapping(&mut self, column: usize) {
        self.leave(|frame| frame.indent > column || (frame.indent == column && frame.items.is_some()));
        if self.frames.last().is_none_or(|frame| frame.indent < column) {
            let path = self.last();
            self.frames.push(Frame { indent: column, last: path.clone(), path, items: None });
        }
    }

    /// Where a word at a column stands: in the mapping there, or as the value of the key before it.
    fn container(&mut self, column: usize) -> DocPath {
        self.leave(|frame| frame.indent > column || (frame.indent == column && frame.items.is_some()));
        match self.frames.last() {
            Some(frame) if frame.indent == column => frame.path.clone(),
            _ => self.last(),
        }
    }

    fn leave(&mut self, is_over: impl Fn(&Frame) -> bool) {
        while self.frames.last().is_some_and(&is_over) {
            self.frames.pop();
        }
    }

    /// Where what is deeper than all before it stands.
    fn last(&self) -> DocPath {
        self.frames.last().map(|frame| frame.last.clone()).unwrap_or_default()
    }

    /// A value that begins here, of a key or an item at a column.
    fn value(&mut self, path: &DocPath, column: usize) {
        while self.rest().starts_with(['&', '!']) {
            self.at += self.rest().find(char::is_whitespace).unwrap_or(self.rest().len());
            self.blanks();
        }
        match self.rest().chars().next() {
            _ if self.is_end() => {}
            Some('{' | '[') => self.flow(path, column),
            Some('|' | '>') => self.block(column),
            Some(quote @ ('"' | '\'')) => self.token(path.clone(), Part::Value, quoted(self.rest(), quote)),
            _ => self.token(path.clone(), Part::Value, plain(self.rest())),
        }
    }

    /// Skips a text of several lines, which are deeper than their key.
    fn block(&mut self, column: usize) {
        self.end_of_line();
        while self.at < self.text.len() {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            let indent = line.len() - line.trim_start_matches(' ').len();
            if indent <= column && !line.trim().is_empty() {
                break;
            }
            self.at += line.len();
        }
        // The line after it is still to be read.
        self.at -= usize::from(self.text[..self.at].ends_with('\n'));
    }

    /// `{…}` or `[…]`, as far as it goes; one that is still open ends before the next key of what is around it.
    fn flow(&mut self, path: &DocPath, column: usize) {
        if self.depth >= MAX_DEPTH {
            return self.token(path.clone(), Part::Value, 1);
        }
        self.depth += 1;
        self.collection(path, column);
        self.depth -= 1;
    }

    fn collection(&mut self, path: &DocPath, column: usize) {
        let is_list = self.rest().starts_with('[');
        self.at += 1;
        let mut item = 0;
        loop {
            if !self.flow_blanks(column) {
                return;
            }
            let here = if is_list { path.join(item) } else { path.clone() };
            match self.rest().chars().next() {
                None => return,
                Some(']' | '}') => return self.at += 1,
                Some(',') => {
                    item += 1;
                    self.at += 1;
                }
                Some('{' | '[') => self.flow(&here, column),
                Some(_) => self.flow_word(&here, column),
            }
        }
    }

    /// A key with its value, or a word, in flow style.
    fn flow_word(&mut self, path: &DocPath, column: usize) {
        let length = flow_length(self.rest());
        let word = &self.rest()[..length];
        let Some(colon) = key(word) else {
            return self.token(path.clone(), Part::Value, length.max(1));
        };
        let path = path.join(unquoted(&word[..colon.0]).as_str());
        let value = self.at + colon.1;
        self.token(path.clone(), Part::Key, colon.0);
        self.at = value;
        self.blanks();
        match self.rest().chars().next() {
            None | Some(',' | '}' | ']' | '\r' | '\n') => {}
            Some('{' | '[') => self.flow(&path, column),
            Some(_) => self.token(path, Part::Value, flow_length(self.rest()).max(1)),
        }
    }

    /// Skips blanks, comments and ends of lines in flow style; false where the next line is one of what is around.
    fn flow_blanks(&mut self, column: usize) -> bool {
        loop {
            self.blanks();
            if !self.is_end() {
                return true;
            }
            let before = self.at;
            self.end_of_line();
            let indent = self.rest().len() - self.rest().trim_start_matches(' ').len();
            let next = &self.rest()[indent..];
            if self.at >= self.text.len() || (indent <= column && (key(next).is_some() || is_dash(next))) {
                self.at = before;
                return false;
            }
        }
    }

    /// Tells of a token that begins here, and goes behind it.
    fn token(&mut self, path: DocPath, part: Part, length: usize) {
        let length = self.text.ceil_char_boundary(self.at + length) - self.at;
        let range = self.at..self.at + length;
        let text = unquoted(&self.text[range.clone()]);
        self.tokens.push(Token { path, part, range, text });
        self.at += length;
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Skips blanks within the line, and counts them.
    fn blanks(&mut self) -> usize {
        let count = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        self.at += count;
        count
    }

    /// Whether nothing but a comment follows in the line.
    fn is_end(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with(['\r', '\n', '#'])
    }

    fn end_of_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
    }
}

/// Whether this is the dash of an item.
fn is_dash(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with(blank_or_cursor))
}

fn blank_or_cursor(char: char) -> bool {
    char.is_whitespace() || char == CURSOR
}

/// The length of the key that begins here, and of what it has with its colon.
fn key(text: &str) -> Option<(usize, usize)> {
    let length = match text.chars().next()? {
        quote @ ('"' | '\'') => quoted(text, quote),
        '{' | '[' | ']' | '}' | ',' | '#' | '&' | '*' | '!' | '|' | '>' | '%' | '@' | '`' => return None,
        _ => plain_key(text)?,
    };
    let after = text[length..].trim_start_matches(' ');
    let rest = after.strip_prefix(':')?;
    let is_key = rest.is_empty() || rest.starts_with(blank_or_cursor) || text.starts_with(['"', '\'']);
    is_key.then(|| (length, text.len() - rest.len()))
}

/// The length of a key without quotes: up to a colon that a blank follows.
fn plain_key(text: &str) -> Option<usize> {
    let line = &text[..text.find(['\r', '\n']).unwrap_or(text.len())];
    let ends = |(at, _): &(usize, &str)| {
        let rest = &line[at + 1..];
        rest.is_empty() || rest.starts_with(blank_or_cursor)
    };
    let (at, _) = line.match_indices(':').find(ends)?;
    (!line[..at].contains(" #")).then(|| line[..at].trim_end().len())
}

/// The length of a text in quotes, which ends with its line at the latest.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            '\r' | '\n' => return at,
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            // Two single quotes are one.
            '\'' if quote == '\'' && text[at + 1..].starts_with('\'') => is_escaped = true,
            char if char == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a value without quotes, up to the end of its line or a comment.
fn plain(text: &str) -> usize {
    let line = &text[..text.find(['\r', '\n']).unwrap_or(text.len())];
    let line = &line[..line.find(" #").unwrap_or(line.len())];
    line.trim_end().len()
}

/// The same in flow style, with a key's colon and what follows it up to a comma or a bracket.
fn flow_length(text: &str) -> usize {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let length = quoted(text, quote);
        let is_key = text[length..].trim_start_matches(' ').starts_with(':');
        return if is_key { length + text[length..].find(':').map_or(0, |colon| colon + 1) } else { length };
    }
    let line = &text[..text.find(['\r', '\n']).unwrap_or(text.len())];
    let line = &line[..line.find(" #").unwrap_or(line.len())];
    let mut at = 0;
    while let Some(found) = line[at..].find([',', '{', '}', '[', ']']).map(|found| at + found) {
        // `${…}` is written without quotes before anybody says that it needs them.
        let is_reference = line[..found].ends_with('$') && line[found..].starts_with('{');
        match line[found..].find('}').filter(|_| is_reference) {
            Some(end) => at = found + end + 1,
            None => return line[..found].trim_end().len(),
        }
    }
    line.trim_end().len()
}

/// What a token says.
fn unquoted(token: &str) -> String {
    match token.chars().next() {
        Some('"') => {
            let inside = token[1..].strip_suffix('"').unwrap_or(&token[1..]);
            serde_json::from_str(&format!("\"{inside}\"")).unwrap_or_else(|_| inside.to_owned())
        }
        Some('\'') => token[1..].strip_suffix('\'').unwrap_or(&token[1..]).replace("''", "'"),
        _ => token.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::spec::{Place, Source};

    fn told(text: &str) -> String {
        Outline::of(text).0.iter().fold(String::new(), |mut told, token| {
            let part = if token.part == Part::Key { "key" } else { "value" };
            _ = writeln!(told, "{part} {} `{}`", token.path, token.text);
            told
        })
    }

    #[test]
    fn block_and_flow_are_read() {
        insta::assert_snapshot!(told(
            "%YAML 1.2\n---\nname: a # é\nnodes:\n  fit: { type: train, lr: \"${params.x}\", raw: ${params.y}, mix: {a: 1, 'b': [2, 3]} }
  prep:\n    train:\n    - type: flip\n      p: 0.5\n    -   type: crop\n    note: |\n      not: a key\n\n      more\n    size: 'it''s'\n    wide: [
      1, # one\n      { two: 2 },\n    ]\n    \"last\": &anchor x\n"
        ));
    }

    #[test]
    fn what_is_broken_harms_only_itself() {
        insta::assert_snapshot!(told(
            "nodes:\n  fit: { type: train, model: \n  net:\n    type: model\n    arc\n  dig: [a, b\n    name: 'open\n  last:\n    type\n   odd: 1\n"
        ));
    }

    #[test]
    fn the_shipped_pipelines_are_read_as_the_run_reads_them() {
        for file in ["pipelines/quickstart.yaml", "pipelines/fashion_mnist.yaml"] {
            let text = std::fs::read_to_string(file).unwrap();
            let source = Source::new(file, text.as_str());
            let (value, _) = source.parse().unwrap();
            for token in &Outline::of(&text).0 {
                let place = match token.part {
                    Part::Key => Place::Key(token.path.clone()),
                    Part::Value => Place::Value(token.path.clone()),
                };
                assert_eq!(source.locate(&place), token.range, "{file}: {}", token.path);
            }
            let outline = Outline::of(&text).document();
            for (name, node) in value["nodes"].as_object().unwrap() {
                let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                assert_eq!(keys(&outline["nodes"][name]), keys(node));
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(a|b:|: |- |\\{|\\}|\\[|\\]|,|'|\"|#| |\n|\r\n|  |\\$\\{|é|🦀|\\||&x |\u{e000}|-){0,40}") {
            let outline = Outline::of(&text);
            for token in &outline.0 {
                prop_assert!(text.get(token.range.clone()).is_some());
            }
            outline.document();
        }
    }
}
