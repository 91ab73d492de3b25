//! Resampling along one axis with vectors, those of AVX-512 where there are some, otherwise those of AVX2.
//!
//! A weight has 23 bits, and the fastest product multiplies 16 by 16 and adds neighbours up. So a weight is taken apart
//! into `high * 2^11 + low`, both sums are kept, and put together in the end: in integers that changes nothing.

use image::RgbImage;
use pulp::{
    NullaryFnOnce,
    x86::{V3, V4},
};

use super::{
    vectors::{LANE, Vectors},
    view::View,
    weights::{BITS, HALF, Weights},
};

/// Bits of a weight's lower part.
const LOW_BITS: u32 = 11;
/// Bytes of two neighbouring pixels.
const PAIR: usize = 6;
/// New pixels of a row that are made together.
const PIXELS: usize = 4;

/// Makes `out` if the processor can and it is wide enough; otherwise false.
pub(super) fn horizontal(view: View, columns: &Weights, out: &mut RgbImage) -> bool {
    if columns.len() < PIXELS {
        return false;
    }
    if let Some(simd) = V4::try_new() {
        simd.vectorize(Horizontal { simd, view, columns: Paired::new(columns), out });
    } else if let Some(simd) = V3::try_new() {
        simd.vectorize(Horizontal { simd, view, columns: Paired::new(columns), out });
    } else {
        return false;
    }
    true
}

/// Makes `out` if the processor can and it is wide enough; otherwise false.
pub(super) fn vertical(view: View, rows: &Weights, out: &mut RgbImage) -> bool {
    let width = view.row_len();
    if let Some(simd) = V4::try_new().filter(|_| width >= 4 * LANE) {
        simd.vectorize(Vertical { simd, view, rows: Paired::new(rows), out });
    } else if let Some(simd) = V3::try_new().filter(|_| width >= 2 * LANE) {
        simd.vectorize(Vertical { simd, view, rows: Paired::new(rows), out });
    } else {
        return false;
    }
    true
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
        3 * last + PAIR * self.count + LANE
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
struct Sums<V> {
    high: V,
    low: V,
}

impl<V: Copy> Sums<V> {
    #[inline(always)]
    fn new<const LANES: usize>(simd: impl Vectors<LANES, Vector = V>) -> Self {
        Self { high: simd.zero(), low: simd.set1_epi32(HALF) }
    }

    /// Adds the product of neighbours, of 16 bits each, and their weights.
    #[inline(always)]
    fn add<const LANES: usize>(
        &mut self,
        simd: impl Vectors<LANES, Vector = V>,
        neighbours: V,
        [high, low]: [V; 2],
    ) {
        self.high = simd.add_epi32(self.high, simd.madd_epi16(neighbours, high));
        self.low = simd.add_epi32(self.low, simd.madd_epi16(neighbours, low));
    }

    /// The sums as pixels of 32 bits, which may lie beyond 0 and 255.
    #[inline(always)]
    fn pixels<const LANES: usize>(self, simd: impl Vectors<LANES, Vector = V>) -> V {
        let high = simd.slli_epi32::<LOW_BITS>(self.high);
        simd.srai_epi32::<BITS>(simd.add_epi32(high, self.low))
    }
}

/// A pair of weights for all numbers of a vector.
#[inline(always)]
fn spread<const LANES: usize, S: Vectors<LANES>>(simd: S, pair: Pair) -> [S::Vector; 2] {
    [simd.set1_epi32(pair.high), simd.set1_epi32(pair.low)]
}

#[inline(always)]
fn read<const LENGTH: usize>(bytes: &[u8], at: usize) -> [u8; LENGTH] {
    *bytes[at..].first_chunk().expect("rows are long enough")
}

/// As many rows at once as a vector has lanes.
struct Horizontal<'a, S> {
    simd: S,
    view: View<'a>,
    columns: Paired,
    out: &'a mut RgbImage,
}

impl NullaryFnOnce for Horizontal<'_, V3> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.all::<2>();
    }
}

impl NullaryFnOnce for Horizontal<'_, V4> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.all::<4>();
    }
}

