//! The lines of a text that a problem is about, as they may be drawn.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::source::Source;
use crate::shown;

/// The longest line that is drawn, in bytes.
const LONGEST_LINE: usize = 2_000;
/// The most lines that one place is drawn with; of a longer one, its first line stands for it.
const MAX_LINES: usize = 12;
/// The most bytes that lie between the places of one problem.
const MAX_BYTES: usize = 200_000;

/// A part of a text, from one line to another, with what can't be seen escaped.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    name: &'a str,
    /// The lines, as drawn.
    text: String,
    /// How many lines of the file are before them.
    skipped: usize,
    /// Where the lines start in the source.
    start: usize,
    /// Characters that are drawn as more than they are: their end in the source, and how many bytes are more by
    /// then.
    longer: Vec<(usize, usize)>,
    /// The whole text of the file, as it was read.
    source: &'a str,
}

impl<'a> Drawing<'a> {
    /// The lines around these places; none if there is nothing to be seen, or too much.
    pub(super) fn new<'r>(
        source: &'a Source,
        places: impl Iterator<Item = &'r Range<usize>>,
    ) -> Option<Self> {
        let text = source.text();
        let (first, last) = places.fold((text.len(), 0), |(first, last), place| {
            (first.min(place.start), last.max(first_line(text, place).end))
        });
        let start = line_start(text, line_start(text, first).saturating_sub(1));
        let end = line_end(text, (line_end(text, last) + 1).min(text.len()));
        let lines = &text[start..end];
        let is_long = |line: &str| line.len() > LONGEST_LINE;
        if lines.trim().is_empty() || lines.len() > MAX_BYTES || lines.split('\n').any(is_long) {
            return None;
        }
        let (drawn, longer) = draw(lines);
        let skipped = text[..start].bytes().filter(|byte| *byte == b'\n').count();
        Some(Self { name: source.name(), text: drawn, skipped, start, longer, source: text })
    }

    /// The bytes of the drawing that show a place of the source.
    pub(super) fn range(&self, place: &Range<usize>) -> Range<usize> {
        let place = first_line(self.source, place);
        self.moved(place.start)..self.moved(place.end)
    }

    fn moved(&self, byte: usize) -> usize {
        let byte = byte.saturating_sub(self.start);
        let passed = self.longer.partition_point(|(end, _)| *end <= byte);
        let more = passed.checked_sub(1).map_or(0, |last| self.longer[last].1);
        (byte + more).min(self.text.len())
    }
}

/// The place itself, or its first line if it has many.
fn first_line(text: &str, place: &Range<usize>) -> Range<usize> {
    match text[place.clone()].lines().nth(MAX_LINES) {
        Some(_) => place.start..line_end(text, place.start),
        None => place.clone(),
    }
}

fn line_start(text: &str, byte: usize) -> usize {
    let byte = text.floor_char_boundary(byte);
    text[..byte].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, byte: usize) -> usize {
    let byte = text.floor_char_boundary(byte);
    text[byte..].find('\n').map_or(text.len(), |newline| byte + newline)
}

/// Lines with what can't be seen escaped, and where that made them longer.
fn draw(lines: &str) -> (String, Vec<(usize, usize)>) {
    // A carriage return that ends no line would go back over what is drawn.
    let is_end = |at: usize| lines[at..].starts_with("\r\n");
    let is_seen = |at, char| !shown::is_hidden(char) || matches!(char, '\n' | '\t') || is_end(at);
    let (mut drawn, mut longer) = (String::with_capacity(lines.len()), Vec::new());
    for (at, char) in lines.char_indices() {
        if is_seen(at, char) {
            drawn.push(char);
            continue;
        }
        drawn.extend(char.escape_default());
        let end = at + char.len_utf8();
        longer.push((end, drawn.len() - end));
    }
    (drawn, longer)
}

impl SourceCode for Drawing<'_> {
    fn read_span<'b>(
        &'b self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'b> + 'b>, MietteError> {
        let part = self.text.read_span(span, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_owned(),
            part.data(),
            *part.span(),
            part.line() + self.skipped,
            part.column(),
            part.line_count() + self.skipped,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(source: &Source, place: Range<usize>) -> Option<(String, usize, String)> {
        let drawing = Drawing::new(source, std::iter::once(&place))?;
        let range = drawing.range(&place);
        Some((drawing.text.clone(), drawing.skipped, drawing.text[range].to_owned()))
    }

    #[test]
    fn the_lines_beside_a_place_are_drawn() {
        let source = Source::new("a", "1\n22\n333\n4444\n5\n");
        assert_eq!(drawing(&source, 5..8).unwrap(), ("22\n333\n4444".into(), 1, "333".into()));
        assert_eq!(drawing(&source, 0..1).unwrap(), ("1\n22".into(), 0, "1".into()));
    }

    #[test]
    fn what_is_not_seen_is_drawn_and_places_stay_right() {
        let source = Source::new("a", "a\u{a0}b\u{1b}[31m: x\n");
        let (text, _, place) = drawing(&source, 11..12).unwrap();
        assert_eq!(text, "a\\u{a0}b\\u{1b}[31m: x\n");
        assert_eq!(place, "x");
        assert_eq!(drawing(&source, 1..3).unwrap().2, "\\u{a0}");
        let source = Source::new("a", "a\r\nb\rc\r\n");
        assert_eq!(drawing(&source, 5..6).unwrap(), ("a\r\nb\\rc\r\n".into(), 0, "c".into()));
    }

    #[test]
    fn long_places_are_cut_and_long_lines_left_out() {
        let many = Source::new("a", "- a\n".repeat(1_000));
        assert_eq!(drawing(&many, 4..4_000).unwrap(), ("- a\n- a\n- a".into(), 0, "- a".into()));
        let long = Source::new("a", format!("x\n{}", "y".repeat(10_000)));
        assert_eq!(drawing(&long, 0..1), None);
        assert_eq!(drawing(&Source::new("a", " \n"), 0..0), None);
    }
}
