//! Huffman codes, looked up by the next bits. (ITU-T T.81, annexes C and F.)

use std::rc::Rc;

/// Bits of the codes that are looked up at once; the few longer ones are searched.
pub(super) const SHORT: u32 = 10;
/// Bits of the longest code.
const LONGEST: usize = 16;
/// What the code means behind which nothing follows in the block: further on than [`DAMAGE`] leads from anywhere.
pub(super) const END: u8 = 128;
/// What a code means that is none: beyond the block's end from wherever.
pub(super) const DAMAGE: u8 = 64;
/// Bits of the largest number: those of the first coefficients have one more than the others.
const LARGEST: [u8; 2] = [11, 10];

/// What bits begin with: a code and the number behind it. From the lowest bit on: how many bits both have (6 bits), how many
/// coefficients on the number is for (8), whether the number is still to be read (1), and from bit 16 on the number, or how
/// many bits it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u32);

impl Code {
    /// A code that is too long to be looked up.
    const LONG: Self = Self(0);
    /// Where a number is still to be read.
    const UNREAD: u32 = 1 << 14;

    /// A code of `length` bits, behind which a number of `size` bits is to be read.
    const fn new(length: u32, size: u8, advance: u8) -> Self {
        Self((length + size as u32) | ((advance as u32) << 6) | Self::UNREAD | ((size as u32) << 16))
    }

    /// With its number, if the upper `count` of `bits`, which begin with the code, have all of that.
    fn read_from(self, bits: u64, count: u32) -> Self {
        if self.total() <= count { self.read(bits) } else { self }
    }

    /// With its number, from bits that begin with the code.
    #[inline(always)]
    fn read(self, bits: u64) -> Self {
        let size = self.0 >> 16;
        let number = signed(bits << (self.total() - size), size);
        Self(self.0 & (Self::UNREAD - 1) | (number as u32) << 16)
    }

    /// Bits of the code and of the number behind it.
    #[inline(always)]
    pub(super) fn total(self) -> u32 {
        self.0 & 63
    }

    /// How many coefficients on: 1 for the very next.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 6 & 0xFF) as usize
    }

    /// The number.
    #[inline(always)]
    pub(super) fn number(self) -> i32 {
        self.0 as i32 >> 16
    }
}

/// The number in the upper `size` bits. One that begins with 0 is negative: all its bits are the other way round.
/// (ITU-T T.81, F.2.2.1.)
#[inline(always)]
fn signed(bits: u64, size: u32) -> i32 {
    // In two steps, because `size` may be 0.
    let number = (bits >> 1 >> (u64::BITS - 1 - size)) as i32;
    let is_positive = (bits as i64 >> (u64::BITS - 1)) as i32;
    number + (((-1_i32 << size) + 1) & !is_positive)
}

/// All codes of one kind.
#[derive(Clone)]
pub(super) struct Table(Rc<Codes>);

struct Codes {
    /// What these bits begin with.
    short: [Code; 1 << SHORT],
    /// For each length the first number of 16 bits that no code so long or shorter begins.
    limits: [u32; LONGEST + 1],
    /// For each length what is to be added to a code to have its place in `codes`.
    offsets: [i32; LONGEST + 1],
    /// In order.
    codes: Vec<Code>,
}

impl Table {
    /// The codes of first coefficients' differences: `counts` of each length, for `symbols` in order. Nothing if they are
    /// not codes, or one is for a number too large.
    pub(super) fn dc(counts: &[u8; LONGEST], symbols: &[u8]) -> Option<Self> {
        let are_small = symbols.iter().all(|size| *size <= LARGEST[0]);
        are_small.then(|| Self::new(counts, symbols, |length, size| Code::new(length, size, 0)))?
    }

    /// The codes of all other coefficients.
    pub(super) fn ac(counts: &[u8; LONGEST], symbols: &[u8]) -> Option<Self> {
        Self::new(counts, symbols, |length, symbol| match (symbol >> 4, symbol & 15) {
            (0, 0) => Code::new(length, 0, END),
            (15, 0) => Code::new(length, 0, 16),
            (run, size) if (1..=LARGEST[1]).contains(&size) => Code::new(length, size, run + 1),
            _ => Code::new(length, 0, DAMAGE),
        })
    }

