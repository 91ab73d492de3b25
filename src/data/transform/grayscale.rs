//! Images made grey.

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{self, OpFault},
    op::{PixelOp, ShapeEffect},
    picture::{Picture, TooNarrow},
};
use crate::random::Random;

/// Makes images grey (three equal channels), with a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomGrayscale {
    /// Probability that an image becomes grey.
    #[serde(default = "always")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
}

fn always() -> f64 {
    1.0
}

impl Default for RandomGrayscale {
    fn default() -> Self {
        Self { p: always() }
    }
}

impl PixelOp for RandomGrayscale {
    fn name(&self) -> &'static str {
        "grayscale"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::probability(self.p)
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        let image = picture.whole()?;
        Ok(if random.chance(self.p) { grey(image) } else { image }.into())
    }
}

/// Makes every image grey (three equal channels).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grayscale {}

impl PixelOp for Grayscale {
    fn name(&self) -> &'static str {
        "grayscale"
    }

    fn fault(&self) -> Option<OpFault> {
        None
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        Ok(grey(picture.whole()?).into())
    }
}

fn grey(mut image: RgbImage) -> RgbImage {
    for pixel in image.pixels_mut() {
        pixel.0 = [luma(pixel.0); 3];
    }
    image
}

/// ITU-R 601 luma in 16-bit fixed point, as in Pillow.
#[must_use]
#[inline(always)]
pub(super) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::transform::op::applied;

    #[test]
    fn luma_is_pillows() {
        let colours = [[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]];
        assert_eq!(colours.map(luma), [255, 76, 150, 29, 18]);
    }

    #[test]
    fn grey_is_in_all_channels() {
        let image = RgbImage::from_pixel(1, 1, image::Rgb([255, 0, 0]));
        let grey = applied(&RandomGrayscale::default(), image, 1, &mut Random::new("test", &[0]));
        assert_eq!(grey.get_pixel(0, 0).0, [76; 3]);
    }
}
