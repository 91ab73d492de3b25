//! Ops that bring an image to a size without chance: resize, squash, letterbox, centre crop.

use image::{Rgb, RgbImage, imageops};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{self, OpFault},
    op::{PixelOp, ShapeEffect},
    outline::{Outline, Reads},
    picture::{Picture, TooNarrow},
};
use crate::{
    data::resample::{Interpolation, Part, resize},
    random::Random,
};

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

impl PixelOp for Resize {
    fn name(&self) -> &'static str {
        "resize"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::own_size(self.size)
    }

    fn shape(&self, size: usize) -> ShapeEffect {
        ShapeEffect::Shortest(self.size.map_or(size, |own| own as usize))
    }

    fn reads(&self, outline: Outline, size: u32, _random: &mut Random) -> Reads {
        outline.resized(self.resized(outline.size(), size), self.interpolation)
    }

    fn apply(&self, picture: Picture, size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        let image = picture.shared()?;
        let new = self.resized(image.dimensions(), size);
        Ok(Picture::Resized { size: new, image, interpolation: self.interpolation })
    }
}

impl Resize {
    /// Width and height that an image of these has afterwards, in a chain of this `size`.
    fn resized(&self, (width, height): (u32, u32), size: u32) -> (u32, u32) {
        let short = u64::from(self.size.unwrap_or(size));
        let old = u64::from(width.min(height)).max(1);
        // Rounded down.
        let side = |length: u32| (short * u64::from(length) / old).min(u64::from(u32::MAX)) as u32;
        (side(width), side(height))
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

impl PixelOp for Squash {
    fn name(&self) -> &'static str {
        "squash"
    }

    fn fault(&self) -> Option<OpFault> {
        None
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Square
    }

    fn apply(&self, picture: Picture, size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        Ok(resize(&*picture.shared()?, size, size, self.interpolation).into())
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

impl PixelOp for Letterbox {
    fn name(&self) -> &'static str {
        "letterbox"
    }

    fn fault(&self) -> Option<OpFault> {
        None
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Square
    }

    fn apply(&self, picture: Picture, size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        let image = picture.shared()?;
        let (width, height) = image.dimensions();
        let long = f64::from(width.max(height).max(1));
        let side = |length: u32| {
            let exact = f64::from(size) * f64::from(length) / long;
            (exact.round_ties_even() as u32).clamp(1, size.max(1))
        };
        let inner = resize(&image, side(width), side(height), self.interpolation);
        let left = (size - inner.width().min(size)) / 2;
        let top = (size - inner.height().min(size)) / 2;
        let mut square = RgbImage::from_pixel(size, size, Rgb(self.fill));
        imageops::replace(&mut square, &inner, left.into(), top.into());
        Ok(square.into())
    }
}

/// Cuts a square out of the middle. An image smaller than the square gets a black border.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {}

impl PixelOp for CenterCrop {
    fn name(&self) -> &'static str {
        "center_crop"
    }

    fn fault(&self) -> Option<OpFault> {
        None
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Square
    }

    fn reads(&self, outline: Outline, size: u32, _random: &mut Random) -> Reads {
        let (width, height) = outline.size();
        outline.part(part(&Middle::new(width, size), &Middle::new(height, size)))
    }

    fn apply(&self, picture: Picture, size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        let (width, height) = picture.size();
        let (columns, rows) = (Middle::new(width, size), Middle::new(height, size));
        let image = picture.part(part(&columns, &rows));
        if image.dimensions() == (size, size) {
            return Ok(image.into());
        }
        let mut square = RgbImage::new(size, size);
        imageops::replace(&mut square, &image, columns.to.into(), rows.to.into());
        Ok(square.into())
    }
}

/// What a crop takes along one axis, and where it puts it.
struct Middle {
    from: u32,
    to: u32,
    length: u32,
}

impl Middle {
    fn new(length: u32, size: u32) -> Self {
        if length >= size {
            Self { from: half_even(length - size), to: 0, length: size }
        } else {
            Self { from: 0, to: (size - length) / 2, length }
        }
    }
}

fn part(columns: &Middle, rows: &Middle) -> Part {
    Part { left: columns.from, top: rows.from, width: columns.length, height: rows.length }
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
    use crate::data::transform::op::applied;

    fn unused() -> Random {
        Random::new("test", &[])
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(half_even), [0, 0, 1, 2, 2, 2, 3, 4]);
    }

    #[test]
    fn a_thin_image_keeps_a_pixel_in_a_letterbox() {
        let boxed =
            applied(&Letterbox::default(), RgbImage::from_pixel(1000, 1, Rgb([9; 3])), 10, &mut unused());
        let rows: Vec<u8> = (0..10).map(|y| boxed.get_pixel(5, y).0[0]).collect();
        assert_eq!(rows, [114, 114, 114, 114, 9, 114, 114, 114, 114, 114]);
    }