    fn new(counts: &[u8; LONGEST], symbols: &[u8], code: impl Fn(u32, u8) -> Code) -> Option<Self> {
        let mut all = Codes {
            short: [Code::LONG; 1 << SHORT],
            limits: [0; LONGEST + 1],
            offsets: [0; LONGEST + 1],
            codes: Vec::with_capacity(symbols.len()),
        };
        let (mut next, mut symbols) = (0, symbols.iter());
        for (length, count) in (1..).zip(counts) {
            next <<= 1;
            all.offsets[length as usize] = all.codes.len() as i32 - next as i32;
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                all.add(next, length, code(length, *symbol));
                next += 1;
            }
            // No code is of ones alone.
            if *count > 0 && next >= 1 << length {
                return None;
            }
            all.limits[length as usize] = next << (LONGEST as u32 - length);
        }
        Some(Self(Rc::new(all)))
    }

    /// What the upper bits of `bits` begin with.
    #[inline(always)]
    pub(super) fn find(&self, bits: u64) -> Code {
        let code = self.find_code(bits);
        if code.0 & Code::UNREAD == 0 { code } else { code.read(bits) }
    }

    /// As [`Self::find`]; whether there is the number is left to chance.
    #[inline(always)]
    pub(super) fn find_code(&self, bits: u64) -> Code {
        let code = self.0.short[(bits >> (u64::BITS - SHORT)) as usize];
        if code == Code::LONG { self.0.long(bits) } else { code }
    }
}

impl Codes {
    fn add(&mut self, bits: u32, length: u32, code: Code) {
        self.codes.push(code);
        let Some(free) = SHORT.checked_sub(length) else { return };
        let first = (bits as usize) << free;
        for (i, place) in self.short.iter_mut().enumerate().skip(first).take(1 << free) {
            *place = code.read_from((i as u64) << (u64::BITS - SHORT), SHORT);
        }
    }

    /// The code longer than what is looked up that the upper bits of `bits` begin with.
    #[cold]
    #[inline(never)]
    fn long(&self, bits: u64) -> Code {
        let first = (bits >> (u64::BITS - LONGEST as u32)) as u32;
        let found = (SHORT as usize + 1..=LONGEST).find(|length| first < self.limits[*length]);
        let code = found.and_then(|length| {
            let place = (first >> (LONGEST - length)) as i32 + self.offsets[length];
            self.codes.get(usize::try_from(place).ok()?).copied()
        });
        code.unwrap_or(Code::new(1, 0, DAMAGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits as the upper ones of 64.
    fn upper(bits: &str) -> u64 {
        u64::from_str_radix(bits, 2).unwrap() << (64 - bits.len())
    }

    #[test]
    fn codes_follow_each_other_by_length() {
        // 00, 01, 100, 1010, and one of 12 bits.
        let counts = [0, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let table = Table::ac(&counts, &[0x01, 0x00, 0x23, 0xF0, 0x1A]).unwrap();
        for (bits, length, size, advance) in [
            ("00", 2, 1, 1),
            ("01", 2, 0, usize::from(END)),
            ("100", 3, 3, 3),
            ("1010", 4, 0, 16),
            ("101100000000", 12, 10, 2),
        ] {
            for (number, value) in [(0, 1 - (1 << size)), (u64::MAX, (1 << size) - 1)] {
                let code = table.find(upper(bits) | number >> length);
                assert_eq!(
                    (code.total(), code.advance(), code.number()),
                    (length + size, advance, value),
                    "{bits}"
                );
            }
        }
        assert_eq!(table.find(upper("101100000001")).advance(), usize::from(DAMAGE));
        assert_eq!(table.find(u64::MAX).advance(), usize::from(DAMAGE));
    }

    #[test]
    fn numbers_of_all_sizes() {
        for (bits, size, number) in [(0, 0, 0), (u64::MAX, 0, 0), (0, 1, -1), (1 << 63, 1, 1), (0, 3, -7)] {
            assert_eq!(signed(bits, size), number, "{size}");
        }
        assert_eq!((signed(0b011 << 61, 3), signed(0b100 << 61, 3)), (-4, 4));
        assert_eq!((signed(u64::MAX, 11), signed(u64::MAX >> 1, 11)), (2047, -1024));
    }

    #[test]
    fn codes_that_are_too_many_or_of_ones_alone_are_none() {
        let counts = |first: u8| {
            let mut counts = [0; 16];
            counts[0] = first;
            counts
        };
        assert!(Table::dc(&counts(1), &[0]).is_some());
        assert!(Table::dc(&counts(2), &[0, 1]).is_none());
        assert!(Table::dc(&counts(255), &[0; 255]).is_none());
    }

    #[test]
    fn numbers_too_large_for_eight_bits_are_damage() {
        let counts = [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Table::dc(&counts, &[10, 11]).is_some() && Table::dc(&counts, &[11, 12]).is_none());
        let table = Table::ac(&counts, &[10, 11]).unwrap();
        assert_eq!(table.find(upper("00")).advance(), 1);
        assert_eq!(table.find(upper("010")).advance(), usize::from(DAMAGE));
    }
}
