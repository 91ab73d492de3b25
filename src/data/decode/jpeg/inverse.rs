//! The inverse cosine transform of a block, in integers: the one of stb_image.h by Sean Barrett, as zune-jpeg has it,
//! multiplied out. First columns, then rows; constants are in units of 2^-12.

use std::num::Wrapping;

use super::block::{Block, SIDE, place};

/// A block's pixels, row by row.
pub(super) type Pixels = [[u8; SIDE]; SIDE];

/// How much each even coefficient counts: 1 and 1, 0.541196 and 1.306563, and the differences.
pub(super) const EVEN: [[i16; 2]; 4] = [[4096, 4096], [4096, -4096], [5352, 2217], [2217, -5350]];
/// How much the coefficients 1, 3, 5 and 7 count for the first four pixels; for the others as much with the other sign.
pub(super) const ODD: [[i16; 4]; SIDE / 2] = [
    [5683, 4816, 3219, 1131],
    [4816, -1129, -5681, -3218],
    [3219, -5681, 1132, 4816],
    [1131, -3218, 4816, -5680],
];
/// A half of what sums of columns are cut by, and by how many bits.
pub(super) const COLUMNS: (i32, u32) = (512, 10);
/// For sums of rows, which become pixels: grey is 128, and a half, rounded up by what columns lack.
pub(super) const ROWS: (i32, u32) = (512 + 65536 + (128 << 17), 17);

/// The pixels of a block with no coefficient but the first.
#[inline(always)]
pub(super) fn flat(first: i16) -> u8 {
    ((i32::from(first) + 4 + 1024) >> 3).clamp(0, 255) as u8
}

/// The pixels of any block.
pub(super) fn inverse(block: &Block) -> Pixels {
    let coefficients = block.coefficients();
    let mut columns = [[0; SIDE]; SIDE];
    for (x, column) in columns.iter_mut().enumerate() {
        let line = std::array::from_fn(|row| i32::from(coefficients[place(row, x)]));
        *column = pass(line, COLUMNS);
    }
    std::array::from_fn(|y| {
        let line = std::array::from_fn(|x| columns[x][y]);
        pass(line, ROWS).map(|pixel| pixel.clamp(0, 255) as u8)
    })
}

/// One column or row.
fn pass(line: [i32; SIDE], (half, bits): (i32, u32)) -> [i32; SIDE] {
    // What is too large for any picture comes round, as it does elsewhere.
    let line = line.map(Wrapping);
    let of = |[a, b]: [i16; 2], x: usize, y: usize| {
        Wrapping(i32::from(a)) * line[x] + Wrapping(i32::from(b)) * line[y]
    };
    let [sum, difference] = [EVEN[0], EVEN[1]].map(|even| of(even, 0, 4) + Wrapping(half));
    let [outer, inner] = [EVEN[2], EVEN[3]].map(|even| of(even, 2, 6));
    let even = [sum + outer, difference + inner, difference - inner, sum - outer];
    let odd = ODD.map(|[a, b, c, d]| of([a, b], 1, 3) + of([c, d], 5, 7));
    std::array::from_fn(|i| match i {
        0..4 => (even[i] + odd[i]).0 >> bits,
        _ => (even[7 - i] - odd[7 - i]).0 >> bits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The transform by its definition. (ITU-T T.81, A.3.3.)
    fn exact(coefficients: &[i16; 64]) -> [f64; 64] {
        let wave = |x: usize, u: usize| {
            let scale = if u == 0 { 0.5_f64.sqrt() } else { 1.0 };
            scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos() / 2.0
        };
        std::array::from_fn(|i| {
            let (y, x) = (i / 8, i % 8);
            (0..64).map(|j| f64::from(coefficients[j]) * wave(y, j / 8) * wave(x, j % 8)).sum::<f64>() + 128.0
        })
    }

    #[test]
    fn it_is_the_transform_to_a_pixels_accuracy() {
        let mut random = Random::new("inverse", &[]);
        for reach in [3, 30, 300] {
            let coefficients = std::array::from_fn(|_| random.below(2 * reach) as i16 - reach as i16);
            let pixels = inverse(&Block::of(&coefficients)).concat();
            for (pixel, exact) in pixels.into_iter().zip(exact(&coefficients)) {
                assert!((f64::from(pixel) - exact.clamp(0.0, 255.0)).abs() < 0.6, "{pixel} {exact}");
            }
        }
    }

    #[test]
    fn a_block_of_one_coefficient_is_flat() {
        for first in (-3000..3000).step_by(7).chain([i16::MIN, i16::MAX]) {
            let mut coefficients = [0; 64];
            coefficients[0] = first;
            assert_eq!(inverse(&Block::of(&coefficients)), [[flat(first); 8]; 8], "{first}");
        }
    }
}
