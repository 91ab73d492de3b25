//! Names that differ, though a person takes them for the same.

use std::{borrow::Cow, collections::BTreeMap};

use icu_normalizer::ComposingNormalizerBorrowed;

/// What [`difference`] says of names that differ in capitals.
pub(crate) const CASE: &str = "in upper and lower case";

/// In what two different names differ, if not in what a person reads: `in upper and lower case`.
pub(crate) fn difference(a: &str, b: &str) -> Option<&'static str> {
    let (a, b) = (composed(a), composed(b));
    if a == b {
        Some("in the Unicode form of their letters")
    } else if a.to_lowercase() == b.to_lowercase() {
        Some(CASE)
    } else if bare(&a) == bare(&b) {
        Some("in blanks or characters that are not seen")
    } else {
        (folded(&a) == folded(&b)).then_some("in case and blanks")
    }
}

/// Those of `names` that a person takes for the same, each group in order.
pub(crate) fn groups<S: AsRef<str>>(names: &[S]) -> Vec<Vec<&str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names.iter().map(AsRef::as_ref) {
        groups.entry(folded(name)).or_default().push(name);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// What a person reads: composed letters in lower case, single blanks, and nothing that is not seen.
pub(crate) fn folded(name: &str) -> String {
    composed(&bare(&composed(name)).to_lowercase()).into_owned()
}

fn composed(name: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(name)
}

fn bare(name: &str) -> String {
    let words: Vec<String> = name
        .split_whitespace()
        .map(|word| word.chars().filter(|char| !crate::shown::is_hidden(*char)).collect())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_takes_for_the_same_is_told() {
        let cases = [
            ("caf\u{e9}", "cafe\u{301}", Some("in the Unicode form of their letters")),
            ("Cat", "cat", Some("in upper and lower case")),
            ("cat", "cat ", Some("in blanks or characters that are not seen")),
            ("a b", "a\u{a0}b", Some("in blanks or characters that are not seen")),
            ("cat", "\u{feff}cat", Some("in blanks or characters that are not seen")),
            ("Cat ", "cat", Some("in case and blanks")),
            ("cat", "cut", None),
        ];
        for (a, b, expected) in cases {
            assert_eq!(difference(a, b), expected, "{a:?} {b:?}");
            assert_eq!(difference(b, a), expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn groups_are_found() {
        assert_eq!(groups(&["Cat", "cat", "dog"]), [["Cat", "cat"]]);
    }
}