impl<S> Horizontal<'_, S> {
    #[inline(always)]
    fn all<const LANES: usize>(self)
    where
        S: Vectors<LANES>,
    {
        let Self { simd, view, columns, out } = self;
        let (stride, needed) = (3 * columns.firsts.len(), columns.needed());
        let mut extended = [(); LANES].map(|()| Vec::new());
        for (i, new) in out.chunks_mut(LANES * stride).enumerate() {
            let mut place = LANES * i;
            let old = extended.each_mut().map(|extended| {
                // Behind the last row it comes again.
                let row = view.row_and_behind(place.min(view.height() - 1));
                place += 1;
                long_enough(row, needed, extended)
            });
            match columns.count {
                1 => rows::<1, LANES, S>(simd, &columns, old, new),
                2 => rows::<2, LANES, S>(simd, &columns, old, new),
                3 => rows::<3, LANES, S>(simd, &columns, old, new),
                _ => rows::<0, LANES, S>(simd, &columns, old, new),
            }
        }
    }
}

/// A row of `needed` bytes: as it lies, or copied to `extended`, with zeros behind it.
fn long_enough<'a>(row: &'a [u8], needed: usize, extended: &'a mut Vec<u8>) -> &'a [u8] {
    if let Some(row) = row.get(..needed) {
        return row;
    }
    extended.clear();
    extended.extend_from_slice(row);
    extended.resize(needed, 0);
    extended
}

/// New rows, of as many old ones; the last ones may be missing. `COUNT` pairs of weights are for a new pixel; 0: any number.
#[inline(always)]
fn rows<const COUNT: usize, const LANES: usize, S: Vectors<LANES>>(
    simd: S,
    columns: &Paired,
    old: [&[u8]; LANES],
    new: &mut [u8],
) {
    let stride = 3 * columns.firsts.len();
    // As long as each other, they are looked at once.
    let length = old[0].len();
    let old = old.map(|row| &row[..length]);
    let last = columns.firsts.len() - PIXELS;
    let mut pixel = 0;
    loop {
        let one = |i| one_pixel::<COUNT, LANES, S>(simd, columns, old, pixel + i);
        let made = together(simd, [one(0), one(1), one(2), one(3)]);
        for (new, made) in new.chunks_mut(stride).zip(made) {
            new[3 * pixel..][..3 * PIXELS].copy_from_slice(&made[..3 * PIXELS]);
        }
        if pixel == last {
            break;
        }
        // The last ones may be made twice.
        pixel = (pixel + PIXELS).min(last);
    }
}

/// One pixel of each row, as numbers of 32 bits: a lane for each row has red, green, blue, 0.
#[inline(always)]
fn one_pixel<const COUNT: usize, const LANES: usize, S: Vectors<LANES>>(
    simd: S,
    columns: &Paired,
    old: [&[u8]; LANES],
    pixel: usize,
) -> S::Vector {
    let mut pairs = columns.of(pixel);
    if COUNT > 0 {
        pairs = pairs.first_chunk::<COUNT>().expect("as many pairs as counted");
    }
    let mut sums = Sums::new(simd);
    let mut at = 3 * columns.firsts[pixel];
    for pairs in pairs.chunks(2) {
        // Not by `map`, which is at times a function of its own, and then not one for these vectors.
        let mut lanes = [[0; LANE]; LANES];
        for (lane, row) in lanes.iter_mut().zip(old) {
            *lane = read(row, at);
        }
        let bytes = simd.of_lanes(lanes);
        sums.add(simd, neighbours(simd, bytes, 0), spread(simd, pairs[0]));
        if let Some(pair) = pairs.get(1) {
            sums.add(simd, neighbours(simd, bytes, PAIR), spread(simd, *pair));
        }
        at += 2 * PAIR;
    }
    sums.pixels(simd)
}

/// The neighbours of two pixels by color, from byte `at` of each lane on: 16 bits each, the upper 8 are 0.
#[inline(always)]
fn neighbours<const LANES: usize, S: Vectors<LANES>>(simd: S, bytes: S::Vector, at: usize) -> S::Vector {
    const ZERO: u8 = 0x80;
    let mut places = [ZERO; LANE];
    for color in 0..3 {
        places[4 * color] = (at + color) as u8;
        places[4 * color + 2] = (at + 3 + color) as u8;
    }
    simd.shuffle_epi8(bytes, simd.of_lanes([places; LANES]))
}

