//! A block's pixels where several become one: the means of those of the inverse transform, before these are rounded. With that
//! a picture is decoded smaller at once. (As the "reduced-size" transforms of the Independent JPEG Group's library.)

use super::{
    block::{Block, SIDE, place},
    inverse::{COLUMNS, EVEN, ODD, Pixels, ROWS},
};

/// How much each coefficient of a line counts for one of its pixels, in units of 2^-12.
pub(super) type Weights = [i16; SIDE];

/// For a line of one, two, four and eight pixels; behind these nothing.
pub(super) const WEIGHTS: [[Weights; SIDE]; 4] = [weights(1), weights(2), weights(4), weights(8)];

/// Of a line of so many pixels.
#[inline(always)]
pub(super) fn weights_of(side: usize) -> &'static [Weights; SIDE] {
    &WEIGHTS[side.trailing_zeros() as usize % WEIGHTS.len()]
}

const fn weights(side: usize) -> [Weights; SIDE] {
    let mut weights = [[0; SIDE]; SIDE];
    let count = SIDE / side;
    let mut i = 0;
    while i < side * SIDE {
        let (pixel, coefficient) = (i / SIDE, i % SIDE);
        let (mut sum, mut next) = (0, 0);
        while next < count {
            sum += weight(pixel * count + next, coefficient);
            next += 1;
        }
        weights[pixel][coefficient] = (2 * sum + count as i32).div_euclid(2 * count as i32) as i16;
        i += 1;
    }
    weights
}

/// How much a coefficient counts for a pixel of a line of eight.
const fn weight(pixel: usize, coefficient: usize) -> i32 {
    let mirrored = if pixel < SIDE / 2 { pixel } else { SIDE - 1 - pixel };
    let is_outer = mirrored == 0 || mirrored == 3;
    let weight = match coefficient {
        0 | 4 => EVEN[!is_outer as usize][coefficient / 4],
        2 | 6 if is_outer => EVEN[2][coefficient / 4],
        2 | 6 => EVEN[3][coefficient / 4],
        _ => ODD[mirrored][coefficient / 2],
    } as i32;
    let is_odd = coefficient % 2 == 1 && pixel != mirrored;
    let is_lower = (coefficient == 2 || coefficient == 6) && mirrored >= 2;
    if is_odd || is_lower { -weight } else { weight }
}

/// The first `width` pixels of the first `height` rows.
pub(super) fn reduced(block: &Block, (width, height): (usize, usize)) -> Pixels {
    let mut pixels = [[0; SIDE]; SIDE];
    for (row, weights) in pixels.iter_mut().zip(weights_of(height)).take(height) {
        let line = std::array::from_fn(|x| {
            let column = std::array::from_fn(|y| block.coefficients()[place(y, x)]);
            // What is too large for any picture is cut.
            sum(column, weights, COLUMNS).clamp(i16::MIN.into(), i16::MAX.into()) as i16
        });
        for (pixel, weights) in row.iter_mut().zip(weights_of(width)).take(width) {
            *pixel = sum(line, weights, ROWS).clamp(0, 255) as u8;
        }
    }
    pixels
}

/// One pixel of a line.
fn sum(line: [i16; SIDE], weights: &Weights, (half, bits): (i32, u32)) -> i32 {
    let products = line.into_iter().zip(weights).map(|(a, b)| i32::from(a) * i32::from(*b));
    (products.sum::<i32>() + half) >> bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::decode::jpeg::inverse::inverse, random::Random};

    #[test]
    fn eight_pixels_of_a_line_are_those_of_the_whole_transform() {
        let mut random = Random::new("reduced", &[]);
        for reach in [3, 30, 200] {
            let block = Block::of(&std::array::from_fn(|_| random.below(2 * reach) as i16 - reach as i16));
            for (one, other) in
                reduced(&block, (SIDE, SIDE)).as_flattened().iter().zip(inverse(&block).as_flattened())
            {
                assert!(one.abs_diff(*other) <= 1);
            }
        }
    }

    #[test]
    fn a_pixel_is_the_mean_of_those_that_it_stands_for() {
        let mut random = Random::new("reduced", &[]);
        // So small that none is cut at 0 or 255.
        let block = Block::of(&std::array::from_fn(|_| random.below(60) as i16 - 30));
        let whole = inverse(&block);
        for (width, height) in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 4), (4, 8), (8, 4)] {
            let (across, down) = (SIDE / width, SIDE / height);
            for (y, row) in reduced(&block, (width, height)).iter().take(height).enumerate() {
                for (x, pixel) in row.iter().take(width).enumerate() {
                    let of = whole[y * down..][..down].iter().flat_map(|row| &row[x * across..][..across]);
                    let mean = of.map(|pixel| f64::from(*pixel)).sum::<f64>() / (across * down) as f64;
                    assert!((f64::from(*pixel) - mean).abs() <= 1.0, "{width} {height}: {pixel} {mean}");
                }
            }
        }
    }

    #[test]
    fn one_pixel_is_the_first_coefficient() {
        assert_eq!(WEIGHTS[0][0], [4096, 0, 0, 0, 0, 0, 0, 0]);
    }
}
