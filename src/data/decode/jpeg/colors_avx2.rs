//! Rows of colours with the vectors of AVX2: the same integers as `colors`.

use std::arch::x86_64::{__m128i, __m256i};

use pulp::{cast, x86::V3};

use super::colors::{BITS, BLUE, GREEN, HALF, RED, Row};

/// Pixels that are made together.
const PIXELS: usize = 32;

/// As [`super::colors::convert`]. Behind the last pixel of each row [`super::colors::BEHIND`] bytes are read.
#[inline(always)]
pub(super) fn convert(simd: V3, row: Row<'_>, from: usize, out: &mut [u8]) {
    match row.is_half {
        true => convert_by::<true>(simd, row, from, out),
        false => convert_by::<false>(simd, row, from, out),
    }
}

#[inline(always)]
fn convert_by<const IS_HALF: bool>(simd: V3, row: Row<'_>, from: usize, out: &mut [u8]) {
    let colour_from = if IS_HALF { from / 2 } else { from };
    let (luma, blue, red) = (&row.luma[from..], &row.blue[colour_from..], &row.red[colour_from..]);
    let step = if IS_HALF { PIXELS / 2 } else { PIXELS };
    for (i, out) in out.chunks_mut(3 * PIXELS).enumerate() {
        let colour = |colour: &[u8]| {
            if IS_HALF { wider(simd, colour, step * i) } else { wide(simd, colour, step * i + 1) }
        };
        let made = rgb(simd, wide(simd, luma, PIXELS * i), colour(blue), colour(red));
        if out.len() == 3 * PIXELS {
            for (out, made) in out.as_chunks_mut().0.iter_mut().zip(made) {
                *out = cast::<_, [u8; 32]>(made);
            }
        } else {
            out.copy_from_slice(&cast::<_, [u8; 3 * PIXELS]>(made)[..out.len()]);
        }
    }
}

/// 32 numbers of 16 bits: 0 to 7 and 16 to 23, and the others.
type Numbers = [__m256i; 2];

/// 32 bytes as numbers.
#[inline(always)]
fn wide(simd: V3, bytes: &[u8], at: usize) -> Numbers {
    let bytes: __m256i = cast(*bytes[at..].first_chunk::<32>().expect("rows are long enough"));
    let zero = simd.avx._mm256_setzero_si256();
    [simd.avx2._mm256_unpacklo_epi8(bytes, zero), simd.avx2._mm256_unpackhi_epi8(bytes, zero)]
}

/// 32 numbers between 18 bytes: of each two next to it the nearer counts three quarters.
#[inline(always)]
fn wider(simd: V3, bytes: &[u8], at: usize) -> Numbers {
    let avx2 = simd.avx2;
    let read = |from: usize| {
        let bytes: __m128i = cast(*bytes[at + from..].first_chunk::<16>().expect("rows are long enough"));
        avx2._mm256_cvtepu8_epi16(bytes)
    };
    let near = read(1);
    let thrice = avx2._mm256_add_epi16(near, avx2._mm256_add_epi16(near, near));
    let thrice = avx2._mm256_add_epi16(thrice, simd.avx._mm256_set1_epi16(2));
    let between = |far| avx2._mm256_srli_epi16::<2>(avx2._mm256_add_epi16(thrice, far));
    let (even, odd) = (between(read(0)), between(read(2)));
    [avx2._mm256_unpacklo_epi16(even, odd), avx2._mm256_unpackhi_epi16(even, odd)]
}

/// Pixels of three bytes each.
#[inline(always)]
fn rgb(simd: V3, luma: Numbers, blue: Numbers, red: Numbers) -> [__m256i; 3] {
    let first = part(simd, luma[0], blue[0], red[0]);
    let second = part(simd, luma[1], blue[1], red[1]);
    let pack = |color: usize| simd.avx2._mm256_packus_epi16(first[color], second[color]);
    together(simd, [pack(0), pack(1), pack(2)])
}

