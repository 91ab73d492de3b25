//! Resampling as Pillow does it, bit for bit: separable, antialiased, in 8-bit fixed point.
//!
//! The filter is stretched by the scale when an image shrinks, each axis is one pass, and the
//! image is rounded to 8 bits between the passes. Pillow 13 chooses which pass comes first.

mod pass;
#[cfg(target_arch = "x86_64")]
mod pass_vectors;
#[cfg(target_arch = "x86_64")]
mod vectors;
mod view;
mod weights;

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    pass::{horizontal, vertical},
    view::View,
    weights::{Weights, reach},
};

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

impl Part {
    /// All of an image of this width and height.
    pub fn all((width, height): (u32, u32)) -> Self {
        Self { left: 0, top: 0, width, height }
    }
}

/// `image` resampled to exactly `width` x `height` pixels; both at least 1.
#[must_use]
pub fn resize(image: &RgbImage, width: u32, height: u32, interpolation: Interpolation) -> RgbImage {
    resize_part(image, (width, height), Part { left: 0, top: 0, width, height }, interpolation)
}

/// The `part` of what [`resize`] makes of `image` at `new` (width, height), inside which it lies. Neither the rest
/// of the resized image is made, nor anything that only the rest needs.
#[must_use]
pub fn resize_part(image: &RgbImage, new: (u32, u32), part: Part, interpolation: Interpolation) -> RgbImage {
    resampled(View::of(image), new, part, interpolation)
}

/// The part of an image of size `old` (width, height) that [`resize_part`] reads for `part`, which is not empty.
#[must_use]
pub fn part_read(old: (u32, u32), new: (u32, u32), part: Part, interpolation: Interpolation) -> Part {
    let columns = reach(old.0, new.0, part.left..part.left + part.width, interpolation);
    let rows = reach(old.1, new.1, part.top..part.top + part.height, interpolation);
    Part { left: columns.start, top: rows.start, width: columns.len() as u32, height: rows.len() as u32 }
}

/// What [`resize`] makes of a part of `image`, inside which the part must lie.
#[must_use]
pub fn crop_and_resize(image: &RgbImage, from: Part, new: (u32, u32), how: Interpolation) -> RgbImage {
    resampled(View::of(image).part(from), new, Part { left: 0, top: 0, width: new.0, height: new.1 }, how)
}

/// A part of `image`, inside which it must lie.
#[must_use]
pub fn crop(image: &RgbImage, part: Part) -> RgbImage {
    View::of(image).part(part).to_image()
}

/// The `part` of the image that the pixels of `view` make at another size, `new` (width, height).
fn resampled(view: View, new: (u32, u32), part: Part, interpolation: Interpolation) -> RgbImage {
    let old = view.size();
    if old.0 == 0 || old.1 == 0 || part.width == 0 || part.height == 0 {
        return RgbImage::new(part.width, part.height);
    }
    let columns = Axis::new(old.0, new.0, part.left, part.width, interpolation);
    let rows = Axis::new(old.1, new.1, part.top, part.height, interpolation);
    let view =
        view.part(Part { left: columns.start, top: rows.start, width: columns.length, height: rows.length });
    match (&columns.weights, &rows.weights) {
        (None, None) => view.to_image(),
        (Some(columns), None) => horizontal(view, columns),
        (None, Some(rows)) => vertical(view, rows),
        (Some(columns), Some(rows)) if vertical_first(old, new) => {
            horizontal(View::of(&vertical(view, rows)), columns)
        }
        (Some(columns), Some(rows)) => vertical(View::of(&horizontal(view, columns)), rows),
    }
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
        let reach = weights.reach();
        weights.count_from(reach.start);
        Self { start: reach.start as u32, length: reach.len() as u32, weights: Some(weights) }
    }
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
                let resized = resize(&fixture("parity/wide.png"), width, height, how);
                let expected = fixture(&format!("images/pillow/{name}_{width}x{height}.png"));
                assert!(resized == expected, "{name} {width}x{height}");
            }
        }
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image = fixture("parity/wide.png");
        assert_eq!(resize(&image, 213, 97, Interpolation::Bicubic), image);
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
            let whole = resize(&noise(old.0, old.1), new.0, new.1, how);
            prop_assert_eq!(resize_part(&noise(old.0, old.1), new, part, how), crop(&whole, part));
            if width > 0 && height > 0 {
                // What is not read may be anything.
                let read = part_read(old, new, part, how);
                let mut image = RgbImage::new(old.0, old.1);
                image::imageops::replace(&mut image, &crop(&noise(old.0, old.1), read), read.left.into(), read.top.into());
                prop_assert_eq!(resize_part(&image, new, part, how), crop(&whole, part));
            }
        }

        #[test]
        fn a_constant_image_stays_constant(
            old in (1_u32..80, 1_u32..80), new in (1_u32..80, 1_u32..80), colour: [u8; 3], cubic: bool,
        ) {
            let how = if cubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let image = RgbImage::from_pixel(old.0, old.1, image::Rgb(colour));
            let resized = resize(&image, new.0, new.1, how);
            prop_assert_eq!(resized.dimensions(), new);
            prop_assert!(resized.pixels().all(|pixel| pixel.0 == colour));
        }
    }

    #[test]
    fn what_has_no_pixels_becomes_black() {
        for (width, height) in [(0, 5), (5, 0)] {
            let image = resize(&RgbImage::new(width, height), 2, 2, Interpolation::Bilinear);
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
