//! What bytes are, whatever they are called and wherever they lie.

use std::{
    fmt,
    io::{self, Read as _, Write as _},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::files;

/// A BLAKE3 hash: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// How many bytes are read at a time: small files whole, which is fastest.
const PIECE: u64 = 1 << 18;

impl Digest {
    /// The digest of `bytes`.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of the content of the regular file at `path`, and how many bytes it has.
    ///
    /// # Errors
    /// When it is no regular file, or can't be read.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        Self::of_file_unless(path, &|| false)
    }

    /// As [`Digest::of_file`], but given up soon after `stopped` says so.
    ///
    /// # Errors
    /// When the file is no regular file or can't be read; of kind interrupted when stopped.
    pub fn of_file_unless(path: &Path, stopped: &(dyn Fn() -> bool + Sync)) -> io::Result<(Self, u64)> {
        let (mut file, metadata) = files::opened(path)?;
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::with_capacity(metadata.len().min(PIECE) as usize + 1);
        while !stopped() {
            piece.clear();
            (&mut file).take(PIECE).read_to_end(&mut piece)?;
            hasher.update(&piece);
            if (piece.len() as u64) < PIECE {
                return Ok((Self(*hasher.finalize().as_bytes()), hasher.count()));
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// The digest of named contents, in the order given, apart from all other digests by `domain`.
    ///
    /// Every name is written with its length, so that no two lists give the same bytes.
    pub fn of_named<'n>(domain: &str, entries: impl IntoIterator<Item = (&'n str, Digest)>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(domain);
        // Many at once are hashed several times as fast as one after the other.
        let mut bytes = Vec::new();
        for (name, digest) in entries {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(digest.0);
            if bytes.len() >= PIECE as usize {
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        Self(*hasher.update(&bytes).finalize().as_bytes())
    }

    /// The digest of one text, apart from all other digests by `domain`.
    pub fn of_text(domain: &str, text: &str) -> Self {
        Self(*blake3::Hasher::new_derive_key(domain).update(text.as_bytes()).finalize().as_bytes())
    }

    /// The digest of a value as JSON without blanks, apart from all other digests by `domain`. The JSON as a
    /// whole is never in memory.
    pub fn of_json(domain: &str, value: &impl Serialize) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(domain);
        let mut writer = io::BufWriter::new(&mut hasher);
        let written = serde_json::to_writer(&mut writer, value).map_err(io::Error::from);
        written
            .and_then(|()| writer.flush())
            .expect("a hasher takes everything, and the value has string keys");
        drop(writer);
        Self(*hasher.finalize().as_bytes())
    }

    /// The digest as its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 of the 64 digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: 64 hexadecimal digits in lower case are wanted")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        // As it is written, and in no other way: digests are names of files.
        let digest =
            blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| NotADigest)?;
        if digest.to_string() == text { Ok(digest) } else { Err(NotADigest) }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_blake3() {
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(Digest::of_bytes(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Digest::of_bytes(b"")));
        assert_eq!("af13".parse::<Digest>(), Err(NotADigest));
        assert_eq!(empty.to_uppercase().parse::<Digest>(), Err(NotADigest));
    }

    #[test]
    fn small_and_large_files_are_hashed_alike() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, PIECE as usize, PIECE as usize + 1] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let path = dir.path().join(len.to_string());
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Digest::of_file(&path).unwrap(), (Digest::of_bytes(&bytes), len as u64));
        }
    }

    #[test]
    fn names_do_not_run_into_each_other() {
        let content = Digest::of_bytes(b"x");
        let of = |names: &[&'static str]| Digest::of_named("test", names.iter().map(|name| (*name, content)));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        // A name may look like the end of another one, its digest, and a length.
        let (digest, length) = (Digest::from([b'x'; 32]), "\0".repeat(8));
        let long = format!("a{}{length}b", "x".repeat(32));
        assert_ne!(
            Digest::of_named("test", [("a", digest), ("b", digest)]),
            Digest::of_named("test", [(long.as_str(), digest)])
        );
        assert_ne!(Digest::of_text("one", "x"), Digest::of_text("two", "x"));
    }
}