/// Red, green and blue of sixteen pixels, which may lie beyond 0 and 255.
#[inline(always)]
fn part(simd: V3, luma: __m256i, blue: __m256i, red: __m256i) -> [__m256i; 3] {
    let avx2 = simd.avx2;
    let grey = simd.avx._mm256_set1_epi16(128);
    let (blue, red) = (avx2._mm256_sub_epi16(blue, grey), avx2._mm256_sub_epi16(red, grey));
    // The instruction adds a half, and not what is just below: it would differ for 4096 and its odd multiples alone.
    let times = |colour, factor: i32| {
        let twice = avx2._mm256_add_epi16(colour, colour);
        avx2._mm256_mulhrs_epi16(twice, simd.avx._mm256_set1_epi16(factor as i16))
    };
    let green = |pairs| {
        let factors = simd.avx._mm256_set1_epi32(GREEN[0] & 0xFFFF | GREEN[1] << 16);
        let sum =
            avx2._mm256_add_epi32(avx2._mm256_madd_epi16(pairs, factors), simd.avx._mm256_set1_epi32(HALF));
        avx2._mm256_srai_epi32::<{ BITS as i32 }>(sum)
    };
    let (low, high) = (avx2._mm256_unpacklo_epi16(blue, red), avx2._mm256_unpackhi_epi16(blue, red));
    let green = avx2._mm256_packs_epi32(green(low), green(high));
    let add = |colour| avx2._mm256_add_epi16(luma, colour);
    [add(times(red, RED)), add(green), add(times(blue, BLUE))]
}

/// Three colours of 32 pixels, pixel by pixel.
#[inline(always)]
fn together(simd: V3, colors: [__m256i; 3]) -> [__m256i; 3] {
    let avx2 = simd.avx2;
    // Of each half sixteen bytes of its 48.
    let of =
        |color: usize, third: usize| avx2._mm256_shuffle_epi8(colors[color], cast([PLACES[third][color]; 2]));
    let third = |third| avx2._mm256_or_si256(avx2._mm256_or_si256(of(0, third), of(1, third)), of(2, third));
    let (a, b, c) = (third(0), third(1), third(2));
    let ab = avx2._mm256_permute2x128_si256::<0x20>(a, b);
    let ca = avx2._mm256_permute2x128_si256::<0x30>(c, a);
    let bc = avx2._mm256_permute2x128_si256::<0x31>(b, c);
    [ab, ca, bc]
}

/// For each third of 48 bytes and each colour, which of its pixels goes where; none where another colour does.
const PLACES: [[[u8; 16]; 3]; 3] = {
    let mut places = [[[0x80; 16]; 3]; 3];
    let mut i = 0;
    while i < 48 {
        places[i / 16][i % 3][i % 16] = (i / 3) as u8;
        i += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{data::decode::jpeg::colors, random::Random};

    proptest! {
        #[test]
        fn it_is_the_plain_one(seed: u64, from in 0_usize..20, pixels in 1_usize..150, is_half: bool) {
            let Some(simd) = V3::try_new() else { return Ok(()) };
            let mut random = Random::new("colors", &[seed]);
            let [luma, blue, red] = [(); 3].map(|()| (0..240).map(|_| random.below(256) as u8).collect::<Vec<u8>>());
            let row = Row { luma: &luma, blue: &blue, red: &red, is_half };
            let [mut vectors, mut plain] = [vec![0; 3 * pixels], vec![0; 3 * pixels]];
            convert(simd, row, 2 * from, &mut vectors);
            colors::convert(row, 2 * from, &mut plain);
            prop_assert_eq!(vectors, plain);
        }
    }

    #[test]
    fn every_pair_of_colours_is_the_plain_one() {
        let Some(simd) = V3::try_new() else { return };
        for blue in 0..=255 {
            let (blue, red) = ([blue; 300], std::array::from_fn::<u8, 300, _>(|x| (x as u8).wrapping_sub(1)));
            for luma in [0, 1, 127, 255] {
                let row = Row { luma: &[luma; 300], blue: &blue, red: &red, is_half: false };
                let [mut vectors, mut plain] = [[0; 3 * 256]; 2];
                convert(simd, row, 0, &mut vectors);
                colors::convert(row, 0, &mut plain);
                assert_eq!(vectors, plain, "{luma} {}", blue[0]);
            }
        }
    }
}
