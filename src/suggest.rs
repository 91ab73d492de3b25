//! What was probably meant: the closest of the words that would have been right.

/// The closest of `candidates` to `word`, if one is close enough to be what was meant.
pub(crate) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_close(word, candidates).into_iter().next()
}

/// The closest of `candidates` to `word`, if it is close enough and no other is as close.
pub(crate) fn only<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut ranked = ranked(word, candidates).into_iter();
    let (distance, closest) = ranked.next()?;
    let rival = ranked.take_while(|(other, _)| *other == distance).any(|(_, other)| other != closest);
    (!rival).then_some(closest)
}

/// The longest word that anything is close to, in characters.
const MAX_WORD: usize = 64;
/// The most candidates that are looked at.
const MAX_CANDIDATES: usize = 2_000;

/// Those of `candidates` that are close to `word`, the closest first; ties keep their order.
///
/// Close means a Damerau-Levenshtein distance of at most a third of the word's length, or 1;
/// capitals, the difference between `-` and `_`, and characters that are not seen don't count. What says the
/// opposite is never close, however few letters it has more or less: `unfreeze` is not `freeze`, and `best.pt` not
/// `last.pt`. Nothing is close to a word of more than 64 characters, and only the first 2,000 candidates are looked
/// at.
pub(crate) fn all_close<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    ranked(word, candidates).into_iter().map(|(_, candidate)| candidate).collect()
}

/// As [`all_close`], each with how far it is.
fn ranked<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    if word.len() > 4 * MAX_WORD || word.chars().count() > MAX_WORD {
        return Vec::new();
    }
    let word = fold(word);
    let limit = (word.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter_map(|candidate| Some((distance(&word, candidate, limit)?, candidate)))
        .filter(|(_, candidate)| !are_opposite(&word, &fold(candidate)))
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close
}

