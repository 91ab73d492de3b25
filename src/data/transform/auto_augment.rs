//! A learnt policy (Cubuk et al., 2018), as in torchvision 0.24.

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

/// Applies one of the 25 pairs of ops that were found best for ImageNet, each op with a probability and a
/// strength of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoAugment {}

const MAGNITUDES: Magnitudes = Magnitudes { bins: 10, translate: 150.0 / 331.0, bits: 8 };

/// An op, its probability and its magnitude; 0 where the op has none.
type Chance = (AugmentOp, f64, u32);

/// The pairs in the order of the paper's table and of torchvision.
const PAIRS: [[Chance; 2]; 25] = {
    use AugmentOp::{
        AutoContrast, Color, Contrast, Equalize, Invert, Posterize, Rotate, Sharpness, ShearX, Solarize,
    };
    [
        [(Posterize, 0.4, 8), (Rotate, 0.6, 9)],
        [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
        [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
        [(Posterize, 0.6, 7), (Posterize, 0.6, 6)],
        [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
        [(Equalize, 0.4, 0), (Rotate, 0.8, 8)],
        [(Solarize, 0.6, 3), (Equalize, 0.6, 0)],
        [(Posterize, 0.8, 5), (Equalize, 1.0, 0)],
        [(Rotate, 0.2, 3), (Solarize, 0.6, 8)],
        [(Equalize, 0.6, 0), (Posterize, 0.4, 6)],
        [(Rotate, 0.8, 8), (Color, 0.4, 0)],
        [(Rotate, 0.4, 9), (Equalize, 0.6, 0)],
        [(Equalize, 0.0, 0), (Equalize, 0.8, 0)],
        [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
        [(Color, 0.6, 4), (Contrast, 1.0, 8)],
        [(Rotate, 0.8, 8), (Color, 1.0, 2)],
        [(Color, 0.8, 8), (Solarize, 0.8, 7)],
        [(Sharpness, 0.4, 7), (Invert, 0.6, 0)],
        [(ShearX, 0.6, 5), (Equalize, 1.0, 0)],
        [(Color, 0.4, 0), (Equalize, 0.6, 0)],
        [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
        [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
        [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
        [(Color, 0.6, 4), (Contrast, 1.0, 8)],
        [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
    ]
};

impl PixelOp for AutoAugment {
    fn name(&self) -> &'static str {
        "auto_augment"
    }

    fn fault(&self) -> Option<OpFault> {
        None
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        let pair = &PAIRS[random.below(PAIRS.len())];
        let image = pair.iter().fold(picture.whole()?, |image, &(op, p, magnitude)| {
            let (happens, negative) = (random.chance(p), random.chance(0.5));
            if happens { apply(op, image, magnitude, negative) } else { image }
        });
        Ok(image.into())
    }
}

fn apply(op: AugmentOp, image: RgbImage, magnitude: u32, negative: bool) -> RgbImage {
    let strength = MAGNITUDES.strength(op, magnitude, image.dimensions());
    op.apply(image, if negative && op.is_signed() { -strength } else { strength })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;
    use crate::data::{decode::decode, transform::op::applied};

    fn part() -> RgbImage {
        decode(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/pillow/part.png")).unwrap()
    }

    #[test]
    fn pairs_do_what_torchvisions_do() {
        let part = part();
        let mut made = String::new();
        for (number, pair) in PAIRS.iter().enumerate() {
            for negative in [false, true] {
                let image =
                    pair.iter().fold(part.clone(), |image, &(op, _, m)| apply(op, image, m, negative));
                made += &format!("{number} {negative} {}\n", blake3::hash(&image).to_hex());
            }
        }
        let expected = include_str!("../../../tests/fixtures/images/auto_augment.txt");
        let wrong: Vec<&str> = made.lines().filter(|line| !expected.contains(line)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn probabilities_are_those_of_the_table() {
        let image = part();
        let mut random = Random::new("test", &[0]);
        let results: Vec<RgbImage> =
            (0..1000).map(|_| applied(&AutoAugment {}, image.clone(), 1, &mut random)).collect();
        let same = results.iter().filter(|result| **result == image).count() as f64 / 1000.0;
        // The mean over the table of both ops staying out, and of a colour of strength 0.
        let out =
            |(op, p, magnitude): Chance| if op == AugmentOp::Color && magnitude == 0 { 1.0 } else { 1.0 - p };
        let expected = PAIRS.iter().map(|pair| out(pair[0]) * out(pair[1])).sum::<f64>() / 25.0;
        assert!((same - expected).abs() < 0.04, "{same} {expected}");
        let different: BTreeSet<Vec<u8>> = results.into_iter().map(RgbImage::into_raw).collect();
        assert!(different.len() > 30, "{}", different.len());
    }
}
