//! Resampling along one axis with the vectors of AVX2.
//!
//! A weight has 23 bits, and the fastest product multiplies 16 by 16 and adds neighbours up. So a weight is taken apart
//! into `high * 2^11 + low`, both sums are kept, and put together in the end: in integers that changes nothing.

use std::arch::x86_64::{__m128i, __m256i};

use image::RgbImage;
use pulp::{NullaryFnOnce, cast, x86::V3};

use super::{
    view::View,
    weights::{BITS, HALF, Weights},
};

/// Bits of a weight's lower part.
const LOW_BITS: u32 = 11;
/// Bytes that are read at once.
const READ: usize = 16;
/// Bytes of two neighbouring pixels.
const PAIR: usize = 6;
/// New pixels of a row that are made together.
const PIXELS: usize = 4;

/// Makes `out` if the processor can and it is wide enough; otherwise false.
pub(super) fn horizontal(view: View, columns: &Weights, out: &mut RgbImage) -> bool {
    let Some(simd) = V3::try_new() else { return false };
    let is_wide = columns.len() >= PIXELS;
    if is_wide {
        simd.vectorize(Horizontal { simd, view, columns: Paired::new(columns), out });
    }
    is_wide
}

/// Makes `out` if the processor can and it is wide enough; otherwise false.
pub(super) fn vertical(view: View, rows: &Weights, out: &mut RgbImage) -> bool {
    let Some(simd) = V3::try_new() else { return false };
    let is_wide = view.row_len() >= READ;
    if is_wide {
        simd.vectorize(Vertical { simd, view, rows: Paired::new(rows), out });
    }
    is_wide
}

/// Weights in pairs: equally many for each new pixel, those too many are 0.
struct Paired {
    /// The first old pixel of each new one.
    firsts: Vec<usize>,
    /// Pairs of a new pixel.
    count: usize,
    pairs: Vec<Pair>,
}

/// Two neighbouring weights, as 16 bits each.
#[derive(Clone, Copy, Default)]
struct Pair {
    high: i32,
    low: i32,
}

impl Paired {
    fn new(weights: &Weights) -> Self {
        let count = weights.iter().map(|(_, weights)| weights.len().div_ceil(2)).max().unwrap_or(0);
        let mut pairs = Vec::with_capacity(count * weights.len());
        for (i, (_, weights)) in weights.iter().enumerate() {
            pairs.extend(weights.chunks(2).map(|pair| Pair::new(pair[0], pair.get(1).copied().unwrap_or(0))));
            pairs.resize((i + 1) * count, Pair::default());
        }
        Self { firsts: weights.iter().map(|(low, _)| low).collect(), count, pairs }
    }

    /// How many bytes of a row are read, whether they count or not.
    fn needed(&self) -> usize {
        let last = self.firsts.iter().max().copied().unwrap_or(0);
        3 * last + PAIR * self.count + READ
    }

    #[inline(always)]
    fn of(&self, pixel: usize) -> &[Pair] {
        &self.pairs[pixel * self.count..][..self.count]
    }
}

impl Pair {
    fn new(first: i32, second: i32) -> Self {
        let mask = (1 << LOW_BITS) - 1;
        let together = |first: i32, second: i32| (first & 0xFFFF) | (second << 16);
        Self {
            high: together(first >> LOW_BITS, second >> LOW_BITS),
            low: together(first & mask, second & mask),
        }
    }
}

/// Sums of products with the upper and with the lower parts of weights.
#[derive(Clone, Copy)]
struct Sums {
    high: __m256i,
    low: __m256i,
}

impl Sums {
    #[inline(always)]
    fn new(simd: V3) -> Self {
        Self { high: simd.avx._mm256_setzero_si256(), low: simd.avx._mm256_set1_epi32(HALF) }
    }

