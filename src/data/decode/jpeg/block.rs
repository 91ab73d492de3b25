//! One block of 8 x 8 coefficients, from codes to what the inverse transform takes. (ITU-T T.81, F.2.2.)

use super::{
    bits::Bits,
    header::Component,
    huffman::{Code, END},
};

/// Pixels of a block's side.
pub(super) const SIDE: usize = 8;
/// Coefficients of a block.
const COUNT: usize = SIDE * SIDE;
/// More than the largest number of a coefficient that a block's codes lead to, whatever they are.
const REACH: usize = 256;

/// From a coefficient's number in the order of codes to its row and column, `8 * row + column`. (ITU-T T.81, figure A.6.)
const ZIGZAG: [u8; COUNT] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];
/// Rows whose coefficients lie side by side, since the inverse transform multiplies them in pairs.
pub(super) const PAIRS: [[usize; 2]; 4] = [[0, 4], [2, 6], [1, 3], [5, 7]];

/// Where the coefficient of a row and a column lies: by [`PAIRS`], and of a pair column by column.
pub(super) const fn place(row: usize, column: usize) -> usize {
    let mut pair = 0;
    while PAIRS[pair][0] != row && PAIRS[pair][1] != row {
        pair += 1;
    }
    2 * (SIDE * pair + column) + (PAIRS[pair][1] == row) as usize
}

/// How large a component's coefficients are in units of the codes' numbers, and where they lie: by how many of them there are
/// with it, in the order of codes.
#[derive(Clone)]
pub(super) struct Steps {
    sizes: [i32; REACH],
    /// Behind the last: a place that is not of the block.
    places: [u8; REACH],
}

impl Steps {
    /// By a table of steps in the order of codes.
    pub(super) fn new(table: &[u8; COUNT]) -> Self {
        let mut steps = Self { sizes: [0; REACH], places: [COUNT as u8; REACH] };
        for (i, (size, natural)) in table.iter().zip(ZIGZAG).enumerate() {
            steps.sizes[i + 1] = i32::from(*size);
            steps.places[i + 1] = place(usize::from(natural) / SIDE, usize::from(natural) % SIDE) as u8;
        }
        steps
    }
}

/// A block's coefficients.
pub(super) struct Block {
    /// By [`place`]; those behind the 64 are nothing.
    coefficients: [i16; REACH],
    /// How many of them may differ from 0, in the order of codes.
    pub(super) count: usize,
}

impl Block {
    pub(super) fn new() -> Self {
        Self { coefficients: [0; REACH], count: 0 }
    }

    /// By [`place`].
    #[inline(always)]
    pub(super) fn coefficients(&self) -> &[i16; COUNT] {
        self.coefficients.first_chunk().expect("it is longer")
    }

    /// A block of these coefficients, row by row.
    #[cfg(test)]
    pub(super) fn of(coefficients: &[i16; COUNT]) -> Self {
        let mut block = Self::new();
        for (i, coefficient) in coefficients.iter().enumerate() {
            block.coefficients[place(i / SIDE, i % SIDE)] = *coefficient;
        }
        block.count = COUNT;
        block
    }

    /// Reads the next block; `first` is the first coefficient of the one before it. Nothing if it is damaged, or if a
    /// coefficient has more than 16 bits, as no picture's has.
    #[inline(always)]
    pub(super) fn read(&mut self, bits: &mut Bits, by: &Component, first: &mut i32) -> Option<()> {
        let Component { steps, dc, ac, .. } = by;
        self.coefficients[..COUNT].fill(0);
        // A copy stays in registers.
        let mut copy = bits.clone();
        copy.refill();
        let code = copy.take(dc);
        *first = first.wrapping_add(code.number());
        self.coefficients[0] = value(*first, by)?;
        let mut filled = Filled { count: 1 + code.advance(), upper: 0 };
        // Two codes and their numbers have 54 bits at most.
        while filled.count < COUNT {
            filled.add(copy.take(ac), steps, &mut self.coefficients);
            if filled.count >= COUNT {
                break;
            }
            copy.refill();
            filled.add(copy.take(ac), steps, &mut self.coefficients);
        }
        *bits = copy;
        self.count = count(filled.count)?;
        (filled.upper >> 16 == 0).then_some(())
    }
}

/// The first coefficient of a block, by its number in the code.
#[inline(always)]
fn value(first: i32, by: &Component) -> Option<i16> {
    i16::try_from(first.checked_mul(by.steps.sizes[1])?).ok()
}

/// How far a block is filled.
struct Filled {
    /// How many coefficients are known, in the order of codes; behind the end of the block also [`END`] more.
    count: usize,
    /// Has a bit beyond the lower 16 if a coefficient did not fit into these.
    upper: u32,
}

impl Filled {
    /// Sets the coefficient that a code is for.
    #[inline(always)]
    fn add(&mut self, code: Code, steps: &Steps, coefficients: &mut [i16; REACH]) {
        self.count += code.advance();
        let value = code.number() * steps.sizes[self.count % REACH];
        self.upper |= (value - i32::from(i16::MIN)) as u32;
        coefficients[usize::from(steps.places[self.count % REACH])] = value as i16;
    }
}

/// Reads a block of which nothing is needed but what the next one's first coefficient builds on, `first`.
#[inline(always)]
pub(super) fn skip(bits: &mut Bits, by: &Component, first: &mut i32) -> Option<()> {
    let mut copy = bits.clone();
    copy.refill();
    let code = copy.take(&by.dc);
    *first = first.wrapping_add(code.number());
    let mut next = 1 + code.advance();
    while next < COUNT {
        next += copy.skip(&by.ac);
        if next >= COUNT {
            break;
        }
        copy.refill();
        next += copy.skip(&by.ac);
    }
    *bits = copy;
    count(next).map(|_| ())
}

/// As [`skip`], and gives the first coefficient.
#[inline(always)]
pub(super) fn first(bits: &mut Bits, by: &Component, first: &mut i32) -> Option<i16> {
    skip(bits, by, first)?;
    value(*first, by)
}

/// How many coefficients a block has, by where its last code led to; nothing if that is beyond the block.
#[inline(always)]
fn count(filled: usize) -> Option<usize> {
    match filled.checked_sub(END.into()) {
        Some(count) => Some(count),
        None => (filled == COUNT).then_some(COUNT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coefficient_has_a_place_of_its_own() {
        let mut places: Vec<usize> = (0..COUNT).map(|i| place(i / SIDE, i % SIDE)).collect();
        assert_eq!((places[0], places[8 * 4], places[1], places[8 * 2]), (0, 1, 2, 16));
        places.sort_unstable();
        assert!(places.into_iter().eq(0..COUNT));
    }

    #[test]
    fn a_block_ends_with_its_last_coefficient_or_with_the_code_for_it() {
        let ending = usize::from(END);
        assert_eq!(
            [64, 65, 1 + 64, ending + 1, ending + 63].map(count),
            [Some(64), None, None, Some(1), Some(63)]
        );
    }
}
