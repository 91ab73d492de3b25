//! Chains of ops, mixed (Hendrycks et al., 2020), as in torchvision 0.24.

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

/// Mixes an image with copies of itself that went through chains of random ops: shear and translation along
/// each axis, rotation, posterize, solarize, auto-contrast, equalize, brightness, colour, contrast,
/// sharpness. The defaults are the paper's.
///
/// The ops are those of `rand_augment`. torchvision takes its tensor ops here, which differ by one level of
/// 255, and at the black borders of shear and rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AugMix {
    /// How many of the ten strengths, from the weakest on, are drawn from.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub severity: u32,
    /// How many chains there are.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub mixture_width: u32,
    /// How many ops a chain has; left out, 1 to 3, drawn for each chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 10))]
    pub chain_depth: Option<u32>,
    /// How even the mixtures are: shares are drawn from Dirichlet distributions with this parameter.
    #[serde(default = "one")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub alpha: f64,
}

fn three() -> u32 {
    3
}

fn one() -> f64 {
    1.0
}

impl Default for AugMix {
    fn default() -> Self {
        Self { severity: three(), mixture_width: three(), chain_depth: None, alpha: one() }
    }
}

const MAGNITUDES: Magnitudes = Magnitudes { bins: 10, translate: 1.0 / 3.0, bits: 4 };

const OPS: [AugmentOp; 13] = [
    AugmentOp::ShearX,
    AugmentOp::ShearY,
    AugmentOp::TranslateX,
    AugmentOp::TranslateY,
    AugmentOp::Rotate,
    AugmentOp::Posterize,
    AugmentOp::Solarize,
    AugmentOp::AutoContrast,
    AugmentOp::Equalize,
    AugmentOp::Brightness,
    AugmentOp::Color,
    AugmentOp::Contrast,
    AugmentOp::Sharpness,
];

impl PixelOp for AugMix {
    fn name(&self) -> &'static str {
        "aug_mix"
    }

    fn fault(&self) -> Option<OpFault> {
        let counts = [
            ("severity", self.severity),
            ("mixture_width", self.mixture_width),
            ("chain_depth", self.chain_depth.unwrap_or(1)),
        ];
        if let Some((key, count)) = counts.into_iter().find(|(_, count)| !(1..=10).contains(count)) {
            let message = format!("`{key}` is {count}, but must lie between 1 and 10");
            return Some(OpFault::new(key, message, "3 is usual"));
        }
        let message = format!("`alpha` is {}, but must lie between 0.01 and 100", self.alpha);
        let fine = (0.01..=100.0).contains(&self.alpha);
        (!fine).then(|| OpFault::new("alpha", message, "1 makes all mixtures equally likely"))
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        Ok(self.mixed(picture.whole()?, random).into())
    }
}

impl AugMix {
    /// `image` mixed with what random chains make of it.
    fn mixed(&self, image: RgbImage, random: &mut Random) -> RgbImage {
        let [own, others] = dirichlet(random, self.alpha, 2)[..] else { return image };
        let shares = dirichlet(random, self.alpha, self.mixture_width as usize);
        let mut mixture = Mixture::new(&image, own);
        for share in shares {
            mixture.add(&self.chain(image.clone(), random), share * others);
        }
        mixture.image()
    }

    fn chain(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        let depth = self.chain_depth.unwrap_or_else(|| 1 + random.below(3) as u32);
        for _ in 0..depth {
            let op = OPS[random.below(OPS.len())];
            let strength = MAGNITUDES.strength(
                op,
                random.below(self.severity.max(1) as usize) as u32,
                image.dimensions(),
            );
            let negative = op.is_signed() && random.chance(0.5);
            image = op.apply(image, if negative { -strength } else { strength });
        }
        image
    }
}

/// A weighted sum of images, in float32.
struct Mixture {
    sums: Vec<f32>,
    size: (u32, u32),
}

impl Mixture {
    fn new(image: &RgbImage, share: f32) -> Self {
        let sums = image.iter().map(|&value| share * f32::from(value)).collect();
        Self { sums, size: image.dimensions() }
    }

    fn add(&mut self, image: &RgbImage, share: f32) {
        self.sums.iter_mut().zip(image.iter()).for_each(|(sum, &value)| *sum += share * f32::from(value));
    }

    /// The sums cut (not rounded) to 8 bits.
    fn image(self) -> RgbImage {
        let bytes = self.sums.into_iter().map(|sum| sum as u8).collect();
        RgbImage::from_raw(self.size.0, self.size.1, bytes).expect("as many bytes as before")
    }
}

