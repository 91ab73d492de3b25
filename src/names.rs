//! Names that come out of files and become paths.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

/// A name of a file below a folder that it can't leave: plain parts divided by `/`, such as `annotated/7/a.png`.
///
/// No part is empty, `.`, `..`, longer than 255 bytes, or has a control character, a `\` or a `:` (which divide
/// paths elsewhere). Whoever joins a name from a manifest, an archive or a list to a folder has it as this type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlainName(String);

/// Why a text is no [`PlainName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a plain relative name", crate::shown::text(.0))]
pub struct NotPlain(String);

impl PlainName {
    /// The name as text, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is a single plain part: the name of a file or folder.
    pub fn is_part(text: &str) -> bool {
        !matches!(text, "" | "." | "..") && text.len() <= 255 && !text.contains(is_bad)
    }
}

/// A text as a single plain part of at most `limit` bytes: characters that it can't have become `_`, and what is too
/// long is cut off.
pub(crate) fn plain_part(text: &str, limit: usize) -> String {
    let part = text[..text.floor_char_boundary(limit)].replace(is_bad, "_");
    if matches!(part.as_str(), "" | "." | "..") { "_".to_owned() } else { part }
}

fn is_bad(char: char) -> bool {
    char.is_control() || matches!(char, '/' | '\\' | ':')
}

impl TryFrom<String> for PlainName {
    type Error = NotPlain;

    fn try_from(text: String) -> Result<Self, NotPlain> {
        if text.split('/').all(Self::is_part) { Ok(Self(text)) } else { Err(NotPlain(text)) }
    }
}

impl std::str::FromStr for PlainName {
    type Err = NotPlain;

    fn from_str(text: &str) -> Result<Self, NotPlain> {
        text.to_owned().try_into()
    }
}

impl From<PlainName> for String {
    fn from(name: PlainName) -> Self {
        name.0
    }
}

impl fmt::Display for PlainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for PlainName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl AsRef<str> for PlainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for PlainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_relative_names_pass() {
        for good in ["a", "a/b.png", ".hidden", "..a", "写真/1", "a b"] {
            assert!(good.parse::<PlainName>().is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in
            ["", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/../b", "a\\b", "C:", "a\nb", "a\0", &long]
        {
            assert!(bad.parse::<PlainName>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<PlainName>("\"../a\"").is_err());
    }

    #[test]
    fn any_text_can_be_made_a_part() {
        for (text, part) in [
            ("写真 (2)", "写真 (2)"),
            ("12:30\n", "12_30_"),
            ("a\\b/c", "a_b_c"),
            ("..", "_"),
            ("", "_"),
            ("ääääää", "äääää"),
        ] {
            assert_eq!(plain_part(text, 11), part);
            assert!(PlainName::is_part(part));
        }
    }

    proptest! {
        #[test]
        fn a_plain_name_never_leaves_its_folder(text in "[./a\\\\:]{0,12}") {
            if let Ok(name) = text.parse::<PlainName>() {
                let parts: Vec<_> = Path::new(name.as_str()).components().collect();
                prop_assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert!(!parts.is_empty());
            }
        }
    }
}