/// Four pixels of each row, of 32 bits, as bytes; the last four bytes are nothing.
#[inline(always)]
fn together<const LANES: usize, S: Vectors<LANES>>(
    simd: S,
    pixels: [S::Vector; PIXELS],
) -> [[u8; LANE]; LANES] {
    const COLORS: [u8; LANE] = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0x80, 0x80, 0x80, 0x80];
    let [a, b, c, d] = pixels;
    let bytes = simd.packus_epi16(simd.packs_epi32(a, b), simd.packs_epi32(c, d));
    simd.lanes(simd.shuffle_epi8(bytes, simd.of_lanes([COLORS; LANES])))
}

struct Vertical<'a, S> {
    simd: S,
    view: View<'a>,
    rows: Paired,
    out: &'a mut RgbImage,
}

impl NullaryFnOnce for Vertical<'_, V3> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.all::<2>();
    }
}

impl NullaryFnOnce for Vertical<'_, V4> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.all::<4>();
    }
}

impl<S> Vertical<'_, S> {
    #[inline(always)]
    fn all<const LANES: usize>(self)
    where
        S: Vectors<LANES>,
    {
        let Self { simd, view, rows, out } = self;
        let mut pairs = Vec::with_capacity(rows.count);
        for (y, new) in out.chunks_exact_mut(view.row_len()).enumerate() {
            pairs.clear();
            let last = view.height() - 1;
            pairs.extend(rows.of(y).iter().enumerate().map(|(i, pair)| {
                // A row too many has the weight 0.
                let above = (rows.firsts[y] + 2 * i).min(last);
                ([view.row(above), view.row((above + 1).min(last))], *pair)
            }));
            match pairs[..] {
                [a] => one_row(simd, &[a], new),
                [a, b] => one_row(simd, &[a, b], new),
                [a, b, c] => one_row(simd, &[a, b, c], new),
                _ => one_row(simd, &pairs, new),
            }
        }
    }
}

/// A new row of pairs of old ones and their weights.
#[inline(always)]
fn one_row<const LANES: usize, S: Vectors<LANES>>(simd: S, pairs: &[([&[u8]; 2], Pair)], new: &mut [u8]) {
    let step = LANES * LANE;
    let last = new.len() - step;
    let mut x = 0;
    loop {
        let bytes = bytes_of(simd, pairs, x);
        new[x..x + step].copy_from_slice(bytes.as_flattened());
        if x == last {
            break;
        }
        // The last ones may be made twice.
        x = (x + step).min(last);
    }
}

/// The bytes of a new row from `x` on, as many as a vector has.
#[inline(always)]
fn bytes_of<const LANES: usize, S: Vectors<LANES>>(
    simd: S,
    pairs: &[([&[u8]; 2], Pair)],
    x: usize,
) -> [[u8; LANE]; LANES] {
    // Of each lane four bytes in turn.
    let mut sums = [Sums::new(simd); 4];
    for (rows, pair) in pairs {
        let (above, below) = (simd.of_bytes(&rows[0][x..]), simd.of_bytes(&rows[1][x..]));
        let (low, high) = (simd.unpacklo_epi8(above, below), simd.unpackhi_epi8(above, below));
        let weights = spread(simd, *pair);
        sums[0].add(simd, simd.unpacklo_epi8(low, simd.zero()), weights);
        sums[1].add(simd, simd.unpackhi_epi8(low, simd.zero()), weights);
        sums[2].add(simd, simd.unpacklo_epi8(high, simd.zero()), weights);
        sums[3].add(simd, simd.unpackhi_epi8(high, simd.zero()), weights);
    }
    let [a, b, c, d] = sums;
    let first = simd.packs_epi32(a.pixels(simd), b.pixels(simd));
    let second = simd.packs_epi32(c.pixels(simd), d.pixels(simd));
    simd.lanes(simd.packus_epi16(first, second))
}
