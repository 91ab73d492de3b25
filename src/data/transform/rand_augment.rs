//! A few random ops of one strength (Cubuk et al., 2019), as in torchvision 0.24.

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check::OpFault, color, geometry};
use crate::random::Random;

/// Strengths go from 0 to one less than this.
const BINS: u32 = 31;

/// Applies `num_ops` ops, each drawn from fourteen: identity, shear and translation along each axis,
/// rotation, brightness, colour, contrast, sharpness, posterize, solarize, auto-contrast, equalize.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandAugment {
    /// How many ops an image goes through.
    #[serde(default = "num_ops")]
    #[schemars(range(min = 0, max = 14))]
    pub num_ops: u32,
    /// Strength of the ops, from 0 (none) to 30.
    #[serde(default = "magnitude")]
    #[schemars(range(min = 0, max = 30))]
    pub magnitude: u32,
}

fn num_ops() -> u32 {
    2
}

fn magnitude() -> u32 {
    9
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { num_ops: num_ops(), magnitude: magnitude() }
    }
}

/// One of the fourteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const OPS: [Op; 14] = [
    Op::Identity,
    Op::ShearX,
    Op::ShearY,
    Op::TranslateX,
    Op::TranslateY,
    Op::Rotate,
    Op::Brightness,
    Op::Color,
    Op::Contrast,
    Op::Sharpness,
    Op::Posterize,
    Op::Solarize,
    Op::AutoContrast,
    Op::Equalize,
];

impl RandAugment {
    /// `image` after `num_ops` random ops.
    #[must_use]
    pub fn apply(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        for _ in 0..self.num_ops {
            let op = OPS[random.below(OPS.len())];
            let negative = op.is_signed() && random.chance(0.5);
            image = op.apply(image, self.magnitude, negative);
        }
        image
    }

    pub(super) fn fault(&self) -> OpFault {
        if self.num_ops > 14 {
            let message = format!("{} ops leave nothing of an image: at most 14", self.num_ops);
            return Some(("num_ops", message, "2 is usual".into()));
        }
        let message =
            || format!("a magnitude of {} is too strong: it must lie between 0 and 30", self.magnitude);
        (self.magnitude >= BINS).then(|| ("magnitude", message(), "9 is usual".into()))
    }
}

impl Op {
    /// Whether the op has a direction, drawn at random.
    fn is_signed(self) -> bool {
        !matches!(
            self,
            Self::Identity | Self::Posterize | Self::Solarize | Self::AutoContrast | Self::Equalize
        )
    }

    fn apply(self, image: RgbImage, magnitude: u32, negative: bool) -> RgbImage {
        let sign = if negative { -1.0 } else { 1.0 };
        // The tables are float32, as in torchvision.
        let part = |most: f64| sign * f64::from((most / f64::from(BINS - 1)) as f32 * magnitude as f32);
        let factor = (1.0 + part(0.9)) as f32;
        let size = image.dimensions();
        let pixels = |length: u32| part(150.0 / 331.0 * f64::from(length)).trunc();
        match self {
            Self::Identity => image,
            Self::ShearX => geometry::affine(&image, geometry::shear_x(part(0.3))),
            Self::ShearY => geometry::affine(&image, geometry::shear_y(part(0.3))),
            Self::TranslateX => geometry::affine(&image, geometry::translate(pixels(size.0), 0.0)),
            Self::TranslateY => geometry::affine(&image, geometry::translate(0.0, pixels(size.1))),
            Self::Rotate => geometry::affine(&image, geometry::rotate(part(30.0), size)),
            Self::Brightness => color::brightness(image, factor),
            Self::Color => color::saturation(image, factor),
            Self::Contrast => color::contrast(image, factor),
            Self::Sharpness => color::sharpness(image, factor),
            Self::Posterize => color::posterize(image, posterize_bits(magnitude)),
            Self::Solarize => color::solarize(image, solarize_threshold(magnitude)),
            Self::AutoContrast => color::auto_contrast(image),
            Self::Equalize => color::equalize(image),
        }
    }
}

/// From 8 bits down to 4.
fn posterize_bits(magnitude: u32) -> u32 {
    8 - (f64::from(magnitude) / (f64::from(BINS - 1) / 4.0)).round_ties_even() as u32
}

/// From 255 down to 0.
fn solarize_threshold(magnitude: u32) -> f64 {
    255.0 - 255.0 / f64::from(BINS - 1) * f64::from(magnitude)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::decode::decode;

    fn fixture(name: &str) -> RgbImage {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/pillow");
        decode(&folder.join(format!("{name}.png"))).unwrap()
    }

    #[test]
    fn every_op_is_what_torchvision_makes_of_pillow() {
        for (name, op, negative) in [
            ("part", Op::Identity, false),
            ("shear_x", Op::ShearX, false),
            ("shear_y", Op::ShearY, true),
            ("translate_x", Op::TranslateX, false),
            ("translate_y", Op::TranslateY, true),
            ("rotate", Op::Rotate, false),
            ("rotate_back", Op::Rotate, true),
            ("brightness", Op::Brightness, false),
            ("brightness_less", Op::Brightness, true),
            ("color", Op::Color, false),
            ("color_less", Op::Color, true),
            ("contrast", Op::Contrast, false),
            ("contrast_less", Op::Contrast, true),
            ("sharpness", Op::Sharpness, false),
            ("sharpness_less", Op::Sharpness, true),
            ("posterize", Op::Posterize, false),
            ("solarize", Op::Solarize, false),
            ("auto_contrast", Op::AutoContrast, false),
            ("equalize", Op::Equalize, false),
        ] {
            let differing = differing(&op.apply(fixture("part"), 9, negative), &fixture(name));
            assert_eq!(differing, 0, "{name}");
        }
    }

    /// How many channel values differ.
    fn differing(a: &RgbImage, b: &RgbImage) -> usize {
        assert_eq!(a.dimensions(), b.dimensions());
        a.iter().zip(b.iter()).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn strengths_are_torchvisions() {
        assert_eq!([0, 9, 15, 30].map(posterize_bits), [8, 7, 6, 4]);
        assert_eq!([0, 9, 30].map(solarize_threshold), [255.0, 178.5, 0.0]);
    }

    #[test]
    fn all_ops_are_drawn_and_the_size_stays() {
        let mut random = Random::new("test", &[0]);
        let image = fixture("part");
        let op = RandAugment { num_ops: 1, magnitude: 9 };
        let results: Vec<RgbImage> = (0..400).map(|_| op.apply(image.clone(), &mut random)).collect();
        assert!(results.iter().all(|result| result.dimensions() == image.dimensions()));
        let unchanged = results.iter().filter(|result| **result == image).count();
        assert!((10..90).contains(&unchanged), "{unchanged}");
        let mut raw: Vec<_> = results.into_iter().map(RgbImage::into_raw).collect();
        raw.sort();
        raw.dedup();
        // Fourteen ops, nine of them in two directions; the part already uses the whole range.
        assert!(raw.len() >= 20, "{}", raw.len());
    }

    #[test]
    fn no_op_panics_on_one_pixel() {
        for op in OPS {
            for magnitude in [0, 30] {
                let image = RgbImage::from_pixel(1, 1, image::Rgb([3, 200, 90]));
                assert_eq!(op.apply(image, magnitude, true).dimensions(), (1, 1));
            }
        }
    }
}
