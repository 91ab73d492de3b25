//! One block of 8 x 8 coefficients, from codes to what the inverse transform takes. (ITU-T T.81, F.2.2.)

use super::{
    bits::Bits,
    header::Component,
    huffman::END,
};

/// Pixels of a block's side.
pub(super) const SIDE: usize = 8;
/// Coefficients of a block.
const COUNT: usize = SIDE * SIDE;
/// The largest place that a damaged block's codes lead to, and one more.
const REACH: usize = 256;
/// The largest sum of a block's coefficients, without their signs, that this decoder takes: each fits into 16 bits.
const LARGEST: u32 = i16::MAX as u32;

/// From a coefficient's number in the order of codes to its row and column, `8 * row + column`. (ITU-T T.81, figure A.6.)
const ZIGZAG: [u8; COUNT] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
    62, 63,
];
/// Rows whose coefficients lie side by side, since the inverse transform multiplies them in pairs.
const PAIRS: [[usize; 2]; 4] = [[0, 4], [2, 6], [1, 3], [5, 7]];

/// Where the coefficient of a row and a column lies: by [`PAIRS`], and of a pair column by column.
pub(super) const fn place(row: usize, column: usize) -> usize {
    let mut pair = 0;
    while PAIRS[pair][0] != row && PAIRS[pair][1] != row {
        pair += 1;
    }
    2 * (SIDE * pair + column) + (PAIRS[pair][1] == row) as usize
}

/// How large a component's coefficients are in units of the codes' numbers, and where they lie, by their number.
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
            steps.sizes[i] = i32::from(*size);
            steps.places[i] = place(usize::from(natural) / SIDE, usize::from(natural) % SIDE) as u8;
        }
        steps
    }
}

/// A block's coefficients.
pub(super) struct Block {
    /// By [`place`]; those behind the 64 are nothing.
    coefficients: [i16; 2 * COUNT],
    /// How many of them may differ from 0, in the order of codes.
    pub(super) count: usize,
    /// The sum of all without their signs.
    pub(super) sum: u32,
}

impl Block {
    pub(super) fn new() -> Self {
        Self { coefficients: [0; 2 * COUNT], count: 0, sum: 0 }
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
            block.sum += u32::from(coefficient.unsigned_abs());
        }
        block.count = COUNT;
        block
    }

    /// Reads the next block; `first` is the first coefficient of the one before it. Nothing if it is damaged, or if its
    /// numbers are larger than any picture's.
    #[inline(always)]
    pub(super) fn read(&mut self, bits: &mut Bits, by: &Component, first: &mut i32) -> Option<()> {
        let Component { steps, dc, ac, .. } = by;
        self.coefficients[..COUNT].fill(0);
        // A copy stays in registers.
        let mut copy = bits.clone();
        copy.refill();
        let (damage, difference) = copy.number(dc);
        *first = first.wrapping_add(difference);
        let value = first.checked_mul(steps.sizes[0])?;
        self.coefficients[0] = value as i16;
        let mut filled = Filled { next: 1 + damage, sum: value.unsigned_abs() };
        // Two codes and their numbers have 54 bits at most.
        while filled.next < COUNT {
            filled.add(copy.number(ac), steps, &mut self.coefficients);
            if filled.next >= COUNT {
                break;
            }
            copy.refill();
            filled.add(copy.number(ac), steps, &mut self.coefficients);
        }
        *bits = copy;
        self.count = end(filled.next)?;
        self.sum = filled.sum;
        (self.sum <= LARGEST).then_some(())
    }
}

/// How far a block is filled.
struct Filled {
    /// The coefficient behind the last one, in the order of codes.
    next: usize,
    /// The sum of all so far without their signs.
    sum: u32,
}

impl Filled {
    /// Sets the coefficient that lies `advance` on from the last.
    #[inline(always)]
    fn add(&mut self, (advance, number): (usize, i32), steps: &Steps, coefficients: &mut [i16; 2 * COUNT]) {
        self.next += advance;
        let at = (self.next - 1) % REACH;
        let value = number * steps.sizes[at];
        self.sum += value.unsigned_abs();
        coefficients[usize::from(steps.places[at]) % (2 * COUNT)] = value as i16;
    }
}

/// Reads a block of which nothing is needed but what the next one's first coefficient builds on, `first`.
#[inline(always)]
pub(super) fn skip(bits: &mut Bits, by: &Component, first: &mut i32) -> Option<()> {
    let mut copy = bits.clone();
    copy.refill();
    let (damage, difference) = copy.number(&by.dc);
    *first = first.wrapping_add(difference);
    let mut next = 1 + damage;
    while next < COUNT {
        next += copy.skip(&by.ac);
        if next >= COUNT {
            break;
        }
        copy.refill();
        next += copy.skip(&by.ac);
    }
    *bits = copy;
    end(next).map(|_| ())
}

/// How many coefficients a block has, by the number behind its last code's; nothing if it led out of the block.
#[inline(always)]
fn end(next: usize) -> Option<usize> {
    match next.checked_sub(END.into()) {
        Some(count) => Some(count),
        None => (next == COUNT).then_some(COUNT),
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
        assert_eq!([end(64), end(65), end(1 + 64), end(ending + 1), end(ending + 63)], [Some(64), None, None, Some(1), Some(63)]);
    }
}
