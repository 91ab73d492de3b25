//! The Huffman-coded data of a scan: stretches that are coded on their own, with a marker between two. (ITU-T T.81, B.1.1.5.)

use memchr::memchr;

use super::bits::{BEHIND, Bits};

/// The data without what is put in for markers' sake.
pub(super) struct Intervals {
    /// All stretches in turn, and [`BEHIND`] zeros.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Intervals {
    /// Reads from the first byte of the data on; nothing if it does not end with the mark of the picture's end, or the
    /// marks between are not in order.
    pub(super) fn read(mut data: &[u8]) -> Option<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(data.len() + BEHIND).ok()?;
        let mut ends = Vec::new();
        loop {
            let at = memchr(0xFF, data)?;
            let (before, &[_, marker]) = (&data[..at], data[at..].first_chunk()?);
            bytes.extend_from_slice(before);
            data = &data[at + 2..];
            match marker {
                0 => bytes.push(0xFF),
                0xD0..=0xD7 if usize::from(marker & 7) == ends.len() % 8 => ends.push(bytes.len()),
                0xD9 => break,
                _ => return None,
            }
        }
        ends.push(bytes.len());
        bytes.resize(bytes.len() + BEHIND, 0);
        Some(Self { bytes, ends })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bits all have together.
    pub(super) fn bits(&self) -> usize {
        8 * (self.bytes.len() - BEHIND)
    }

    /// From the first bit of a stretch on.
    pub(super) fn of(&self, place: usize) -> Bits<'_> {
        Bits::new(&self.bytes[place.checked_sub(1).map_or(0, |before| self.ends[before])..])
    }

    /// How many bits a stretch has behind those that were taken: fewer than 8 if it was read to its end. Nothing if more were
    /// taken than it has.
    pub(super) fn left(&self, place: usize, bits: &Bits) -> Option<usize> {
        bits.left().checked_sub(8 * (self.bytes.len() - self.ends[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_cut_at_marks_and_freed_of_what_is_put_in() {
        let read = Intervals::read(b"ab\xff\0c\xff\xd0\xff\0\xff\xd1\xff\xd9behind").unwrap();
        assert_eq!(read.bytes[..read.bytes.len() - BEHIND], *b"ab\xffc\xff");
        assert_eq!(read.ends, [4, 5, 5]);
        assert_eq!((read.bits(), read.len()), (40, 3));
        assert_eq!([0, 1, 2].map(|place| read.left(place, &read.of(place))), [Some(32), Some(8), Some(0)]);
        assert_eq!([0, 1].map(|place| read.left(place, &read.of(place + 1))), [Some(0), Some(0)]);
        assert_eq!(read.left(0, &read.of(2)), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for data in [&b"ab"[..], b"ab\xff", b"ab\xff\xd1cd\xff\xd9", b"ab\xff\xda", b"ab\xff\xff\xd9", b""] {
            assert!(Intervals::read(data).is_none(), "{data:?}");
        }
    }
}
