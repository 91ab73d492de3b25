//! Class names as Python writes them: `{0: 'cat', 1: "dog's"}` or `['cat', "dog's"]`.

use std::{iter::Peekable, str::Chars};

/// The names in a dictionary by class, or in a list; none if the text is neither.
pub(super) fn names(text: &str) -> Option<Vec<String>> {
    let mut reader = Reader(text.trim().chars().peekable());
    let names = match reader.0.next()? {
        '{' => reader.entries('}', Reader::pair)?,
        '[' => reader.entries(']', Reader::text)?.into_iter().enumerate().collect(),
        _ => return None,
    };
    reader.0.next().is_none().then(|| in_order(names))?
}

/// The names by class, if there is one for each and no other.
pub(super) fn in_order(mut names: Vec<(usize, String)>) -> Option<Vec<String>> {
    names.sort();
    let whole = names.iter().map(|(class, _)| *class).eq(0..names.len());
    whole.then(|| names.into_iter().map(|(_, name)| name).collect())
}

/// What is still to be read.
struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while self.0.next_if(|char| char.is_whitespace()).is_some() {}
    }

    /// What stands between commas, up to this bracket.
    fn entries<T>(&mut self, end: char, entry: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut entries = Vec::new();
        loop {
            self.skip_blanks();
            if self.0.next_if_eq(&end).is_some() {
                return Some(entries);
            }
            entries.push(entry(self)?);
            self.skip_blanks();
            if self.0.next_if_eq(&',').is_none() && self.0.peek() != Some(&end) {
                return None;
            }
        }
    }

    /// `0: 'cat'`
    fn pair(&mut self) -> Option<(usize, String)> {
        let mut digits = String::new();
        while let Some(digit) = self.0.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        self.skip_blanks();
        self.0.next_if_eq(&':')?;
        self.skip_blanks();
        Some((digits.parse().ok()?, self.text()?))
    }

    /// A text in quotes of either kind.
    fn text(&mut self) -> Option<String> {
        let quote = self.0.next_if(|char| ['\'', '"'].contains(char))?;
        let mut text = String::new();
        loop {
            match self.0.next()? {
                char if char == quote => return Some(text),
                '\\' => text.push(self.escaped()?),
                char => text.push(char),
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Option<char> {
        match self.0.next()? {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'x' => self.code(2),
            'u' => self.code(4),
            'U' => self.code(8),
            char @ ('\\' | '\'' | '"') => Some(char),
            _ => None,
        }
    }

    /// The character of so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let digits: String = (0..digits).map_while(|_| self.0.next()).collect();
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_python_writes_them() {
        let read = |text: &str| names(text).map(|names| names.join("|"));
        assert_eq!(read("{0: 'a', 1: \"it's\", }").unwrap(), "a|it's");
        assert_eq!(read("{1:'b',0:'a'}").unwrap(), "a|b");
        assert_eq!(read(r"['\'\\', '\x41\u00e4\U0001f600', 'a\nb']").unwrap(), "'\\|A\u{e4}\u{1f600}|a\nb");
        assert_eq!(names("{}").unwrap(), [] as [String; 0]);
    }

    #[test]
    fn what_is_no_list_of_names_is_none() {
        for text in [
            "",
            "{",
            "{0: 'a'",
            "{0: 'a' 1: 'b'}",
            "{1: 'a'}",
            "{0: 'a', 0: 'b'}",
            "{0: a}",
            "['a'] x",
            "[1]",
            "'a'",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
        for text in [r"['\x4']", r"['\ud800']", r"['\q']", "['"] {
            assert_eq!(names(text), None, "{text}");
        }
    }
}
