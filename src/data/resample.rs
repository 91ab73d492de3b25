//! Resampling as Pillow does it, bit for bit: separable, antialiased, in 8-bit fixed point.
//!
//! The filter is stretched by the scale when an image shrinks, each axis is one pass, and the
//! image is rounded to 8 bits between the passes. Pillow 13 chooses which pass comes first.

use std::ops::Range;

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How new pixels are made of old ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// A triangle over two pixels, wider when the image shrinks.
    #[default]
    Bilinear,
    /// Keys' cubic (a = -0.5) over four pixels, wider when the image shrinks.
    Bicubic,
}

impl Interpolation {
    /// How far the filter reaches at scale 1, in pixels.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// The free parameter of the cubic (R. Keys, 1981), as in Pillow.
const A: f64 = -0.5;
/// Bits after the point of a weight: 32, less 8 of the pixel and 2 for sums beyond 255.
const BITS: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (BITS - 1);

/// A rectangle of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The rectangle's first column.
    pub left: u32,
    /// The rectangle's first row.
    pub top: u32,
    /// How many columns the rectangle has.
    pub width: u32,
    /// How many rows the rectangle has.
    pub height: u32,
}

/// `image` resampled to exactly `width` x `height` pixels; both at least 1.
#[must_use]
pub fn resize(image: RgbImage, width: u32, height: u32, interpolation: Interpolation) -> RgbImage {
    resize_part(image, (width, height), Part { left: 0, top: 0, width, height }, interpolation)
}

/// The `part` of what [`resize`] makes of `image` at `new` (width, height), inside which it lies. Neither the rest
/// of the resized image is made, nor anything that only the rest needs.
#[must_use]
pub fn resize_part(image: RgbImage, new: (u32, u32), part: Part, interpolation: Interpolation) -> RgbImage {
    let old = image.dimensions();
    if old.0 == 0 || old.1 == 0 || part.width == 0 || part.height == 0 {
        return RgbImage::new(part.width, part.height);
    }
    let columns = Axis::new(old.0, new.0, part.left, part.width, interpolation);
    let rows = Axis::new(old.1, new.1, part.top, part.height, interpolation);
    let image = crop(
        image,
        Part { left: columns.start, top: rows.start, width: columns.length, height: rows.length },
    );
    if vertical_first(old, new) {
        horizontal(vertical(image, &rows), &columns)
    } else {
        vertical(horizontal(image, &columns), &rows)
    }
}

/// A part of `image`, inside which it must lie.
#[must_use]
pub fn crop(image: RgbImage, Part { left, top, width, height }: Part) -> RgbImage {
    if image.dimensions() == (width, height) {
        return image;
    }
    let stride = 3 * image.width() as usize;
    let (from, to) = (3 * left as usize, 3 * (left + width) as usize);
    let rows = image.chunks_exact(stride.max(3)).skip(top as usize).take(height as usize);
    let mut pixels = Vec::with_capacity((to - from) * height as usize);
    rows.for_each(|row| pixels.extend_from_slice(&row[from..to]));
    RgbImage::from_raw(width, height, pixels).expect("the part lies inside the image")
}

/// Pillow's rule since 13.0: the pass that shrinks the image far more comes first.
fn vertical_first(old: (u32, u32), new: (u32, u32)) -> bool {
    let lost = |old: u32, new: u32| i64::from(old) - i64::from(new);
    let (columns, rows) = (lost(old.0, new.0), lost(old.1, new.1));
    rows > 0 && rows > 2 * columns
}

/// What a stretch of new pixels along one axis needs of the old ones.
struct Axis {
    /// The first old pixel that counts, and how many do.
    start: u32,
    length: u32,
    /// How the new pixels are made; `None` if they are the old ones.
    weights: Option<Weights>,
}