/// `count` shares that add up to 1, from a Dirichlet distribution whose parameters are all `alpha`.
fn dirichlet(random: &mut Random, alpha: f64, count: usize) -> Vec<f32> {
    let draws: Vec<f64> = (0..count).map(|_| random.gamma(alpha)).collect();
    let sum: f64 = draws.iter().sum();
    // All can be too small to tell apart where alpha is tiny: then one has everything.
    let alone = if sum > 0.0 { count } else { random.below(count) };
    let share =
        |(i, draw): (usize, f64)| if alone == count { draw / sum } else { f64::from(u8::from(i == alone)) };
    draws.into_iter().enumerate().map(share).map(|share| share as f32).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::data::decode::decode;

    fn part() -> RgbImage {
        decode(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/pillow/part.png")).unwrap()
    }

    #[test]
    fn a_mixture_worked_by_hand() {
        let pixel = |value| RgbImage::from_pixel(1, 1, image::Rgb(value));
        let mut mixture = Mixture::new(&pixel([200, 10, 255]), 0.5);
        mixture.add(&pixel([100, 11, 255]), 0.25);
        mixture.add(&pixel([0, 12, 255]), 0.25);
        // 125; 5 + 2.75 + 3 = 10.75, cut to 10; 255.
        assert_eq!(mixture.image().get_pixel(0, 0).0, [125, 10, 255]);
    }

    /// `image` after the op, for many seeds.
    fn mixed(op: &AugMix, image: &RgbImage) -> Vec<RgbImage> {
        (0..200).map(|seed| op.mixed(image.clone(), &mut Random::new("test", &[seed]))).collect()
    }

    #[test]
    fn what_no_op_changes_stays_as_it_is() {
        // At the least severity, ops leave an even dark grey alone: all shares together are one.
        let image = RgbImage::from_pixel(9, 9, image::Rgb([16; 3]));
        let images = mixed(&AugMix { severity: 1, ..AugMix::default() }, &image);
        assert!(images.iter().flat_map(|image| image.iter()).all(|value| (15..=16).contains(value)));
    }

    #[test]
    fn ops_go_in_both_directions() {
        // In the middle of an even grey, only brightness is seen at this severity, if it is the only op.
        let image = RgbImage::from_pixel(33, 33, image::Rgb([128; 3]));
        let images = mixed(&AugMix { severity: 5, chain_depth: Some(1), ..AugMix::default() }, &image);
        let middles = images.iter().map(|image| image.get_pixel(16, 16).0[0]);
        let (least, most) = (middles.clone().min().unwrap(), middles.max().unwrap());
        assert!(least < 120 && most > 136, "{least} to {most}");
    }

    #[test]
    fn a_chain_has_at_least_one_op() {
        let (op, image) = (AugMix { severity: 10, ..AugMix::default() }, part());
        let unchanged = |seed| op.chain(image.clone(), &mut Random::new("test", &[seed])) == image;
        let unchanged = (0..200).filter(|&seed| unchanged(seed)).count();
        assert!(unchanged < 40, "{unchanged} of 200 chains change nothing");
    }

    #[test]
    fn shares_are_uniform_over_mixtures_with_alpha_one() {
        let mut random = Random::new("test", &[0]);
        let draws: Vec<Vec<f32>> = (0..4000).map(|_| dirichlet(&mut random, 1.0, 3)).collect();
        for draw in &draws {
            assert!((draw.iter().sum::<f32>() - 1.0).abs() < 1e-5 && draw.iter().all(|&share| share >= 0.0));
        }
        let mean = draws.iter().map(|draw| f64::from(draw[0])).sum::<f64>() / 4000.0;
        let square = draws.iter().map(|draw| f64::from(draw[0]).powi(2)).sum::<f64>() / 4000.0;
        // Mean 1/3, variance 1/18.
        assert!((mean - 1.0 / 3.0).abs() < 0.015 && (square - mean * mean - 1.0 / 18.0).abs() < 0.006);
    }

    #[test]
    fn images_change_but_not_beyond_recognition() {
        let (image, mut random) = (part(), Random::new("test", &[0]));
        let distance = |severity: u32, random: &mut Random| {
            let op = AugMix { severity, ..AugMix::default() };
            let mixed = op.mixed(image.clone(), random);
            assert_eq!(mixed.dimensions(), image.dimensions());
            mixed.iter().zip(image.iter()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
                / image.len() as f64
        };
        let mut mean = |severity| (0..100).map(|_| distance(severity, &mut random)).sum::<f64>() / 100.0;
        let (weak, usual, strong) = (mean(1), mean(3), mean(10));
        assert!(0.0 < weak && weak < usual && usual < strong && strong < 100.0, "{weak} {usual} {strong}");
    }

    #[test]
    fn keys_out_of_range_are_refused() {
        let key = |json: &str| {
            let op: AugMix = serde_json::from_str(json).unwrap();
            op.fault().map(|fault| fault.key)
        };
        assert_eq!(key("{}"), None);
        assert_eq!(key(r#"{"severity": 11}"#), Some("severity"));
        assert_eq!(key(r#"{"chain_depth": 0}"#), Some("chain_depth"));
        assert_eq!(key(r#"{"alpha": 0}"#), Some("alpha"));
    }

    proptest! {
        #[test]
        fn any_setting_gives_an_image(seed: u64, severity in 1_u32..11, width in 1_u32..11, alpha in 0.01..100.0_f64) {
            let op = AugMix { severity, mixture_width: width, chain_depth: Some(2), alpha };
            let image = RgbImage::from_pixel(3, 2, image::Rgb([3, 200, 90]));
            prop_assert_eq!(op.mixed(image, &mut Random::new("test", &[seed])).dimensions(), (3, 2));
        }
    }

    #[test]
    fn one_has_everything_where_no_share_can_be_told() {
        let mut random = Random::new("test", &[0]);
        let wholes: std::collections::BTreeSet<usize> = (0..50)
            .map(|_| {
                let shares = dirichlet(&mut random, 1e-300, 3);
                assert_eq!(shares.iter().sum::<f32>(), 1.0, "{shares:?}");
                shares.iter().position(|share| *share == 1.0).unwrap()
            })
            .collect();
        assert_eq!(wholes.len(), 3);
    }
}
