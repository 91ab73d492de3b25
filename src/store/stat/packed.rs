//! The packed file of digests: searched as it lies, since a run that changes nothing asks for each path once.

use std::cmp::Ordering;

use super::{FileStamp, Signature};
use crate::store::digest::Digest;

/// How a packed file begins; the number is raised when its layout changes.
const MAGIC: &[u8] = b"kiln stat index 1\n";

/// How many bytes an entry has behind its path: the five numbers of a signature, and a digest.
const STAMP: usize = 5 * 8 + 32;

/// What is known of files, by path: the bytes of a packed file that was found to be whole.
#[derive(Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// Where each entry begins, in the order of the paths. A packed file has less than 4 GiB.
    entries: Vec<u32>,
}

impl Packed {
    /// `None` if the bytes are damaged, of another version, or of another generation.
    pub(super) fn unpack(bytes: Vec<u8>, generation: &str) -> Option<Self> {
        let (body, checksum) = bytes.split_last_chunk::<32>()?;
        if Digest::of_bytes(body).as_bytes() != checksum {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        if unpack_text(&mut rest)? != generation {
            return None;
        }
        let (mut entries, mut before) = (Vec::new(), None);
        while !rest.is_empty() {
            entries.push(u32::try_from(body.len() - rest.len()).ok()?);
            let path = unpack_text(&mut rest)?;
            rest = rest.split_at_checked(STAMP)?.1;
            if before.replace(path).is_some_and(|before| before >= path) {
                return None;
            }
        }
        Some(Self { bytes, entries })
    }

    /// What is known of the file at `path`. It is looked for at `next` first, which is left behind what was found:
    /// paths that are asked for in order are found at once.
    pub(super) fn find(&self, path: &str, next: &mut usize) -> Option<FileStamp> {
        let compared = |entry: &u32| self.path(*entry).cmp(path.as_bytes());
        let at = match self.entries.get(*next).map(compared) {
            Some(Ordering::Equal) => *next,
            _ => self.entries.binary_search_by(compared).ok()?,
        };
        *next = at + 1;
        self.stamp(self.entries[at])
    }

    /// All paths in order, with what is known of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, FileStamp)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((std::str::from_utf8(self.path(*entry)).ok()?, self.stamp(*entry)?)))
    }

    /// How many paths there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets the paths that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let wanted = |entry: &u32| std::str::from_utf8(self.path(*entry)).is_ok_and(&keep);
        self.entries = self.entries.iter().copied().filter(wanted).collect();
    }

    fn path(&self, entry: u32) -> &[u8] {
        let mut rest = &self.bytes[entry as usize..];
        let len = take(&mut rest).map_or(0, u32::from_le_bytes) as usize;
        rest.get(..len).unwrap_or_default()
    }

    fn stamp(&self, entry: u32) -> Option<FileStamp> {
        let mut rest = self.bytes.get(entry as usize + 4 + self.path(entry).len()..)?;
        let mut numbers = [0; 5];
        for number in &mut numbers {
            *number = u64::from_le_bytes(take(&mut rest)?);
        }
        let digest = Digest::from(take::<32>(&mut rest)?);
        Some(FileStamp { signature: Signature::from_numbers(numbers), digest })
    }
}

/// Magic, generation, and for each path, in order: its length, its bytes, the signature and the digest; then a
/// checksum.
pub(super) fn pack(entries: &[(&str, FileStamp)], generation: &str) -> Vec<u8> {
    let size = |(path, _): &(&str, FileStamp)| 4 + path.len() + STAMP;
    let mut bytes = Vec::with_capacity(1024 + entries.iter().map(size).sum::<usize>());
    bytes.extend(MAGIC);
    pack_text(&mut bytes, generation);
    for (path, looked) in entries {
        pack_text(&mut bytes, path);
        for number in looked.signature.numbers() {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(looked.digest.as_bytes());
    }
    let checksum = Digest::of_bytes(&bytes);
    bytes.extend(checksum.as_bytes());
    bytes
}

fn pack_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn unpack_text<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let len = u32::from_le_bytes(take(rest)?) as usize;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(number: u64) -> FileStamp {
        let signature = Signature::from_numbers([number; 5]);
        FileStamp { signature, digest: Digest::of_bytes(&number.to_le_bytes()) }
    }

    fn packed(paths: &[&str]) -> Option<Packed> {
        let entries: Vec<_> = paths.iter().zip(0..).map(|(path, number)| (*path, stamp(number))).collect();
        Packed::unpack(pack(&entries, "today"), "today")
    }

    #[test]
    fn every_path_is_found_wherever_the_last_one_was() {
        let paths = ["/a", "/a.b", "/a/b", "/b", "/é"];
        let packed = packed(&paths).unwrap();
        for (path, number) in paths.iter().zip(0..) {
            for mut next in 0..=paths.len() + 1 {
                assert_eq!(packed.find(path, &mut next), Some(stamp(number)));
                assert_eq!(next as u64, number + 1);
            }
        }
        for absent in ["", "/", "/a/", "/aa", "/z"] {
            assert_eq!(packed.find(absent, &mut 1), None, "{absent}");
        }
        let all: Vec<_> = packed.iter().map(|(path, _)| path).collect();
        assert_eq!(all, paths);
    }

    #[test]
    fn paths_that_are_not_in_order_are_damage() {
        assert!(packed(&["/b", "/a"]).is_none());
        assert!(packed(&["/a", "/a"]).is_none());
        assert_eq!(packed(&[]).unwrap().len(), 0);
    }

    #[test]
    fn what_is_forgotten_is_not_found() {
        let mut packed = packed(&["/a", "/b", "/c"]).unwrap();
        packed.retain(|path| path != "/b");
        assert_eq!((packed.len(), packed.find("/b", &mut 1)), (2, None));
        assert_eq!(packed.find("/c", &mut 0), Some(stamp(2)));
    }
}