impl Axis {
    /// For `count` of `new` pixels from `first` on, made of `old` pixels.
    fn new(old: u32, new: u32, first: u32, count: u32, interpolation: Interpolation) -> Self {
        if old == new {
            return Self { start: first, length: count, weights: None };
        }
        let mut weights = Weights::new(old, new, first..first + count, interpolation);
        let start = weights.spans.iter().map(|(low, _)| *low).min().unwrap_or(0);
        let end = weights.spans.iter().map(|(low, count)| low + count).max().unwrap_or(0);
        weights.spans.iter_mut().for_each(|(low, _)| *low -= start);
        Self { start: start as u32, length: (end - start) as u32, weights: Some(weights) }
    }
}

/// For every new pixel, which old ones count and how much.
struct Weights {
    /// First old pixel and number of old pixels, for each new pixel.
    spans: Vec<(usize, usize)>,
    /// The weights of all spans in turn, in units of 2^-[`BITS`].
    fixed: Vec<i32>,
}

impl Weights {
    fn new(old: u32, new: u32, pixels: Range<u32>, interpolation: Interpolation) -> Self {
        let scale = f64::from(old) / f64::from(new);
        let stretch = scale.max(1.0);
        let support = interpolation.support() * stretch;
        let mut weights = Self { spans: Vec::with_capacity(pixels.len()), fixed: Vec::new() };
        let mut row = Vec::new();
        for pixel in pixels {
            let centre = (f64::from(pixel) + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as usize;
            let high = ((centre + support + 0.5) as usize).min(old as usize);
            row.clear();
            let offset = |i: usize| (i as f64 - centre + 0.5) * (1.0 / stretch);
            row.extend((low..high).map(|i| interpolation.weight(offset(i))));
            weights.push(low, &row);
        }
        weights
    }

    fn push(&mut self, low: usize, row: &[f64]) {
        let sum: f64 = row.iter().sum();
        let unit = f64::from(1 << BITS);
        let fixed = row.iter().map(|weight| {
            let weight = if sum == 0.0 { *weight } else { weight / sum };
            (weight * unit + 0.5_f64.copysign(weight)) as i32
        });
        self.fixed.extend(fixed);
        self.spans.push((low, row.len()));
    }

    /// First old pixel and weights, for each new pixel.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = &self.fixed[..];
        self.spans.iter().map(move |&(low, count)| {
            let (weights, after) = rest.split_at(count);
            rest = after;
            (low, weights)
        })
    }
}

