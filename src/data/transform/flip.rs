//! Mirroring, left to right and top to bottom.

use image::{RgbImage, imageops};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{self, OpFault},
    op::{PixelOp, ShapeEffect},
    picture::{Picture, TooNarrow},
};
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

/// The picture, flipped with probability `p`.
fn perhaps(
    p: f64,
    picture: Picture,
    random: &mut Random,
    flip: fn(&mut RgbImage),
) -> Result<Picture, TooNarrow> {
    let mut image = picture.whole()?;
    if random.chance(p) {
        flip(&mut image);
    }
    Ok(image.into())
}

/// Mirrors left and right.
fn mirror(image: &mut RgbImage) {
    let stride = 3 * image.width() as usize;
    for row in image.chunks_exact_mut(stride.max(1)) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

impl PixelOp for HorizontalFlip {
    fn name(&self) -> &'static str {
        "horizontal_flip"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::probability(self.p)
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        perhaps(self.p, picture, random, mirror)
    }
}

impl PixelOp for VerticalFlip {
    fn name(&self) -> &'static str {
        "vertical_flip"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::probability(self.p)
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        perhaps(self.p, picture, random, imageops::flip_vertical_in_place)
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::data::transform::op::applied;

    #[test]
    fn flips_mirror_their_own_axis() {
        let image = RgbImage::from_fn(2, 3, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let mut random = Random::new("test", &[0]);
        let across = applied(&HorizontalFlip { p: 1.0 }, image.clone(), 1, &mut random);
        assert_eq!(across.get_pixel(0, 2).0, [1, 2, 0]);
        let down = applied(&VerticalFlip { p: 1.0 }, image.clone(), 1, &mut random);
        assert_eq!(down.get_pixel(0, 2).0, [0, 0, 0]);
        assert_eq!(applied(&HorizontalFlip { p: 0.0 }, image.clone(), 1, &mut random), image);
    }

    #[test]
    fn half_of_the_images_are_mirrored() {
        let mut random = Random::new("test", &[1]);
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8; 3]));
        let flip = HorizontalFlip::default();
        let flipped = (0..1000).filter(|_| applied(&flip, image.clone(), 1, &mut random) != image).count();
        assert!((450..550).contains(&flipped), "{flipped}");
    }
}
