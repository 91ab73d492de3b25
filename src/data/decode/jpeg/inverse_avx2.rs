//! The inverse cosine transform with the vectors of AVX2: the same integers as `inverse`, as long as what lies between
//! columns and rows fits into 16 bits.

use std::arch::x86_64::__m256i;

use pulp::{cast, x86::V3};

use super::{
    block::Block,
    inverse::{COLUMNS, EVEN, ODD, Pixels, ROWS},
};

/// The largest sum of the coefficients of a block's column, without their signs, for which the column fits: 5683 / 2^10 of
/// it, and a half.
const LARGEST: i16 = 5900;

/// The pixels of a block; nothing if a column does not fit.
#[inline(always)]
pub(super) fn inverse(simd: V3, block: &Block) -> Option<Pixels> {
    let pairs = cast(*block.coefficients());
    if !are_small(simd, pairs) {
        return None;
    }
    let columns = pass::<{ COLUMNS.1 as i32 }>(simd, pairs, COLUMNS.0);
    Some(bytes(simd, pass::<{ ROWS.1 as i32 }>(simd, turned(simd, columns), ROWS.0)))
}

/// Whether no column's sum is larger than [`LARGEST`].
#[inline(always)]
fn are_small(simd: V3, pairs: [__m256i; 4]) -> bool {
    let abs = |pair| simd.avx2._mm256_abs_epi16(pair);
    let add = |x, y| simd.avx2._mm256_adds_epu16(x, y);
    // Of each column two sums.
    let sums = add(add(abs(pairs[0]), abs(pairs[1])), add(abs(pairs[2]), abs(pairs[3])));
    let small = simd.avx._mm256_set1_epi16(LARGEST / 2);
    let beyond = simd.avx2._mm256_subs_epu16(sums, small);
    simd.avx._mm256_testz_si256(beyond, beyond) == 1
}

/// All columns, or all rows, at once: of pairs of 16 bits, by [`super::block::place`], eight lines of 32 bits.
#[inline(always)]
fn pass<const BITS: i32>(simd: V3, [a, b, c, d]: [__m256i; 4], half: i32) -> [__m256i; 8] {
    let add = |x, y| simd.avx2._mm256_add_epi32(x, y);
    let sub = |x, y| simd.avx2._mm256_sub_epi32(x, y);
    let of = |pairs, [x, y]: [i16; 2]| {
        let both = i32::from(x) & 0xFFFF | i32::from(y) << 16;
        simd.avx2._mm256_madd_epi16(pairs, simd.avx._mm256_set1_epi32(both))
    };
    let half = simd.avx._mm256_set1_epi32(half);
    let [sum, difference] = [add(of(a, EVEN[0]), half), add(of(a, EVEN[1]), half)];
    let [outer, inner] = [of(b, EVEN[2]), of(b, EVEN[3])];
    let even = [add(sum, outer), add(difference, inner), sub(difference, inner), sub(sum, outer)];
    let odd = |[w, x, y, z]: [i16; 4]| add(of(c, [w, x]), of(d, [y, z]));
    let odd = [odd(ODD[0]), odd(ODD[1]), odd(ODD[2]), odd(ODD[3])];
    let cut = |sum| simd.avx2._mm256_srai_epi32::<BITS>(sum);
    [
        cut(add(even[0], odd[0])),
        cut(add(even[1], odd[1])),
        cut(add(even[2], odd[2])),
        cut(add(even[3], odd[3])),
        cut(sub(even[3], odd[3])),
        cut(sub(even[2], odd[2])),
        cut(sub(even[1], odd[1])),
        cut(sub(even[0], odd[0])),
    ]
}