    #[test]
    fn resize_rounds_the_long_side_down() {
        let size = |op: Resize, image: RgbImage| op.apply(image.into(), 64, &mut unused()).unwrap().size();
        assert_eq!(size(Resize::default(), RgbImage::new(97, 213)), (64, 140));
        let own = Resize { size: Some(32), ..Resize::default() };
        assert_eq!(size(own, RgbImage::new(213, 97)), (70, 32));
    }

    #[test]
    fn letterbox_centres_and_fills() {
        let image = RgbImage::from_pixel(20, 10, Rgb([1, 2, 3]));
        let boxed = applied(&Letterbox { fill: [9, 8, 7], ..Letterbox::default() }, image, 40, &mut unused());
        assert_eq!(boxed.dimensions(), (40, 40));
        assert_eq!(boxed.get_pixel(0, 9), &Rgb([9, 8, 7]));
        assert_eq!(boxed.get_pixel(0, 10), &Rgb([1, 2, 3]));
        assert_eq!(boxed.get_pixel(39, 29), &Rgb([1, 2, 3]));
        assert_eq!(boxed.get_pixel(39, 30), &Rgb([9, 8, 7]));
        let upright = RgbImage::from_pixel(10, 30, Rgb([1, 2, 3]));
        let boxed = applied(&Letterbox::default(), upright, 30, &mut unused());
        let row: Vec<u8> = (0..30).map(|x| boxed.get_pixel(x, 29).0[0]).collect();
        assert_eq!(row, [[114; 10], [1; 10], [114; 10]].concat());
    }

    #[test]
    fn a_crop_larger_than_the_image_is_padded_with_black() {
        let cropped = applied(&CenterCrop {}, RgbImage::from_pixel(3, 9, Rgb([5; 3])), 6, &mut unused());
        assert_eq!(cropped.dimensions(), (6, 6));
        assert_eq!(cropped.get_pixel(0, 3), &Rgb([0; 3]));
        assert_eq!(cropped.get_pixel(1, 0), &Rgb([5; 3]));
        assert_eq!(cropped.get_pixel(4, 0), &Rgb([0; 3]));
    }

    fn resized_and_cropped(op: &Resize, image: RgbImage, size: u32) -> RgbImage {
        let resized = op.apply(image.into(), size, &mut unused()).unwrap();
        CenterCrop {}.apply(resized, size, &mut unused()).unwrap().whole().unwrap()
    }

    /// As it was done until 0.1: everything is resized, then a border is added, then the middle cut out.
    fn in_two_steps(image: RgbImage, op: &Resize, size: u32) -> RgbImage {
        let Ok(Picture::Resized { image, size: (width, height), interpolation }) =
            op.apply(image.into(), size, &mut unused())
        else {
            unreachable!()
        };
        let resized = resize(&image, width, height, interpolation);
        let mut padded = RgbImage::new(width.max(size), height.max(size));
        let before = |length: u32| (size.saturating_sub(length) / 2).into();
        imageops::replace(&mut padded, &resized, before(width), before(height));
        let (left, top) = (half_even(padded.width() - size), half_even(padded.height() - size));
        imageops::crop_imm(&padded, left, top, size, size).to_image()
    }

    proptest! {
        #[test]
        fn resize_and_crop_are_one_step_with_the_bytes_of_two(
            old in (1_u32..90, 1_u32..90), long in 0_u32..300, own in prop::option::of(1_u32..70), size in 1_u32..50,
            cubic: bool, upright: bool,
        ) {
            let interpolation = if cubic { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let op = Resize { size: own, interpolation };
            let (width, height) = if upright { (old.0, old.1 + long) } else { (old.0 + long, old.1) };
            let pixel = |x: u32, y: u32| Rgb([((x * 7) ^ (y * 13)) as u8, (x * y) as u8, (x * 91 + y * 57) as u8]);
            let image = RgbImage::from_fn(width, height, pixel);
            let one = resized_and_cropped(&op, image.clone(), size);
            prop_assert_eq!(one, in_two_steps(image, &op, size));
        }

        #[test]
        fn every_size_ends_as_the_square(width in 1_u32..90, height in 1_u32..90, size in 1_u32..70) {
            let image = || RgbImage::from_pixel(width, height, Rgb([7, 77, 177]));
            for square in [
                applied(&Squash::default(), image(), size, &mut unused()),
                applied(&Letterbox { fill: [7, 77, 177], ..Letterbox::default() }, image(), size, &mut unused()),
                resized_and_cropped(&Resize::default(), image(), size),
            ] {
                prop_assert_eq!(square.dimensions(), (size, size));
                prop_assert!(square.pixels().all(|pixel| pixel.0 == [7, 77, 177]));
            }
        }
    }
}
