//! Names from outside as a person may see them: one line, and no character that acts on the terminal.

use std::{borrow::Cow, path::Path};

/// A text on one line, with every character escaped that can't be seen or that acts on what shows it: control
/// characters (`\n`, `\u{1b}`), marks of writing direction, blanks without width, and blanks that are not the
/// space.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) {
        Cow::Owned(text.chars().map(escaped).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A value on one line, escaped as [`text`] does; of a digest, its first 12 digits.
pub fn fact(value: &str) -> String {
    let is_digest = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    text(if is_digest { &value[..12] } else { value }).into_owned()
}

/// A path on one line, escaped as [`text`] does; bytes that are not UTF-8 become `\xff`.
pub fn path(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown.push_str(&text(chunk.valid()));
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}

/// `1 node`, `2 nodes`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Whether whoever reads the terminal takes colours: `NO_COLOR` is not set, or empty.
pub fn takes_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The first three of `names`, escaped, and how many more there are: `a, b, c and 4 more`.
pub fn few<S: AsRef<str>>(names: &[S]) -> String {
    let named: Vec<_> = names.iter().take(3).map(|name| text(name.as_ref())).collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The first character of a text that is not what it looks like, with its name: `a no-break space (U+00A0)`.
pub fn odd(text: &str) -> Option<String> {
    let name = |char| match char {
        '\t' => Some("a tab"),
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some("an end of line"),
        '\u{a0}' | '\u{202f}' => Some("a no-break space"),
        '\u{3000}' => Some("a wide space"),
        '\u{feff}' => Some("a byte-order mark"),
        '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}' | '«' | '»' => Some("a typographic quote"),
        char if is_blank(char) => Some("an unusual space"),
        char if char.is_control() => Some("a control character"),
        char if is_hidden(char) => Some("an invisible character"),
        _ => None,
    };
    text.chars().find_map(|char| Some(format!("{} (U+{:04X})", name(char)?, u32::from(char))))
}

/// Whether a character looks like the space and is another one.
fn is_blank(char: char) -> bool {
    matches!(char, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

/// Several lines, each escaped as [`text`] does; all but the first begin with `margin`, so that none is taken for a
/// line of its own.
pub fn lines(text: &str, margin: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(self::text).collect();
    lines.join(&format!("\n{margin}"))
}

/// Whether a character is not seen, or does something to the line that it stands in.
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || is_blank(char)
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(char, '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped(char: char) -> String {
    if is_hidden(char) { char.escape_default().to_string() } else { char.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_escaped() {
        assert_eq!(text("写真 (2).png"), "写真 (2).png");
        assert_eq!(text("a\nb\u{1b}[31mc\u{202e}d\u{9b}"), "a\\nb\\u{1b}[31mc\\u{202e}d\\u{9b}");
        assert_eq!(text("\u{feff}x"), "\\u{feff}x");
        assert_eq!(text("epochs\u{a0}"), "epochs\\u{a0}");
    }

    #[test]
    fn what_only_looks_like_something_else_has_a_name() {
        assert_eq!(odd("epochs"), None);
        assert_eq!(odd("epochs\u{a0}").unwrap(), "a no-break space (U+00A0)");
        assert_eq!(odd("a\u{200b}b").unwrap(), "an invisible character (U+200B)");
        assert_eq!(odd("\u{201c}a\u{201d}").unwrap(), "a typographic quote (U+201C)");
        assert_eq!(odd("写真 (2).png"), None);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_shown() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        assert_eq!(path(Path::new(OsStr::from_bytes(b"gr\xfcn/\x07a.png"))), "gr\\xfcn/\\u{7}a.png");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(lines("try a\n  Done b\r", "    "), "try a\n      Done b\\r");
    }

    #[test]
    fn three_are_named() {
        assert_eq!(few(&["a"]), "a");
        assert_eq!(few(&["a", "b", "c"]), "a, b, c");
        assert_eq!(few(&["a", "b\n", "c", "d", "e"]), "a, b\\n, c and 2 more");
    }
}
