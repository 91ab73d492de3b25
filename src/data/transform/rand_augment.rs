//! A few random ops of one strength (Cubuk et al., 2019), as in torchvision 0.24.

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    augment_op::{AugmentOp, Magnitudes},
    fault::OpFault,
    op::{PixelOp, ShapeEffect},
    picture::{Picture, TooNarrow},
};
use crate::random::Random;

const MAGNITUDES: Magnitudes = Magnitudes { bins: 31, translate: 150.0 / 331.0, bits: 8 };

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

const OPS: [AugmentOp; 14] = [
    AugmentOp::Identity,
    AugmentOp::ShearX,
    AugmentOp::ShearY,
    AugmentOp::TranslateX,
    AugmentOp::TranslateY,
    AugmentOp::Rotate,
    AugmentOp::Brightness,
    AugmentOp::Color,
    AugmentOp::Contrast,
    AugmentOp::Sharpness,
    AugmentOp::Posterize,
    AugmentOp::Solarize,
    AugmentOp::AutoContrast,
    AugmentOp::Equalize,
];

impl PixelOp for RandAugment {
    fn name(&self) -> &'static str {
        "rand_augment"
    }

    fn fault(&self) -> Option<OpFault> {
        if self.num_ops > 14 {
            let message = format!("{} ops are too many: at most 14", self.num_ops);
            return Some(OpFault::new("num_ops", message, "2 is usual"));
        }
        let message =
            format!("a magnitude of {} is too strong: it must lie between 0 and 30", self.magnitude);
        (self.magnitude >= MAGNITUDES.bins).then(|| OpFault::new("magnitude", message, "9 is usual"))
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        let mut image = picture.whole()?;
        for _ in 0..self.num_ops {
            let op = OPS[random.below(OPS.len())];
            let negative = op.is_signed() && random.chance(0.5);
            image = apply(op, image, self.magnitude, negative);
        }
        Ok(image.into())
    }
}

fn apply(op: AugmentOp, image: RgbImage, magnitude: u32, negative: bool) -> RgbImage {
    let strength = MAGNITUDES.strength(op, magnitude, image.dimensions());
    op.apply(image, if negative { -strength } else { strength })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::{decode::decode, transform::op::applied};

    fn fixture(name: &str) -> RgbImage {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/pillow");
        decode(&folder.join(format!("{name}.png"))).unwrap()
    }

    #[test]
    fn every_op_is_what_torchvision_makes_of_pillow() {
        for (name, op, negative) in [
            ("part", AugmentOp::Identity, false),
            ("shear_x", AugmentOp::ShearX, false),
            ("shear_y", AugmentOp::ShearY, true),
            ("translate_x", AugmentOp::TranslateX, false),
            ("translate_y", AugmentOp::TranslateY, true),
            ("rotate", AugmentOp::Rotate, false),
            ("rotate_back", AugmentOp::Rotate, true),
            ("brightness", AugmentOp::Brightness, false),
            ("brightness_less", AugmentOp::Brightness, true),
            ("color", AugmentOp::Color, false),
            ("color_less", AugmentOp::Color, true),
            ("contrast", AugmentOp::Contrast, false),
            ("contrast_less", AugmentOp::Contrast, true),
            ("sharpness", AugmentOp::Sharpness, false),
            ("sharpness_less", AugmentOp::Sharpness, true),
            ("posterize", AugmentOp::Posterize, false),
            ("solarize", AugmentOp::Solarize, false),
            ("auto_contrast", AugmentOp::AutoContrast, false),
            ("equalize", AugmentOp::Equalize, false),
        ] {
            let differing = differing(&apply(op, fixture("part"), 9, negative), &fixture(name));
            assert_eq!(differing, 0, "{name}");
        }
    }

    /// How many channel values differ.
    fn differing(a: &RgbImage, b: &RgbImage) -> usize {
        assert_eq!(a.dimensions(), b.dimensions());
        a.iter().zip(b.iter()).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn all_ops_are_drawn_and_the_size_stays() {
        let mut random = Random::new("test", &[0]);
        let image = fixture("part");
        let op = RandAugment { num_ops: 1, magnitude: 9 };
        let results: Vec<RgbImage> = (0..400).map(|_| applied(&op, image.clone(), 1, &mut random)).collect();
        assert!(results.iter().all(|result| result.dimensions() == image.dimensions()));
        let unchanged = results.iter().filter(|result| **result == image).count();
        assert!((10..90).contains(&unchanged), "{unchanged}");
        let mut raw: Vec<_> = results.into_iter().map(RgbImage::into_raw).collect();
        raw.sort();
        raw.dedup();
        // Fourteen ops, nine of them in two directions; the part already uses the whole range.
        assert!(raw.len() >= 20, "{}", raw.len());
    }
}
