//! Paths as people type them: `nodes.fit.epochs`, `params.scales[0]`.

use std::ops::Range;

use super::problem::{DocPath, Segment};

/// A typed path, and which bytes of the text each of its steps has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dotted {
    /// Its steps.
    pub path: DocPath,
    /// The bytes of each step: of a key its name, of an item its brackets too.
    pub spans: Vec<Range<usize>>,
}

/// Reads a path.
///
/// # Errors
/// The byte from which on it is none.
pub(super) fn parse(text: &str) -> Result<Dotted, usize> {
    let (mut path, mut spans, mut at) = (DocPath::default(), Vec::new(), 0);
    loop {
        let key = text[at..].find(['.', '[', ']']).unwrap_or(text.len() - at);
        if key == 0 || text[at..at + key].contains(char::is_whitespace) {
            return Err(at);
        }
        path.0.push(Segment::from(&text[at..at + key]));
        spans.push(at..at + key);
        at += key;
        while text[at..].starts_with('[') {
            let end = text[at..].find(']').ok_or(at)?;
            path.0.push(Segment::Item(text[at + 1..at + end].parse().map_err(|_| at)?));
            spans.push(at..at + end + 1);
            at += end + 1;
        }
        match text[at..].bytes().next() {
            None => return Ok(Dotted { path, spans }),
            Some(b'.') => at += 1,
            Some(_) => return Err(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_items_have_their_bytes() {
        let Dotted { path, spans } = parse("nodes.prep.train[2][0].p").unwrap();
        assert_eq!(path.to_string(), "nodes.prep.train[2][0].p");
        let words: Vec<_> = spans.into_iter().map(|span| &"nodes.prep.train[2][0].p"[span]).collect();
        assert_eq!(words, ["nodes", "prep", "train", "[2]", "[0]", "p"]);
    }

    #[test]
    fn what_is_no_path_is_told_by_its_byte() {
        for (text, at) in
            [("", 0), ("a..b", 2), ("a.", 2), ("a[x]", 1), ("a[1", 1), ("a[0]b", 4), ("a b", 0), ("a]", 1)]
        {
            assert_eq!(parse(text), Err(at), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-zé.\\[\\]0-9 ]{0,12}") {
            match parse(&text) {
                Ok(Dotted { path, spans }) => prop_assert_eq!(path.0.len(), spans.len()),
                Err(at) => prop_assert!(at <= text.len()),
            }
        }
    }
}
