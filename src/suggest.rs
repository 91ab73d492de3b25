//! What was probably meant: the closest of the words that would have been right.

/// The closest of `candidates` to `word`, if one is close enough to be what was meant.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_close(word, candidates).into_iter().next()
}

/// Those of `candidates` that are close to `word`, the closest first; ties keep their order.
///
/// Close means a Damerau-Levenshtein distance of at most a third of the word's length, or 1;
/// capitals and the difference between `-` and `_` don't count. What says the opposite is never close, however
/// few letters it has more or less: `unfreeze` is not `freeze`, and `best.pt` not `last.pt`.
pub fn all_close<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = fold(word);
    let limit = (word.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .filter(|(_, candidate)| !are_opposite(&word, &fold(candidate)))
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close.into_iter().map(|(_, candidate)| candidate).collect()
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

/// `a`, `b` and `c`, each in backquotes; `none` where there is nothing to name.
pub fn list<S: AsRef<str>>(words: &[S], conjunction: &str, none: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        None => none.to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
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
    fn lists_read_as_prose() {
        assert_eq!(list(&["a", "b", "c"], "or", "none"), "`a`, `b` or `c`");
        assert_eq!(list(&["a"], "or", "none"), "`a`");
        assert_eq!(list::<&str>(&[], "or", "none"), "none");
    }
}
