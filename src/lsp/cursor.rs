//! Where in a document the cursor is, for what would be typed there.

use std::ops::Range;

use super::outline::{CURSOR, Outline, Part};
use crate::spec::DocPath;

/// The place of a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Of a key, the path of the mapping that it is in; of a value its own.
    pub path: DocPath,
    pub part: Part,
    /// The bytes of the token that the cursor is in; empty if there is none.
    pub typed: Range<usize>,
    /// What of it stands before the cursor.
    pub before: String,
}

impl Cursor {
    /// The cursor at a byte; none in a comment, and where nothing can stand.
    pub(super) fn at(text: &str, byte: usize) -> Option<Self> {
        let byte = text.floor_char_boundary(byte.min(text.len()));
        let marked = format!("{}{CURSOR}{}", &text[..byte], &text[byte..]);
        let outline = Outline::of(&marked);
        let token = outline.0.iter().find(|token| marked[token.range.clone()].contains(CURSOR))?;
        let path = if token.part == Part::Key { token.path.parent() } else { token.path.clone() };
        let typed = token.range.start..token.range.end - CURSOR.len_utf8();
        Some(Self { path, part: token.part, before: text[typed.start..byte].to_owned(), typed })
    }

    /// Whether the value follows its colon without a blank.
    pub(super) fn is_glued(&self, text: &str) -> bool {
        self.part == Part::Value && text[..self.typed.start].ends_with(':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the cursor `‸` is, and what it is in.
    fn told(text: &str) -> Option<String> {
        let at = text.find('‸').unwrap();
        let text = text.replace('‸', "");
        let Cursor { path, part, typed, before } = Cursor::at(&text, at)?;
        let part = if part == Part::Key { "key in" } else { "at" };
        Some(format!("{part} {path} `{}` before `{before}`", &text[typed]))
    }

    #[test]
    fn the_place_is_told_whatever_is_typed_already() {
        let cases = [
            ("nodes:\n  fit:\n    type: train\n    ‸\n", "at nodes.fit `` before ``"),
            ("nodes:\n  fit:\n    type: train\n    epo‸\n", "at nodes.fit `epo` before `epo`"),
            ("nodes:\n  fit:\n    ep‸ochs: 3\n", "key in nodes.fit `epochs` before `ep`"),
            ("nodes:\n  fit:\n    model: ‸\n", "at nodes.fit.model `` before ``"),
            ("nodes:\n  fit:\n    model:‸\n", "at nodes.fit.model `` before ``"),
            ("nodes:\n  fit: { type: train, model: ‸ }\n", "at nodes.fit.model `` before ``"),
            ("nodes:\n  fit: { type: train, model: ‸\n  net: 1\n", "at nodes.fit.model `` before ``"),
            ("nodes:\n  fit: { type: train, ‸ }\n", "at nodes.fit `` before ``"),
            ("nodes:\n  fit: { type: train, ep‸och }\n", "at nodes.fit `epoch` before `ep`"),
            ("nodes:\n  p:\n    train:\n      - ‸\n", "at nodes.p.train[0] `` before ``"),
            ("nodes:\n  p:\n    train:\n      - type: flip\n        ‸\n", "at nodes.p.train[0] `` before ``"),
            ("nodes:\n  fit:\n    lr: \"${par‸}\"\n", "at nodes.fit.lr `\"${par}\"` before `\"${par`"),
            ("nodes:\n  fit:\n    type: train\n  ‸\n", "at nodes `` before ``"),
            ("nodes:\n  fit:\n    type: train\n‸\n", "at  `` before ``"),
            ("nodes:\n  fit:\n    ‸\n  net: 1\n", "at nodes.fit `` before ``"),
            ("‸", "at  `` before ``"),
        ];
        for (text, place) in cases {
            assert_eq!(told(text).as_deref(), Some(place), "{text}");
        }
        assert_eq!(told("a: 1 # no‸te\n"), None);
        assert_eq!(told("# no‸te\n"), None);
    }
}