    /// Adds the product of neighbours, of 16 bits each, and their weights.
    #[inline(always)]
    fn add(&mut self, simd: V3, neighbours: __m256i, pair: Pair) {
        let high = simd.avx2._mm256_madd_epi16(neighbours, simd.avx._mm256_set1_epi32(pair.high));
        let low = simd.avx2._mm256_madd_epi16(neighbours, simd.avx._mm256_set1_epi32(pair.low));
        self.high = simd.avx2._mm256_add_epi32(self.high, high);
        self.low = simd.avx2._mm256_add_epi32(self.low, low);
    }

    /// The sums as pixels of 32 bits, which may lie beyond 0 and 255.
    #[inline(always)]
    fn pixels(self, simd: V3) -> __m256i {
        let high = simd.avx2._mm256_slli_epi32::<{ LOW_BITS as i32 }>(self.high);
        simd.avx2._mm256_srai_epi32::<{ BITS as i32 }>(simd.avx2._mm256_add_epi32(high, self.low))
    }
}

#[inline(always)]
fn read(bytes: &[u8], at: usize) -> __m128i {
    cast(*bytes[at..].first_chunk::<READ>().expect("rows are long enough"))
}

struct Horizontal<'a> {
    simd: V3,
    view: View<'a>,
    columns: Paired,
    out: &'a mut RgbImage,
}

impl NullaryFnOnce for Horizontal<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, view, columns, out } = self;
        let (stride, needed) = (3 * columns.firsts.len(), columns.needed());
        let [mut one, mut other] = [Vec::new(), Vec::new()];
        for (i, new) in out.chunks_mut(2 * stride).enumerate() {
            let below = (2 * i + 1).min(view.height() - 1);
            let rows = [
                long_enough(view.row_and_behind(2 * i), needed, &mut one),
                long_enough(view.row_and_behind(below), needed, &mut other),
            ];
            let (first, second) = new.split_at_mut(stride);
            match columns.count {
                1 => two_rows::<1>(simd, &columns, rows, first, second),
                2 => two_rows::<2>(simd, &columns, rows, first, second),
                3 => two_rows::<3>(simd, &columns, rows, first, second),
                _ => two_rows::<0>(simd, &columns, rows, first, second),
            }
        }
    }
}

/// A row of at least `needed` bytes: as it lies, or copied to `extended`, with zeros behind it.
fn long_enough<'a>(row: &'a [u8], needed: usize, extended: &'a mut Vec<u8>) -> &'a [u8] {
    if row.len() >= needed {
        return row;
    }
    extended.clear();
    extended.extend_from_slice(row);
    extended.resize(needed, 0);
    extended
}

/// Two new rows, of two old ones; the second may be missing. `COUNT` pairs of weights are for a new pixel; 0: any number.
#[inline(always)]
fn two_rows<const COUNT: usize>(
    simd: V3,
    columns: &Paired,
    rows: [&[u8]; 2],
    first: &mut [u8],
    second: &mut [u8],
) {
    let last = columns.firsts.len() - PIXELS;
    for pixel in (0..=last).step_by(PIXELS).chain((!last.is_multiple_of(PIXELS)).then_some(last)) {
        let mut pixels = [simd.avx._mm256_setzero_si256(); PIXELS];
        for (i, made) in pixels.iter_mut().enumerate() {
            *made = one_pixel::<COUNT>(simd, columns, rows, pixel + i);
        }
        let bytes = together(simd, pixels);
        let place = 3 * pixel..3 * (pixel + PIXELS);
        first[place.clone()].copy_from_slice(&bytes[0][..3 * PIXELS]);
        if !second.is_empty() {
            second[place].copy_from_slice(&bytes[1][..3 * PIXELS]);
        }
    }
}

