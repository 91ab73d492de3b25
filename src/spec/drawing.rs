//! The lines that a problem is about, of one text or of several, as they may be drawn.

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

/// Parts of texts, one after the other, as if they were one.
#[derive(Debug)]
pub(super) struct Drawing<'a>(Vec<Part<'a>>);

/// A part of a text, from one line to another, with what can't be seen escaped.
#[derive(Debug)]
struct Part<'a> {
    /// Where it starts in the drawing.
    offset: usize,
    /// The lines, as drawn.
    text: String,
    /// How many lines of the file are before them.
    skipped: usize,
    /// Where the lines start in the source.
    start: usize,
    /// Characters that are drawn as more than they are: their end in the source, and how many bytes are more by
    /// then.
    longer: Vec<(usize, usize)>,
    /// The whole text, as it was read.
    source: &'a Source,
}

impl<'a> Drawing<'a> {
    /// The lines around these places of texts, those of the first text first, without texts of which there is
    /// nothing to be seen, or too much; none if no text is left.
    pub(super) fn new(places: &[(&'a Source, Range<usize>)]) -> Option<Self> {
        let mut texts: Vec<&Source> = Vec::new();
        for (source, _) in places {
            if texts.iter().all(|other| !std::ptr::eq(*other, *source)) {
                texts.push(source);
            }
        }
        let (mut parts, mut offset) = (Vec::new(), 0);
        for source in texts {
            let own = places.iter().filter(|(other, _)| std::ptr::eq(*other, source));
            if let Some(part) = Part::new(source, own.map(|(_, place)| place), offset) {
                offset += part.text.len() + 1;
                parts.push(part);
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// The bytes of the drawing that show a place of a text; none if that is not drawn.
    pub(super) fn range(&self, source: &Source, place: &Range<usize>) -> Option<Range<usize>> {
        let part = self.0.iter().find(|part| std::ptr::eq(part.source, source))?;
        Some(part.range(place))
    }
}

impl<'a> Part<'a> {
    fn new<'r>(
        source: &'a Source,
        places: impl Iterator<Item = &'r Range<usize>>,
        offset: usize,
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
        Some(Self { offset, text: drawn, skipped, start, longer, source })
    }

    fn range(&self, place: &Range<usize>) -> Range<usize> {
        let place = first_line(self.source.text(), place);
        self.offset + self.moved(place.start)..self.offset + self.moved(place.end)
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
        // What reaches from one text into another is in neither, so that they are drawn apart.
        let within =
            |part: &&Part<'_>| part.offset <= span.offset() && span.offset() <= part.offset + part.text.len();
        let part = self.0.iter().find(within).ok_or(MietteError::OutOfBounds)?;
        let own = SourceSpan::from((span.offset() - part.offset, span.len()));
        let read = part.text.read_span(&own, before, after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            part.source.name().to_owned(),
            read.data(),
            SourceSpan::from((read.span().offset() + part.offset, read.span().len())),
            read.line() + part.skipped,
            read.column(),
            read.line_count() + part.skipped,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(source: &Source, place: Range<usize>) -> Option<(String, usize, String)> {
        let drawing = Drawing::new(&[(source, place.clone())])?;
        let (range, part) = (drawing.range(source, &place)?, &drawing.0[0]);
        Some((part.text.clone(), part.skipped, part.text[range].to_owned()))
    }

    #[test]
    fn the_lines_beside_a_place_are_drawn() {
        let source = Source::new("a", "1\n22\n333\n4444\n5\n");
        assert_eq!(drawing(&source, 5..8).unwrap(), ("22\n333\n4444".into(), 1, "333".into()));
        assert_eq!(drawing(&source, 0..1).unwrap(), ("1\n22".into(), 0, "1".into()));
    }

    #[test]
    fn texts_are_drawn_apart() {
        let (one, other) = (Source::new("one", "1\n22\n"), Source::new("other", "a\nbb\n"));
        let places = [(&one, 2..4), (&other, 2..4), (&one, 0..1)];
        let drawing = Drawing::new(&places).unwrap();
        let ranges = places.each_ref().map(|(source, place)| drawing.range(source, place).unwrap());
        let read = |range: Range<usize>| {
            let read = drawing.read_span(&range.into(), 0, 0).unwrap();
            (read.name().unwrap().to_owned(), read.line(), String::from_utf8_lossy(read.data()).into_owned())
        };
        assert_eq!(read(ranges[0].clone()), ("one".into(), 1, "22".into()));
        assert_eq!(read(ranges[1].clone()), ("other".into(), 1, "bb".into()));
        assert!(drawing.read_span(&(ranges[0].start..ranges[1].end).into(), 0, 0).is_err());
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