/// Rows of 32 bits as pairs of columns of 16 bits, by [`super::block::place`]. Below, `a0` is row `a` and column 0.
#[inline(always)]
fn turned(simd: V3, [a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [__m256i; 4] {
    let avx2 = simd.avx2;
    let pack = |x, y| avx2._mm256_packs_epi32(x, y);
    // a0-a3 e0-e3 | a4-a7 e4-e7, and so on.
    let (ae, bf, cg, dh) = (pack(a, e), pack(b, f), pack(c, g), pack(d, h));
    // a0 b0 a1 b1 a2 b2 a3 b3 | a4 ...
    let (ab, ef) = (avx2._mm256_unpacklo_epi16(ae, bf), avx2._mm256_unpackhi_epi16(ae, bf));
    let (cd, gh) = (avx2._mm256_unpacklo_epi16(cg, dh), avx2._mm256_unpackhi_epi16(cg, dh));
    // a0 b0 c0 d0 a1 b1 c1 d1 | a4 ...
    let (upper01, upper23) = (avx2._mm256_unpacklo_epi32(ab, cd), avx2._mm256_unpackhi_epi32(ab, cd));
    let (lower01, lower23) = (avx2._mm256_unpacklo_epi32(ef, gh), avx2._mm256_unpackhi_epi32(ef, gh));
    // Whole columns: 0 | 4, 1 | 5, 2 | 6, 3 | 7.
    let (c04, c15) =
        (avx2._mm256_unpacklo_epi64(upper01, lower01), avx2._mm256_unpackhi_epi64(upper01, lower01));
    let (c26, c37) =
        (avx2._mm256_unpacklo_epi64(upper23, lower23), avx2._mm256_unpackhi_epi64(upper23, lower23));
    // a1 a3 b1 b3 c1 c3 d1 d3 | a5 a7 ...
    let (upper, lower) = (avx2._mm256_unpacklo_epi16(c15, c37), avx2._mm256_unpackhi_epi16(c15, c37));
    [
        halves_paired(simd, c04),
        halves_paired(simd, c26),
        avx2._mm256_permute2x128_si256::<0x20>(upper, lower),
        avx2._mm256_permute2x128_si256::<0x31>(upper, lower),
    ]
}

/// Numbers of 16 bits of the lower and the upper half, one of each in turn.
#[inline(always)]
fn halves_paired(simd: V3, halves: __m256i) -> __m256i {
    const TURNS: [u8; 32] = {
        let mut places = [0; 32];
        let mut i = 0;
        while i < 32 {
            let number = i % 16 / 2;
            places[i] = (2 * (number / 2) + 8 * (number % 2) + i % 2) as u8;
            i += 1;
        }
        places
    };
    let quarters = simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(halves);
    simd.avx2._mm256_shuffle_epi8(quarters, cast(TURNS))
}

/// Columns of 32 bits as rows of bytes; what lies beyond 0 and 255 is cut.
#[inline(always)]
fn bytes(simd: V3, columns: [__m256i; 8]) -> Pixels {
    /// Of four rows and four columns, those of one row together.
    const TURNED: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
    let avx2 = simd.avx2;
    let four = |[a, b, c, d]: [__m256i; 4]| {
        let words = (avx2._mm256_packs_epi32(a, b), avx2._mm256_packs_epi32(c, d));
        avx2._mm256_shuffle_epi8(avx2._mm256_packus_epi16(words.0, words.1), cast([TURNED; 2]))
    };
    let [a, b, c, d, e, f, g, h] = columns;
    let (left, right) = (four([a, b, c, d]), four([e, f, g, h]));
    let [r0, r1, r4, r5] = cast(avx2._mm256_unpacklo_epi32(left, right));
    let [r2, r3, r6, r7] = cast(avx2._mm256_unpackhi_epi32(left, right));
    [r0, r1, r2, r3, r4, r5, r6, r7]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::decode::jpeg::inverse;

    proptest! {
        /// As large as they may be, too: all of the sum in one coefficient, or shared.
        #[test]
        fn it_is_the_plain_one(place in 0_usize..64, weights: [i8; 32], others: [i8; 32], share in 0.0..1.0) {
            let Some(simd) = V3::try_new() else { return Ok(()) };
            let weights: Vec<f64> = weights.into_iter().chain(others).map(f64::from).collect();
            let sum: f64 = weights.iter().map(|weight| weight.abs()).sum::<f64>().max(1.0);
            let left = f64::from(LARGEST) * share;
            let mut coefficients: [i16; 64] = std::array::from_fn(|i| (weights[i] / sum * left) as i16);
            coefficients[place] = LARGEST - left as i16;
            let block = Block::of(&coefficients);
            let pixels = super::inverse(simd, &block);
            prop_assert!(pixels.is_some() || LARGEST - left as i16 > LARGEST / 4);
            prop_assert!(pixels.is_none_or(|pixels| pixels == inverse::inverse(&block)));
        }
    }
}