/// Words of which one is close to the other, but asks for something else.
const OPPOSITES: [(&str, &str); 16] = [
    ("best", "last"),
    ("first", "last"),
    ("best", "worst"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("minimize", "maximize"),
    ("minimise", "maximise"),
    ("lower", "upper"),
    ("on", "off"),
    ("up", "down"),
    ("include", "exclude"),
    ("inclusive", "exclusive"),
    ("encode", "decode"),
    ("increase", "decrease"),
    ("import", "export"),
    ("train", "test"),
];
/// What a word is denied with.
const DENIALS: [&str; 9] = ["un", "non", "no", "not", "dis", "de", "anti", "without", "skip"];

/// Whether a part of one says the opposite of the same part of the other, and the rest is the same.
fn are_opposite(one: &str, other: &str) -> bool {
    let parts = |word: &str| -> Vec<String> {
        word.split(|char: char| !char.is_alphanumeric())
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (ones, others) = (parts(one), parts(other));
    let mut differing = ones.iter().zip(&others).filter(|(one, other)| one != other);
    let same_length = ones.len() == others.len();
    let opposite =
        same_length && differing.clone().count() > 0 && differing.all(|(one, other)| are_pair(one, other));
    opposite || denies(&ones.concat(), &others.concat()) || denies(&others.concat(), &ones.concat())
}

fn are_pair(one: &str, other: &str) -> bool {
    OPPOSITES.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

/// Whether `one` is `other` with a denial before it.
fn denies(one: &str, other: &str) -> bool {
    one.strip_suffix(other).is_some_and(|denial| DENIALS.contains(&denial))
}

/// How far a candidate is from a folded word, if it is no further than `limit` and not as far as it is long.
fn distance(word: &str, candidate: &str, limit: usize) -> Option<usize> {
    if candidate.len() > 4 * (MAX_WORD + limit) {
        return None;
    }
    let candidate = fold(candidate);
    let (length, other) = (word.chars().count(), candidate.chars().count());
    // That many letters must come or go, at least.
    if length.abs_diff(other) > limit {
        return None;
    }
    let distance = strsim::damerau_levenshtein(word, &candidate);
    (distance <= limit && distance < other).then_some(distance)
}

/// Up to ten words as [`list`] has them, and how many more there are.
pub(crate) fn short_list<S: AsRef<str>>(words: &[S], conjunction: &str, none: &str) -> String {
    match words.len().checked_sub(10) {
        Some(more @ 1..) => {
            let named: Vec<String> = words[..10].iter().map(|word| format!("`{}`", word.as_ref())).collect();
            format!("{} and {more} more", named.join(", "))
        }
        _ => list(words, conjunction, none),
    }
}

/// `a`, `b` and `c`, each in backquotes; `none` where there is nothing to name.
pub(crate) fn list<S: AsRef<str>>(words: &[S], conjunction: &str, none: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    if quoted.is_empty() { none.to_owned() } else { joined(&quoted, conjunction) }
}

/// `a, b and c`.
pub(crate) fn joined<S: AsRef<str>>(words: &[S], conjunction: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, rest @ [_, ..])) => format!("{} {conjunction} {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn fold(word: &str) -> String {
    let seen = word.trim().chars().filter(|char| !crate::shown::is_hidden(*char));
    seen.flat_map(char::to_lowercase).map(|char| if char == '-' { '_' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_are_one_step() {
        assert_eq!(closest("trian", ["val", "train"]), Some("train"));
        assert_eq!(closest("paddign", ["fill", "padding"]), Some("padding"));
    }

    #[test]
    fn capitals_and_dashes_do_not_count() {
        assert_eq!(closest("Batch-Size", ["batch_size"]), Some("batch_size"));
    }

    #[test]
    fn far_words_are_not_offered() {
        assert_eq!(closest("learning_rate", ["epochs", "batch"]), None);
        assert_eq!(closest("x", ["p"]), None, "a word of one letter shares nothing with another");
    }

    #[test]
    fn the_closest_comes_first() {
        assert_eq!(all_close("digit", ["digitss", "digits"]), ["digits"]);
        assert_eq!(all_close("model", ["modle", "modal", "model2"]), ["modle", "modal", "model2"]);
    }

    #[test]
    fn of_two_that_are_as_close_neither_is_the_only_one() {
        assert_eq!(only("digit", ["digitss", "digits", "digits"]), Some("digits"));
        assert_eq!(only("net3", ["net1", "net2"]), None);
        assert_eq!(only("far", ["away"]), None);
    }

    #[test]
    fn opposites_are_never_offered() {
        for (word, opposite) in [
            ("unfreeze", "freeze"),
            ("freeze", "unfreeze"),
            ("no_nesterov", "nesterov"),
            ("best.pt", "last.pt"),
            ("minimize", "maximize"),
            ("on", "off"),
            ("lr_min", "lr_max"),
            ("runs/best-model.pt", "runs/last-model.pt"),
        ] {
            assert_eq!(closest(word, [opposite]), None, "{word}");
        }
        // A slip in a word is no opposite, and neither is another word beside it.
        assert_eq!(closest("lr_mim", ["lr_min"]), Some("lr_min"));
        assert_eq!(closest("bst.pt", ["best.pt"]), Some("best.pt"));
        assert_eq!(closest("node", ["mode"]), Some("mode"));
    }

    #[test]
    fn what_is_not_seen_does_not_count() {
        assert_eq!(closest("epochs\u{a0}", ["epochs", "epoch"]), Some("epochs"));
        assert_eq!(closest("\u{feff}version", ["version"]), Some("version"));
    }

    #[test]
    fn long_words_and_many_candidates_cost_little() {
        let long = "x".repeat(1 << 20);
        assert_eq!(closest(&long, std::iter::repeat_n(long.as_str(), 100_000)), None);
        assert_eq!(closest("digits", std::iter::repeat_n(long.as_str(), 100_000)), None);
        let mut looked = 0;
        let many = std::iter::repeat_with(|| {
            looked += 1;
            "digitz"
        });
        assert_eq!(closest("digits", many), Some("digitz"), "candidates without an end have one");
        assert_eq!(looked, MAX_CANDIDATES);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(list(&["a", "b", "c"], "or", "none"), "`a`, `b` or `c`");
        assert_eq!(list(&["a"], "or", "none"), "`a`");
        assert_eq!(list::<&str>(&[], "or", "none"), "none");
        let many: Vec<String> = (0..13).map(|i| i.to_string()).collect();
        assert!(short_list(&many, "and", "none").ends_with("`9` and 3 more"));
        assert_eq!(short_list(&many[..10], "and", "none"), list(&many[..10], "and", "none"));
    }
}
