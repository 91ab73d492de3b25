//! What was probably meant: the closest of the words that would have been right.

/// The closest of `candidates` to `word`, if one is close enough to be what was meant.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    all_close(word, candidates).into_iter().next()
}

/// Those of `candidates` that are close to `word`, the closest first; ties keep their order.
///
/// Close means a Damerau-Levenshtein distance of at most a third of the word's length, or 1;
/// capitals and the difference between `-` and `_` don't count.
pub fn all_close<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = fold(word);
    let limit = (word.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    close.into_iter().map(|(_, candidate)| candidate).collect()
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
    fn lists_read_as_prose() {
        assert_eq!(list(&["a", "b", "c"], "or", "none"), "`a`, `b` or `c`");
        assert_eq!(list(&["a"], "or", "none"), "`a`");
        assert_eq!(list::<&str>(&[], "or", "none"), "none");
    }
}
