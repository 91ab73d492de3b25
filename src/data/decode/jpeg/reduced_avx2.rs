//! The reduced transform with the vectors of AVX2: the same integers as `reduced`.

use std::arch::x86_64::__m256i;

use pulp::{cast, x86::V3};

use super::{
    block::{Block, PAIRS, SIDE},
    inverse::{COLUMNS, Pixels, ROWS},
    reduced::{WEIGHTS, Weights, weights_of},
};

/// Pixels of a row that are made together.
const TOGETHER: usize = 4;

/// The weights of [`super::reduced::WEIGHTS`], by [`PAIRS`].
const PAIRED: [[[i32; PAIRS.len()]; SIDE]; 4] = {
    let mut paired = [[[0; PAIRS.len()]; SIDE]; 4];
    let mut i = 0;
    while i < 4 * SIDE * PAIRS.len() {
        let (line, pixel, pair) = (i / PAIRS.len() / SIDE, i / PAIRS.len() % SIDE, i % PAIRS.len());
        let weights = WEIGHTS[line][pixel];
        let [a, b] = PAIRS[pair];
        paired[line][pixel][pair] = weights[a] as i32 & 0xFFFF | (weights[b] as i32) << 16;
        i += 1;
    }
    paired
};

/// As [`super::reduced::reduced`].
#[inline(always)]
pub(super) fn reduced(simd: V3, block: &Block, (width, height): (usize, usize)) -> Pixels {
    let pairs = cast(*block.coefficients());
    let (across, down) = (weights_of(width), &PAIRED[height.trailing_zeros() as usize % PAIRED.len()]);
    let mut pixels = [[0; SIDE]; SIDE];
    for (two, weights) in
        pixels.as_chunks_mut::<2>().0.iter_mut().zip(down.as_chunks::<2>().0).take(height.div_ceil(2))
    {
        let rows = two_rows(simd, row(simd, pairs, weights[0]), row(simd, pairs, weights[1]));
        let [left, right] =
            cast::<_, [[u8; 16]; 2]>(four(simd, rows, across.first_chunk().expect("there are eight")));
        two[0][..TOGETHER].copy_from_slice(&left[..TOGETHER]);
        two[1][..TOGETHER].copy_from_slice(&right[..TOGETHER]);
        if width > TOGETHER {
            let [left, right] =
                cast::<_, [[u8; 16]; 2]>(four(simd, rows, across.last_chunk().expect("there are eight")));
            two[0][TOGETHER..].copy_from_slice(&left[..TOGETHER]);
            two[1][TOGETHER..].copy_from_slice(&right[..TOGETHER]);
        }
    }
    pixels
}

/// What lies between columns and rows: a row of 32 bits.
#[inline(always)]
fn row(simd: V3, [a, b, c, d]: [__m256i; 4], [v, w, x, y]: [i32; 4]) -> __m256i {
    let add = |x, y| simd.avx2._mm256_add_epi32(x, y);
    let of = |pairs, weights| simd.avx2._mm256_madd_epi16(pairs, simd.avx._mm256_set1_epi32(weights));
    let sum = add(add(of(a, v), of(b, w)), add(of(c, x), of(d, y)));
    simd.avx2._mm256_srai_epi32::<{ COLUMNS.1 as i32 }>(add(sum, simd.avx._mm256_set1_epi32(COLUMNS.0)))
}

/// One row behind the other, cut to 16 bits.
#[inline(always)]
fn two_rows(simd: V3, first: __m256i, second: __m256i) -> __m256i {
    simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(simd.avx2._mm256_packs_epi32(first, second))
}

/// Four pixels of each of two rows, each in the first bytes of a half.
#[inline(always)]
fn four(simd: V3, rows: __m256i, weights: &[Weights; TOGETHER]) -> __m256i {
    let avx2 = simd.avx2;
    let products = |i: usize| avx2._mm256_madd_epi16(rows, cast([weights[i]; 2]));
    let (first, second) =
        (avx2._mm256_hadd_epi32(products(0), products(1)), avx2._mm256_hadd_epi32(products(2), products(3)));
    let sums =
        avx2._mm256_add_epi32(avx2._mm256_hadd_epi32(first, second), simd.avx._mm256_set1_epi32(ROWS.0));
    let sums = avx2._mm256_srai_epi32::<{ ROWS.1 as i32 }>(sums);
    let words = avx2._mm256_packs_epi32(sums, sums);
    avx2._mm256_packus_epi16(words, words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::decode::jpeg::reduced;

    proptest! {
        #[test]
        fn it_is_the_plain_one(few: [i16; 32], others: [i16; 32], shift in 0_u32..12, side in (0_u32..4, 0_u32..4)) {
            let Some(simd) = V3::try_new() else { return Ok(()) };
            let coefficients = [few, others].concat();
            let block = Block::of(&std::array::from_fn(|i| coefficients[i] >> shift));
            let (width, height) = (1 << side.0, 1 << side.1);
            let (one, other) = (super::reduced(simd, &block, (width, height)), reduced::reduced(&block, (width, height)));
            for (one, other) in one.iter().zip(other).take(height) {
                prop_assert_eq!(&one[..width], &other[..width]);
            }
        }
    }
}
