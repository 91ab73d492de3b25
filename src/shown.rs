//! Names from outside as a person may see them: one line, and no character that acts on the terminal.

use std::{borrow::Cow, path::Path};

/// A text on one line, with every character escaped that can't be seen or that acts on what shows it: control
/// characters (`\n`, `\u{1b}`), marks of writing direction, and blanks without width.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) {
        Cow::Owned(text.chars().map(escaped).collect())
    } else {
        Cow::Borrowed(text)
    }
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

/// The first three of `names`, escaped, and how many more there are: `a, b, c and 4 more`.
pub fn few<S: AsRef<str>>(names: &[S]) -> String {
    let named: Vec<_> = names.iter().take(3).map(|name| text(name.as_ref())).collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
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
