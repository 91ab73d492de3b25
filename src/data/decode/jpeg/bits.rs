//! The bits of Huffman-coded data, in order.

use super::huffman::{Code, Table};

/// Bytes that must lie behind the data: more than are read ahead.
pub(super) const BEHIND: usize = 16;
const READ: usize = size_of::<u64>();

/// Reads codes and numbers.
#[derive(Clone)]
pub(super) struct Bits<'a> {
    /// The bytes that are not known to be in the buffer: data, and [`BEHIND`] bytes or more.
    rest: &'a [u8],
    /// The next bits, upper first. Behind the first `count` may be more of them.
    buffer: u64,
    /// How many bits of the buffer are known to be there.
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, buffer: 0, count: 0 }
    }

    /// Sees to it that 56 bits are there. Far behind the end no more come.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(bytes) = self.rest.first_chunk::<READ>() {
            self.buffer |= u64::from_be_bytes(*bytes) >> self.count;
            self.rest = &self.rest[((u64::BITS - 1 - self.count) / 8) as usize % READ..];
        }
        self.count |= 0b11_1000;
    }

    /// Takes the next code and its number: at most 27 bits of those there.
    #[inline(always)]
    pub(super) fn take(&mut self, table: &Table) -> Code {
        let code = table.find(self.buffer);
        self.drop(code);
        code
    }

    /// As [`Self::take`], without the number; gives how many coefficients on that is for.
    #[inline(always)]
    pub(super) fn skip(&mut self, table: &Table) -> usize {
        let code = table.find_code(self.buffer);
        self.drop(code);
        code.advance()
    }

    #[inline(always)]
    fn drop(&mut self, code: Code) {
        self.buffer <<= code.total();
        self.count = self.count.wrapping_sub(code.total());
    }

    /// How many bits are left, with those behind the data.
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        8 * self.rest.len() + self.count as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_and_are_counted() {
        // A code of one bit, 0, for numbers of four.
        let mut counts = [0; 16];
        counts[0] = 1;
        let table = Table::dc(&counts, &[4]).unwrap();
        let numbers: Vec<u64> = (0..40).map(|i| 8 + (i * 5) % 8).collect();
        let text: String = numbers.iter().map(|number| format!("0{number:04b}")).collect();
        let bytes = text
            .as_bytes()
            .chunks(8)
            .map(|bits| u8::from_str_radix(str::from_utf8(bits).unwrap(), 2).unwrap());
        let bytes: Vec<u8> = bytes.chain([0xAA; BEHIND]).collect();
        let mut bits = Bits::new(&bytes);
        for (i, number) in numbers.iter().enumerate() {
            assert_eq!(bits.left(), 8 * bytes.len() - 5 * i);
            bits.refill();
            let code = bits.take(&table);
            assert_eq!((code.advance(), code.number()), (0, *number as i32));
        }
        assert_eq!(bits.left(), 8 * BEHIND);
    }
}