/// A fixed-point sum as a pixel.
fn pixel(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

fn horizontal(image: RgbImage, columns: &Axis) -> RgbImage {
    let Some(weights) = &columns.weights else { return image };
    let (old_width, height) = image.dimensions();
    let width = weights.spans.len() as u32;
    let mut resized = RgbImage::new(width, height);
    let rows = image.chunks_exact(3 * old_width as usize);
    for (old, new) in rows.zip(resized.chunks_exact_mut(3 * width as usize)) {
        for (new, (low, weights)) in new.as_chunks_mut::<3>().0.iter_mut().zip(weights.iter()) {
            *new = weighted_pixel(&old[3 * low..], weights);
        }
    }
    resized
}

fn weighted_pixel(old: &[u8], weights: &[i32]) -> [u8; 3] {
    let mut sum = [HALF; 3];
    for (old, weight) in old.as_chunks::<3>().0.iter().zip(weights) {
        for channel in 0..3 {
            sum[channel] += i32::from(old[channel]) * weight;
        }
    }
    sum.map(pixel)
}

fn vertical(image: RgbImage, rows: &Axis) -> RgbImage {
    let Some(weights) = &rows.weights else { return image };
    let stride = 3 * image.width() as usize;
    let mut resized = RgbImage::new(image.width(), weights.spans.len() as u32);
    let mut sums = vec![HALF; stride];
    for (new, (low, weights)) in resized.chunks_exact_mut(stride).zip(weights.iter()) {
        sums.fill(HALF);
        for (old, weight) in image.as_raw()[low * stride..].chunks_exact(stride).zip(weights) {
            for (sum, old) in sums.iter_mut().zip(old) {
                *sum += i32::from(*old) * weight;
            }
        }
        for (new, sum) in new.iter_mut().zip(&sums) {
            *new = pixel(*sum);
        }
    }
    resized
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::data::decode::decode;

    fn fixture(name: &str) -> RgbImage {
        decode(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
    }

    #[test]
    fn every_size_is_pillows_bit_for_bit() {
        for (width, height) in [(50, 60), (300, 30), (64, 200), (10, 97), (213, 20), (1, 1), (100, 10)] {
            for (name, how) in [("bilinear", Interpolation::Bilinear), ("bicubic", Interpolation::Bicubic)] {
                let resized = resize(fixture("parity/wide.png"), width, height, how);
                let expected = fixture(&format!("images/pillow/{name}_{width}x{height}.png"));
                assert!(resized == expected, "{name} {width}x{height}");
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image = fixture("parity/wide.png");
        assert_eq!(resize(image.clone(), 213, 97, Interpolation::Bicubic), image);
    }

    /// Each pixel with a colour of its own.
    fn noise(width: u32, height: u32) -> RgbImage {
        let mut random = crate::random::Random::new("test", &[width.into(), height.into()]);
        RgbImage::from_fn(width, height, |_, _| image::Rgb([(); 3].map(|()| random.below(256) as u8)))
    }

    #[test]
    fn a_part_of_a_ribbon_needs_few_pixels() {
        // 60,000 x 1 with its short side at 224: all of it would be 13,440,000 x 224 pixels, or 9 GB.
        let columns = Axis::new(60_000, 13_440_000, 6_719_888, 224, Interpolation::Bilinear);
        assert_eq!((columns.start, columns.length), (29_999, 2));
        let rows = Axis::new(1, 224, 0, 224, Interpolation::Bilinear);
        assert_eq!((rows.start, rows.length), (0, 1));
    }

    proptest! {
        #[test]
        fn a_part_is_the_part_of_the_whole(
            old in (1_u32..60, 1_u32..60), new in (1_u32..120, 1_u32..120),
            from in (0.0..1.0_f64, 0.0..1.0_f64), length in (0.0..=1.0_f64, 0.0..=1.0_f64), cubic: bool, same: bool,
        ) {
            let how = if cubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let new = if same { (old.0, new.1) } else { new };
            let start = |from: f64, all: u32| (from * f64::from(all)) as u32;
            let (left, top) = (start(from.0, new.0), start(from.1, new.1));
            let (width, height) = (start(length.0, new.0 - left), start(length.1, new.1 - top));
            let part = Part { left, top, width, height };
            let whole = resize(noise(old.0, old.1), new.0, new.1, how);
            prop_assert_eq!(resize_part(noise(old.0, old.1), new, part, how), crop(whole, part));
        }

        #[test]
        fn a_constant_image_stays_constant(
            old in (1_u32..80, 1_u32..80), new in (1_u32..80, 1_u32..80), colour: [u8; 3], cubic: bool,
        ) {
            let how = if cubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let image = RgbImage::from_pixel(old.0, old.1, image::Rgb(colour));
            let resized = resize(image, new.0, new.1, how);
            prop_assert_eq!(resized.dimensions(), new);
            prop_assert!(resized.pixels().all(|pixel| pixel.0 == colour));
        }
    }

    #[test]
    fn what_has_no_pixels_becomes_black() {
        for (width, height) in [(0, 5), (5, 0)] {
            let image = resize(RgbImage::new(width, height), 2, 2, Interpolation::Bilinear);
            assert_eq!(image, RgbImage::new(2, 2));
        }
    }

    #[test]
    fn rows_come_first_only_if_more_than_twice_as_many_are_lost() {
        assert!(vertical_first((10, 20), (5, 9)));
        assert!(!vertical_first((10, 20), (5, 10)));
        assert!(!vertical_first((10, 20), (5, 12)));
        assert!(vertical_first((10, 20), (20, 19)) && !vertical_first((10, 20), (20, 21)));
    }
}
