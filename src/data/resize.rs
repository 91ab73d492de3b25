//! Resampling as Pillow does it, bit for bit: separable, antialiased, in 8-bit fixed point.
//!
//! The filter is stretched by the scale when an image shrinks, each axis is one pass, and the
//! image is rounded to 8 bits between the passes. Pillow 13 chooses which pass comes first.

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

/// `image` resampled to exactly `width` x `height` pixels; both at least 1.
#[must_use]
pub fn resize(image: RgbImage, width: u32, height: u32, interpolation: Interpolation) -> RgbImage {
    let (old_width, old_height) = image.dimensions();
    if old_width == 0 || old_height == 0 || width == 0 || height == 0 {
        return RgbImage::new(width, height);
    }
    if vertical_first((old_width, old_height), (width, height)) {
        horizontal(vertical(image, height, interpolation), width, interpolation)
    } else {
        vertical(horizontal(image, width, interpolation), height, interpolation)
    }
}

/// Pillow's rule since 13.0: the pass that shrinks the image far more comes first.
fn vertical_first(old: (u32, u32), new: (u32, u32)) -> bool {
    let lost = |old: u32, new: u32| i64::from(old) - i64::from(new);
    let (columns, rows) = (lost(old.0, new.0), lost(old.1, new.1));
    rows > 0 && rows > 2 * columns
}

/// For every new pixel, which old ones count and how much.
struct Weights {
    /// First old pixel and number of old pixels, for each new pixel.
    spans: Vec<(usize, usize)>,
    /// The weights of all spans in turn, in units of 2^-[`BITS`].
    fixed: Vec<i32>,
}

impl Weights {
    fn new(old: u32, new: u32, interpolation: Interpolation) -> Self {
        let scale = f64::from(old) / f64::from(new);
        let stretch = scale.max(1.0);
        let support = interpolation.support() * stretch;
        let mut weights = Self { spans: Vec::with_capacity(new as usize), fixed: Vec::new() };
        let mut row = Vec::new();
        for pixel in 0..new {
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

fn horizontal(image: RgbImage, width: u32, interpolation: Interpolation) -> RgbImage {
    let (old_width, height) = image.dimensions();
    if old_width == width {
        return image;
    }
    let weights = Weights::new(old_width, width, interpolation);
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

fn vertical(image: RgbImage, height: u32, interpolation: Interpolation) -> RgbImage {
    let (width, old_height) = image.dimensions();
    if old_height == height {
        return image;
    }
    let weights = Weights::new(old_height, height, interpolation);
    let stride = 3 * width as usize;
    let mut resized = RgbImage::new(width, height);
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

    proptest! {
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
}
