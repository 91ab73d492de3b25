//! Affine maps with the vectors of AVX2: the places of four pixels at once, and the three colors of a pixel. All numbers
//! have 64 bits and are made in the order of plain code, so that no byte differs.

use std::arch::x86_64::{__m128i, __m256d, _CMP_GE_OS, _CMP_LT_OS};

use image::RgbImage;
use pulp::{NullaryFnOnce, cast, x86::V3};

use super::{Inverse, Pixels};

/// Pixels whose places are found together.
const PIXELS: usize = 4;
/// Bytes that are read at once: two pixels and two bytes more.
const READ: usize = 8;

/// Draws `out`, which is black, if the processor can; otherwise false.
pub(super) fn draw(image: &RgbImage, map: Inverse, out: &mut RgbImage) -> bool {
    let Some(simd) = V3::try_new() else { return false };
    let [a, b, c, d, e, f] = map;
    let draw = Draw { simd, source: Pixels::of(image), bytes: image.as_raw(), map, out };
    if [d, e, f] == [0.0, 1.0, 0.0] {
        simd.vectorize(Between::<true, false>(draw));
    } else if [a, b, c] == [1.0, 0.0, 0.0] {
        simd.vectorize(Between::<false, true>(draw));
    } else {
        simd.vectorize(Between::<true, true>(draw));
    }
    true
}

struct Draw<'a> {
    simd: V3,
    source: Pixels<'a>,
    bytes: &'a [u8],
    map: Inverse,
    out: &'a mut RgbImage,
}

/// Points may lie between pixels from left to right (`X`), and from top to bottom (`Y`); where they don't, there is
/// nothing to mix.
struct Between<'a, const X: bool, const Y: bool>(Draw<'a>);

impl<const X: bool, const Y: bool> NullaryFnOnce for Between<'_, X, Y> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Draw { simd, source, bytes, map, out } = self.0;
        for (y, row) in out.chunks_exact_mut(3 * source.width).enumerate() {
            for (i, new) in row.chunks_mut(3 * PIXELS).enumerate() {
                let places = places::<X, Y>(simd, &source, map, (i * PIXELS, y));
                match new.as_mut_array::<{ 3 * PIXELS }>().zip(places) {
                    Some((new, places)) => *new = places.colors::<X, Y>(simd, bytes, 3 * source.width),
                    None => one_by_one(&source, map, (i * PIXELS, y), new),
                }
            }
        }
    }
}

/// For what lies at an edge or outside.
#[inline(never)]
fn one_by_one(source: &Pixels, map: Inverse, (x, y): (usize, usize), new: &mut [u8]) {
    for (i, pixel) in new.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        *pixel = source.at(map, (x + i) as u32, y as u32);
    }
}

/// Where four neighbouring new pixels come from.
struct Places {
    /// The first byte of the pixel at the upper left of each.
    corners: [usize; PIXELS],
    /// How far each is from there.
    dx: [f64; PIXELS],
    dy: [f64; PIXELS],
}

/// For the pixel at `x`, `y` and those right of it, if all of them come from between pixels of the image, and from before
/// its last bytes.
#[inline(always)]
fn places<const X: bool, const Y: bool>(
    simd: V3,
    source: &Pixels,
    [a, b, c, d, e, f]: Inverse,
    (x, y): (usize, usize),
) -> Option<Places> {
    let (mut left, mut top) = (Before::none(x, 1), Before::none(y, 0));
    if X {
        left = Before::new(simd, points(simd, [a, b, c], x, y), source.width)?;
    }
    if Y {
        top = Before::new(simd, points(simd, [d, e, f], x, y), source.height)?;
    }
    let mut corners = [0; PIXELS];
    let mut last = 0;
    for (i, corner) in corners.iter_mut().enumerate() {
        *corner = 3 * (top.pixels[i] as usize * source.width + left.pixels[i] as usize);
        last = last.max(*corner);
    }
    let below = if Y { 3 * source.width } else { 0 };
    let fits = last + below + READ <= 3 * source.rows.len();
    fits.then_some(Places { corners, dx: left.far, dy: top.far })
}

/// A coordinate of where the pixel at `x`, `y` comes from, and the three right of it.
#[inline(always)]
fn points(simd: V3, [by_x, by_y, more]: [f64; 3], x: usize, y: usize) -> __m256d {
    let x = simd.avx._mm256_add_pd(simd.avx._mm256_set1_pd(x as f64), cast([0.5, 1.5, 2.5, 3.5]));
    let along = simd.avx._mm256_mul_pd(simd.avx._mm256_set1_pd(by_x), x);
    let along = simd.avx._mm256_add_pd(along, simd.avx._mm256_set1_pd(by_y * (y as f64 + 0.5)));
    simd.avx._mm256_add_pd(along, simd.avx._mm256_set1_pd(more))
}

