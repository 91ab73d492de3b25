//! Bytes of a text to lines and columns as the protocol counts them, and back.

use std::ops::Range;

use gen_lsp_types::{Position, Range as LspRange};

/// A text by its lines, which end with `\n`, `\r\n` or `\r`. Columns are in units of UTF-16.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let ends =
            |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect();
        Self { text, starts }
    }

    /// The byte at a position; that of the line's end, if the line is not so long.
    pub(super) fn byte(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return self.text.len() };
        let line = self.line(position.line as usize);
        let mut column = 0;
        for (at, char) in line.char_indices() {
            if column >= position.character as usize {
                return start + at;
            }
            column += char.len_utf16();
        }
        start + line.len()
    }

    /// The position of a byte.
    pub(super) fn position(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let line = self.starts.partition_point(|start| *start <= byte) - 1;
        let character = self.text[self.starts[line]..byte].encode_utf16().count();
        Position { line: line as u32, character: character as u32 }
    }

    /// The positions of a range of bytes.
    pub(super) fn range(&self, bytes: &Range<usize>) -> LspRange {
        LspRange { start: self.position(bytes.start), end: self.position(bytes.end) }
    }

    /// The bytes between two positions.
    pub(super) fn bytes(&self, range: LspRange) -> Range<usize> {
        let start = self.byte(range.start);
        start..self.byte(range.end).max(start)
    }

    /// A line without its end.
    fn line(&self, line: usize) -> &'a str {
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.text[self.starts[line]..end].trim_end_matches(['\r', '\n'])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn columns_are_units_of_utf16() {
        let lines = Lines::of("a: é # 🦀 x\r\nb: 1\rc");
        assert_eq!(lines.position("a: é # 🦀".len()), at(0, 9));
        assert_eq!(lines.byte(at(0, 9)), "a: é # 🦀".len());
        assert_eq!(lines.byte(at(0, 99)), "a: é # 🦀 x".len(), "no further than the line");
        let b = "a: é # 🦀 x\r\n".len();
        assert_eq!((lines.position(b), lines.byte(at(1, 0))), (at(1, 0), b));
        assert_eq!(lines.position(b + 5), at(2, 0), "an old Macintosh's end of a line");
        assert_eq!(lines.byte(at(9, 0)), b + 6);
    }

    proptest! {
        #[test]
        fn a_position_leads_back_to_its_byte(text in "(a|é|🦀|\n|\r\n| ){0,20}", byte in 0usize..60) {
            let byte = text.floor_char_boundary(byte.min(text.len()));
            let lines = Lines::of(&text);
            let between = text[..byte].ends_with('\r') && text[byte..].starts_with('\n');
            prop_assume!(!between);
            prop_assert_eq!(lines.byte(lines.position(byte)), byte);
        }
    }
}
