//! Ops that bring an image to a size without chance: resize, squash, letterbox, centre crop.

use image::{Rgb, RgbImage, imageops};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::resize::{Interpolation, resize};

/// Resizes so that the shortest side has a given length; the aspect ratio is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Length of the shortest side in pixels. If left out: the `size` of the transforms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 4096))]
    pub size: Option<u32>,
    /// `bilinear` or `bicubic`, both antialiased.
    #[serde(default)]
    pub interpolation: Interpolation,
}

impl Resize {
    /// The shortest side becomes `size`, or the op's own; the other side is rounded down.
    #[must_use]
    pub fn apply(&self, image: RgbImage, size: u32) -> RgbImage {
        let short = u64::from(self.size.unwrap_or(size));
        let (width, height) = image.dimensions();
        let old = u64::from(width.min(height)).max(1);
        let side = |length: u32| (short * u64::from(length) / old).min(u64::from(u32::MAX)) as u32;
        resize(image, side(width), side(height), self.interpolation)
    }
}

/// Resizes to a square whatever the aspect ratio: nothing is cut off, shapes are distorted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Squash {
    /// `bilinear` or `bicubic`, both antialiased.
    #[serde(default)]
    pub interpolation: Interpolation,
}

impl Squash {
    /// `image` at `size` x `size`.
    #[must_use]
    pub fn apply(&self, image: RgbImage, size: u32) -> RgbImage {
        resize(image, size, size, self.interpolation)
    }
}

/// Resizes so that the whole image fits into a square, and fills the rest with a colour: nothing is
/// cut off, nothing is distorted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Letterbox {
    /// Red, green and blue of the bars, 0 to 255.
    #[serde(default = "grey")]
    pub fill: [u8; 3],
    /// `bilinear` or `bicubic`, both antialiased.
    #[serde(default)]
    pub interpolation: Interpolation,
}

fn grey() -> [u8; 3] {
    [114; 3]
}

impl Default for Letterbox {
    fn default() -> Self {
        Self { fill: grey(), interpolation: Interpolation::default() }
    }
}

impl Letterbox {
    /// `image` in the middle of a `size` x `size` square.
    #[must_use]
    pub fn apply(&self, image: RgbImage, size: u32) -> RgbImage {
        let (width, height) = image.dimensions();
        let long = f64::from(width.max(height).max(1));
        let side = |length: u32| {
            let exact = f64::from(size) * f64::from(length) / long;
            (exact.round_ties_even() as u32).clamp(1, size.max(1))
        };
        let inner = resize(image, side(width), side(height), self.interpolation);
        let left = (size - inner.width().min(size)) / 2;
        let top = (size - inner.height().min(size)) / 2;
        let mut square = RgbImage::from_pixel(size, size, Rgb(self.fill));
        imageops::replace(&mut square, &inner, left.into(), top.into());
        square
    }
}

/// Cuts a square out of the middle. An image smaller than the square gets a black border.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {}

impl CenterCrop {
    /// The `size` x `size` square in the middle of `image`; halves go to the even offset.
    #[must_use]
    pub fn apply(&self, image: RgbImage, size: u32) -> RgbImage {
        let image = pad(image, size);
        let (width, height) = image.dimensions();
        crop(&image, half_even(width - size), half_even(height - size), size, size)
    }
}

/// The part of `image` that begins at (`left`, `top`); it must lie inside.
#[must_use]
pub(super) fn crop(image: &RgbImage, left: u32, top: u32, width: u32, height: u32) -> RgbImage {
    let stride = 3 * image.width() as usize;
    let (from, to) = (3 * left as usize, 3 * (left + width) as usize);
    let rows = image.chunks_exact(stride.max(3)).skip(top as usize).take(height as usize);
    let pixels = rows.flat_map(|row| &row[from..to]).copied().collect();
    RgbImage::from_raw(width, height, pixels).expect("the part lies inside the image")
}

/// `image` with a black border that makes both sides at least `size`.
fn pad(image: RgbImage, size: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    if width >= size && height >= size {
        return image;
    }
    let mut padded = RgbImage::new(width.max(size), height.max(size));
    let left = size.saturating_sub(width) / 2;
    let top = size.saturating_sub(height) / 2;
    imageops::replace(&mut padded, &image, left.into(), top.into());
    padded
}

/// Half of `n`; a half goes to the even neighbour (2.5 to 2, 3.5 to 4).
fn half_even(n: u32) -> u32 {
    let half = n / 2;
    half + u32::from(n % 2 == 1 && half % 2 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(half_even), [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn a_thin_image_keeps_a_pixel_in_a_letterbox() {
        let boxed = Letterbox::default().apply(RgbImage::from_pixel(1000, 1, Rgb([9; 3])), 10);
        let rows: Vec<u8> = (0..10).map(|y| boxed.get_pixel(5, y).0[0]).collect();
        assert_eq!(rows, [114, 114, 114, 114, 9, 114, 114, 114, 114, 114]);
    }

    #[test]
    fn resize_rounds_the_long_side_down() {
        let resized = Resize::default().apply(RgbImage::new(97, 213), 64);
        assert_eq!(resized.dimensions(), (64, 140));
        let own = Resize { size: Some(32), ..Resize::default() };
        assert_eq!(own.apply(RgbImage::new(213, 97), 64).dimensions(), (70, 32));
    }

    #[test]
    fn letterbox_centres_and_fills() {
        let image = RgbImage::from_pixel(20, 10, Rgb([1, 2, 3]));
        let boxed = Letterbox { fill: [9, 8, 7], ..Letterbox::default() }.apply(image, 40);
        assert_eq!(boxed.dimensions(), (40, 40));
        assert_eq!(boxed.get_pixel(0, 9), &Rgb([9, 8, 7]));
        assert_eq!(boxed.get_pixel(0, 10), &Rgb([1, 2, 3]));
        assert_eq!(boxed.get_pixel(39, 29), &Rgb([1, 2, 3]));
        assert_eq!(boxed.get_pixel(39, 30), &Rgb([9, 8, 7]));
    }

    #[test]
    fn a_crop_larger_than_the_image_is_padded_with_black() {
        let cropped = CenterCrop {}.apply(RgbImage::from_pixel(3, 9, Rgb([5; 3])), 6);
        assert_eq!(cropped.dimensions(), (6, 6));
        assert_eq!(cropped.get_pixel(0, 3), &Rgb([0; 3]));
        assert_eq!(cropped.get_pixel(1, 0), &Rgb([5; 3]));
        assert_eq!(cropped.get_pixel(4, 0), &Rgb([0; 3]));
    }

    proptest! {
        #[test]
        fn every_size_ends_as_the_square(width in 1_u32..90, height in 1_u32..90, size in 1_u32..70) {
            let image = || RgbImage::from_pixel(width, height, Rgb([7, 77, 177]));
            for square in [
                Squash::default().apply(image(), size),
                Letterbox { fill: [7, 77, 177], ..Letterbox::default() }.apply(image(), size),
                CenterCrop {}.apply(Resize::default().apply(image(), size), size),
            ] {
                prop_assert_eq!(square.dimensions(), (size, size));
                prop_assert!(square.pixels().all(|pixel| pixel.0 == [7, 77, 177]));
            }
        }
    }
}
