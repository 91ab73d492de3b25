//! `weight.bin`: large constants, each with a record before it that says what it is.

use half::f16;

use super::values::{FLOAT16, FLOAT32};
use crate::{
    budget::Budget,
    error::{Error, Result},
};

/// What the file begins with takes as much, and each record.
const RECORD: usize = 64;
/// What a record begins with.
const MAGIC: u32 = 0xDEAD_BEEF;
/// Version of the file's structure.
const VERSION: u32 = 2;
/// Numbers of the two kinds of elements in a record.
const HALF: u32 = 1;
const SINGLE: u32 = 2;

/// Constants so far.
pub(super) struct Blobs {
    bytes: Vec<u8>,
    count: u32,
}

impl Blobs {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; RECORD], count: 0 }
    }

    /// Adds numbers in 16 or 32 bits; where their record stands.
    pub(super) fn add(&mut self, data: &[f32], half: bool) -> u64 {
        let numbers: Vec<u8> = match half {
            true => data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
            false => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let at = self.bytes.len();
        let kind = if half { HALF } else { SINGLE };
        for word in [MAGIC, kind] {
            self.bytes.extend(word.to_le_bytes());
        }
        for word in [numbers.len(), at + RECORD] {
            self.bytes.extend((word as u64).to_le_bytes());
        }
        self.bytes.resize(at + RECORD, 0);
        self.bytes.extend(numbers);
        self.bytes.resize(self.bytes.len().next_multiple_of(RECORD), 0);
        self.count += 1;
        at as u64
    }

    /// The file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes[..4].copy_from_slice(&self.count.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&VERSION.to_le_bytes());
        self.bytes
    }
}

/// A file that is read.
pub(super) struct BlobFile<'a> {
    bytes: &'a [u8],
    /// How many more bytes may be taken: each constant has its own.
    left: Budget,
}

impl<'a> BlobFile<'a> {
    /// The file with these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: Budget::new(bytes.len() as u64) }
    }

    /// `count` numbers of the kind `data_type`, whose record stands at `offset`.
    ///
    /// # Errors
    /// If there are not so many of the kind.
    pub(super) fn numbers(&mut self, offset: u64, data_type: i32, count: usize) -> Result<Vec<f32>> {
        let numbers = self.place(offset).and_then(|(kind, bytes)| {
            self.left.take(bytes.len() as u64).ok()?;
            match (kind, data_type) {
                (HALF, FLOAT16) => numbers(bytes, count, |number| f16::from_le_bytes(number).to_f32()),
                (SINGLE, FLOAT32) => numbers(bytes, count, f32::from_le_bytes),
                _ => None,
            }
        });
        numbers.ok_or_else(|| Error::new(format!("there is no constant of {count} numbers at {offset}")))
    }

    /// The kind of the elements and their bytes.
    fn place(&self, offset: u64) -> Option<(u32, &'a [u8])> {
        let record = self.bytes.get(usize::try_from(offset).ok()?..)?.first_chunk::<RECORD>()?;
        let [magic, kind] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|i| record[at + i])));
        let [length, start] =
            [8, 16].map(|at| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| record[at + i])));
        let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
        let bytes = self.bytes.get(start..)?.get(..length)?;
        (magic == MAGIC).then_some((kind, bytes))
    }
}

/// The numbers in these bytes, if there are so many.
pub(super) fn numbers<const N: usize>(
    bytes: &[u8],
    count: usize,
    number: impl Fn([u8; N]) -> f32,
) -> Option<Vec<f32>> {
    let (chunks, rest) = bytes.as_chunks();
    (rest.is_empty() && chunks.len() == count).then(|| chunks.iter().map(|chunk| number(*chunk)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_added() {
        let mut blobs = Blobs::new();
        let places =
            [blobs.add(&[0.5, -1.5, 2.0], false), blobs.add(&[0.5; 40], true), blobs.add(&[3.0], false)];
        assert_eq!(places, [64, 192, 384]);
        let bytes = blobs.finish();
        let mut file = BlobFile::new(&bytes);
        assert_eq!(file.numbers(64, FLOAT32, 3).unwrap(), [0.5, -1.5, 2.0]);
        assert_eq!(file.numbers(192, FLOAT16, 40).unwrap(), [0.5; 40]);
        assert!(file.numbers(384, FLOAT32, 2).is_err() && file.numbers(384, FLOAT16, 1).is_err());
        assert!([0, 65, u64::MAX].into_iter().all(|at| file.numbers(at, FLOAT32, 3).is_err()));
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let mut blobs = Blobs::new();
        blobs.add(&[0.0; 100], false);
        let bytes = blobs.finish();
        let mut file = BlobFile::new(&bytes);
        assert!(file.numbers(64, FLOAT32, 100).is_ok() && file.numbers(64, FLOAT32, 100).is_err());
    }
}
