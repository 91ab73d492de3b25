//! Mirroring, left to right and top to bottom.

use image::{RgbImage, imageops};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// Mirrors left and right with a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {
    /// Probability that an image is mirrored.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
}

/// Mirrors top and bottom with a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {
    /// Probability that an image is mirrored.
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
}

fn half() -> f64 {
    0.5
}

impl Default for HorizontalFlip {
    fn default() -> Self {
        Self { p: half() }
    }
}

impl Default for VerticalFlip {
    fn default() -> Self {
        Self { p: half() }
    }
}

impl HorizontalFlip {
    /// `image`, perhaps mirrored.
    #[must_use]
    pub fn apply(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        if random.chance(self.p) {
            imageops::flip_horizontal_in_place(&mut image);
        }
        image
    }
}

impl VerticalFlip {
    /// `image`, perhaps mirrored.
    #[must_use]
    pub fn apply(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        if random.chance(self.p) {
            imageops::flip_vertical_in_place(&mut image);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_mirror_their_own_axis() {
        let image = RgbImage::from_fn(2, 3, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let mut random = Random::new("test", &[0]);
        let across = HorizontalFlip { p: 1.0 }.apply(image.clone(), &mut random);
        assert_eq!(across.get_pixel(0, 2).0, [1, 2, 0]);
        let down = VerticalFlip { p: 1.0 }.apply(image.clone(), &mut random);
        assert_eq!(down.get_pixel(0, 2).0, [0, 0, 0]);
        assert_eq!(HorizontalFlip { p: 0.0 }.apply(image.clone(), &mut random), image);
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let mut random = Random::new("test", &[1]);
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8; 3]));
        let flip = HorizontalFlip::default();
        let flipped = (0..1000).filter(|_| flip.apply(image.clone(), &mut random) != image).count();
        assert!((450..550).contains(&flipped), "{flipped}");
    }
}
