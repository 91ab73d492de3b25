//! What a file from elsewhere is known by.

use std::{
    fmt::{self, Write as _},
    io::{self, BufWriter},
    path::Path,
    str::FromStr,
};

use sha2::Digest as _;

use crate::{
    error::{Error, Result},
    files,
};

/// A SHA-256, as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sha256(String);

impl Sha256 {
    /// Of the content of a file.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of(path: &Path) -> Result<Self> {
        let failed = |error| Error::io("read", path, error);
        let mut file = files::open(path).map_err(failed)?;
        // The hasher takes whole buffers faster than the small pieces that `copy` has.
        let mut hasher = BufWriter::with_capacity(1 << 16, sha2::Sha256::new());
        io::copy(&mut file, &mut hasher).map_err(failed)?;
        let hasher = hasher.into_inner().map_err(|error| failed(error.into_error()))?;
        let mut text = String::with_capacity(64);
        for byte in hasher.finalize() {
            write!(text, "{byte:02x}").expect("a string takes every text");
        }
        Ok(Self(text))
    }
}

impl FromStr for Sha256 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_lowercase()))
        } else {
            Err("a SHA-256 has 64 hexadecimal digits")
        }
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-4, the example of one block.
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert_eq!(Sha256::of(&path).unwrap(), abc.parse().unwrap());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "ba78", &"g".repeat(64), &"a".repeat(65)] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