/// One pixel of each of two rows, as numbers of 32 bits: red, green, blue, 0, of the first row, and of the second.
#[inline(always)]
fn one_pixel<const COUNT: usize>(simd: V3, columns: &Paired, rows: [&[u8]; 2], pixel: usize) -> __m256i {
    let mut pairs = columns.of(pixel);
    if COUNT > 0 {
        pairs = pairs.first_chunk::<COUNT>().expect("as many pairs as counted");
    }
    let mut sums = Sums::new(simd);
    let mut at = 3 * columns.firsts[pixel];
    for pairs in pairs.chunks(2) {
        let both = simd.avx._mm256_set_m128i(read(rows[1], at), read(rows[0], at));
        sums.add(simd, simd.avx2._mm256_shuffle_epi8(both, neighbours(0)), pairs[0]);
        if let Some(pair) = pairs.get(1) {
            sums.add(simd, simd.avx2._mm256_shuffle_epi8(both, neighbours(PAIR)), *pair);
        }
        at += 2 * PAIR;
    }
    sums.pixels(simd)
}

/// Which bytes become the neighbours of two pixels by color, from byte `at` on: 16 bits each, the upper 8 are 0.
#[inline(always)]
fn neighbours(at: usize) -> __m256i {
    const ZERO: u8 = 0x80;
    let mut places = [ZERO; 32];
    for lane in [0, 16] {
        for color in 0..3 {
            places[lane + 4 * color] = (at + color) as u8;
            places[lane + 4 * color + 2] = (at + 3 + color) as u8;
        }
    }
    cast(places)
}

/// Four pixels of each of two rows, of 32 bits, as bytes; the last four bytes are nothing.
#[inline(always)]
fn together(simd: V3, pixels: [__m256i; PIXELS]) -> [[u8; READ]; 2] {
    const COLORS: [u8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0x80, 0x80, 0x80, 0x80];
    let [a, b, c, d] = pixels;
    let (ab, cd) = (simd.avx2._mm256_packs_epi32(a, b), simd.avx2._mm256_packs_epi32(c, d));
    let bytes = simd.avx2._mm256_packus_epi16(ab, cd);
    cast(simd.avx2._mm256_shuffle_epi8(bytes, cast([COLORS; 2])))
}

struct Vertical<'a> {
    simd: V3,
    view: View<'a>,
    rows: Paired,
    out: &'a mut RgbImage,
}

impl NullaryFnOnce for Vertical<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let stride = self.view.row_len();
        let last = stride - READ;
        for (y, new) in self.out.chunks_exact_mut(stride).enumerate() {
            for x in (0..=last).step_by(READ).chain((!last.is_multiple_of(READ)).then_some(last)) {
                let bytes: [u8; READ] = cast(columns(self.simd, self.view, &self.rows, y, x));
                new[x..x + READ].copy_from_slice(&bytes);
            }
        }
    }
}

/// Sixteen bytes of the new row `y`, from byte `x` on.
#[inline(always)]
fn columns(simd: V3, view: View, rows: &Paired, y: usize, x: usize) -> __m128i {
    let (mut left, mut right) = (Sums::new(simd), Sums::new(simd));
    let mut old = rows.firsts[y];
    for pair in rows.of(y) {
        // A row too many has the weight 0.
        let (above, below) = (view.row(old), view.row((old + 1).min(view.height() - 1)));
        let (above, below) = (read(above, x), read(below, x));
        let (first, second) =
            (simd.sse2._mm_unpacklo_epi8(above, below), simd.sse2._mm_unpackhi_epi8(above, below));
        left.add(simd, simd.avx2._mm256_cvtepu8_epi16(first), *pair);
        right.add(simd, simd.avx2._mm256_cvtepu8_epi16(second), *pair);
        old = (old + 2).min(view.height() - 1);
    }
    let (first, second) = (left.pixels(simd), right.pixels(simd));
    // Packed within halves of the vector, and these put in order.
    let words =
        simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(simd.avx2._mm256_packs_epi32(first, second));
    let [low, high]: [__m128i; 2] = cast(words);
    simd.sse2._mm_packus_epi16(low, high)
}