/// The pixels whose centres lie before four points.
struct Before {
    pixels: [i32; PIXELS],
    /// How far each point is from the centre.
    far: [f64; PIXELS],
}

impl Before {
    /// Four centres from the pixel `first` on, `step` apart.
    #[inline(always)]
    fn none(first: usize, step: i32) -> Self {
        let first = first as i32;
        Self { pixels: [first, first + step, first + 2 * step, first + 3 * step], far: [0.0; PIXELS] }
    }

    /// If a pixel lies behind each point, too.
    #[inline(always)]
    fn new(simd: V3, points: __m256d, length: usize) -> Option<Self> {
        let points = simd.avx._mm256_sub_pd(points, simd.avx._mm256_set1_pd(0.5));
        let starts = simd.avx._mm256_cmp_pd::<_CMP_GE_OS>(points, simd.avx._mm256_setzero_pd());
        let end = simd.avx._mm256_set1_pd(length as f64 - 1.0);
        let inside = simd.avx._mm256_and_pd(starts, simd.avx._mm256_cmp_pd::<_CMP_LT_OS>(points, end));
        if simd.avx._mm256_movemask_pd(inside) != 0b1111 {
            return None;
        }
        let whole = simd.avx._mm256_cvttpd_epi32(points);
        let far = simd.avx._mm256_sub_pd(points, simd.avx._mm256_cvtepi32_pd(whole));
        Some(Self { pixels: cast(whole), far: cast(far) })
    }
}

impl Places {
    /// The colors of the four.
    #[inline(always)]
    fn colors<const X: bool, const Y: bool>(
        &self,
        simd: V3,
        bytes: &[u8],
        stride: usize,
    ) -> [u8; 3 * PIXELS] {
        let mut colors = [simd.sse2._mm_setzero_si128(); PIXELS];
        for (i, color) in colors.iter_mut().enumerate() {
            let mut mixed = mixed_row::<X>(simd, &bytes[self.corners[i]..], self.dx[i]);
            if Y {
                let below = mixed_row::<X>(simd, &bytes[self.corners[i] + stride..], self.dx[i]);
                mixed = between(simd, mixed, below, self.dy[i]);
            }
            *color = simd.avx._mm256_cvttpd_epi32(mixed);
        }
        let [a, b, c, d] = colors;
        together(simd, simd.sse2._mm_packs_epi32(a, b), simd.sse2._mm_packs_epi32(c, d))
    }
}

/// The color between a pixel and the next one; the last of four numbers is nothing.
#[inline(always)]
fn mixed_row<const X: bool>(simd: V3, bytes: &[u8], dx: f64) -> __m256d {
    let both = u64::from_le_bytes(*bytes.first_chunk::<READ>().expect("a corner lies before the last bytes"));
    let pixel = numbers(simd, both);
    if X { between(simd, pixel, numbers(simd, both >> 24), dx) } else { pixel }
}

/// The lowest four bytes as numbers.
#[inline(always)]
fn numbers(simd: V3, bytes: u64) -> __m256d {
    let bytes = simd.sse2._mm_set_epi64x(0, bytes as i64);
    simd.avx._mm256_cvtepi32_pd(simd.sse4_1._mm_cvtepu8_epi32(bytes))
}

/// As [`super::between`].
#[inline(always)]
fn between(simd: V3, a: __m256d, b: __m256d, part: f64) -> __m256d {
    let difference = simd.avx._mm256_sub_pd(b, a);
    simd.avx._mm256_add_pd(a, simd.avx._mm256_mul_pd(difference, simd.avx._mm256_set1_pd(part)))
}

/// Four pixels of four words as their colors' bytes.
#[inline(always)]
fn together(simd: V3, first: __m128i, second: __m128i) -> [u8; 3 * PIXELS] {
    const COLORS: [u8; 16] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0x80, 0x80, 0x80, 0x80];
    let bytes = simd.sse2._mm_packus_epi16(first, second);
    let bytes: [u8; 16] = cast(simd.ssse3._mm_shuffle_epi8(bytes, cast(COLORS)));
    *bytes.first_chunk().expect("twelve of sixteen")
}
