//! The bytes of a pickle, read from front to back, and the text forms of its values.

use super::item::Item;

/// A fault in the pickle, told without its place.
pub(super) type Malformed = &'static str;

/// Longest module or class name, in bytes.
const MAX_NAME: usize = 512;

/// How many bytes say how long a value is.
#[derive(Clone, Copy)]
pub(super) enum Width {
    /// The length is 1 byte.
    One,
    /// The length is 4 bytes, little-endian.
    Four,
    /// The length is 8 bytes, little-endian.
    Eight,
}

/// There is less than should be.
pub(super) const TRUNCATED: Malformed = "it breaks off";

/// A place in the bytes of a pickle.
#[derive(Default)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(TRUNCATED)?;
        self.at += count;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N).map(|bytes| bytes.try_into().expect("`take` gives what it is asked for"))
    }

    /// The next byte, which is read.
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// As many bytes as the number before them says.
    pub(super) fn sized(&mut self, width: Width) -> Result<&'a [u8], Malformed> {
        let length = match width {
            Width::One => u64::from(self.byte()?),
            Width::Four => u64::from(u32::from_le_bytes(self.array()?)),
            Width::Eight => u64::from_le_bytes(self.array()?),
        };
        self.take(usize::try_from(length).map_err(|_| TRUNCATED)?)
    }

    /// What stands before the end of the line, which is skipped.
    pub(super) fn raw_line(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n').ok_or(TRUNCATED)?;
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }

    /// The same, as text.
    pub(super) fn line(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.raw_line()?).map_err(|_| "text that is not UTF-8")
    }
}

/// Text that must be UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "text that is not UTF-8")
}

/// A module's or a class's name.
pub(super) fn name(text: &str) -> Result<String, Malformed> {
    if text.len() <= MAX_NAME { Ok(text.to_owned()) } else { Err("a class name that is too long") }
}

/// A whole number in digits.
pub(super) fn integer(text: &str) -> Result<Item, Malformed> {
    text.trim().parse().map(Item::Int).map_err(|_| "a malformed number")
}

/// Protocols 0 and 1 write booleans as the numbers `00` and `01`.
pub(super) fn integer_or_bool(text: &str) -> Result<Item, Malformed> {
    match text {
        "00" => Ok(Item::Bool(false)),
        "01" => Ok(Item::Bool(true)),
        _ => integer(text),
    }
}

/// Python 2's quoted text; of its escapes only those of the quotes and the backslash are undone.
pub(super) fn unquoted(line: &str) -> Result<String, Malformed> {
    let line = line.trim_end();
    let inner = ['\'', '"'].into_iter().find_map(|quote| line.strip_prefix(quote)?.strip_suffix(quote));
    let inner = inner.ok_or("text without quotes")?;
    Ok(inner.replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Python's `raw-unicode-escape`: bytes are characters up to U+00FF, `\uXXXX` and `\UXXXXXXXX` the
/// others.
pub(super) fn unescaped(line: &[u8]) -> Result<String, Malformed> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push(char::from(*first));
            rest = tail;
        } else {
            text.push(escaped(rest.get(2..2 + digits))?);
            rest = &rest[2 + digits..];
        }
    }
    Ok(text)
}

fn escaped(digits: Option<&[u8]>) -> Result<char, Malformed> {
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or("a malformed escape")?;
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_unescaped() {
        assert_eq!(unescaped(b"\xe9 \\u20ac \\U0001f600").unwrap(), "\u{e9} \u{20ac} \u{1f600}");
        assert!(unescaped(b"\\u20").is_err());
        assert_eq!(unquoted(r"'it\'s'").unwrap(), "it's");
        assert!(unquoted("'open").is_err());
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut reader = Reader::new(&[3, b'a', b'b']);
        assert_eq!(reader.sized(Width::One), Err(TRUNCATED));
        assert_eq!(reader.take(usize::MAX), Err(TRUNCATED));
        assert_eq!((reader.take(2), reader.byte()), (Ok(&b"ab"[..]), Err(TRUNCATED)));
    }
}
