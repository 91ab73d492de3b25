//! How wide the terminal is, and text that fits it: lines are broken between words, never within one.

use std::io::{stderr, stdout};

use terminal_size::{Width, terminal_size_of};

/// The least width that anything is fitted to, in characters.
const LEAST: usize = 40;

/// The width of the terminal behind standard output; none if it is none: then nothing is broken or cut.
pub(crate) fn of_stdout() -> Option<usize> {
    terminal_size_of(stdout()).map(columns)
}

/// The width of the terminal behind standard error, as [`of_stdout`].
pub(crate) fn of_stderr() -> Option<usize> {
    terminal_size_of(stderr()).map(columns)
}

fn columns((Width(width), _): (Width, terminal_size::Height)) -> usize {
    usize::from(width).max(LEAST)
}

/// The text with each line that is too long broken; what comes after a break is indented by `indent` more.
pub(crate) fn folded(text: &str, width: Option<usize>, indent: usize) -> String {
    broken(text, width, |blanks| blanks + indent)
}

/// As [`folded`], what comes after a break in a column, or as far as the line is indented if that is more.
pub(crate) fn hung(text: &str, width: Option<usize>, column: usize) -> String {
    broken(text, width, |blanks| blanks.max(column))
}

fn broken(text: &str, width: Option<usize>, margin: impl Fn(usize) -> usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let fold = |line: &str| {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let blanks = text.len() - text.trim_start_matches(' ').len();
        let margin = " ".repeat(margin(blanks).min(width / 2));
        let options = textwrap::Options::new(width).subsequent_indent(&margin).break_words(false);
        let options = options
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        format!("{}{end}", textwrap::fill(text, options))
    };
    text.split_inclusive('\n').map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let text = "short\n  hit   digits  dataset  e2f1a6ce9d01  took 12 s and more than that\na-very-long/path/that-is-longer/than/all-of-the-line/and-stays-whole\n";
        let folded = folded(text, Some(40), 4);
        assert_eq!(
            folded,
            "short\n  hit   digits  dataset  e2f1a6ce9d01\n      took 12 s and more than that\na-very-long/path/that-is-longer/than/all-of-the-line/and-stays-whole\n"
        );
        assert_eq!(super::folded(text, None, 4), text, "what is piped is not broken");
    }
}
