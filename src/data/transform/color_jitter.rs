//! Random brightness, contrast, saturation and hue, as in torchvision 0.24.

use image::RgbImage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    color,
    fault::OpFault,
    op::{PixelOp, ShapeEffect},
    picture::{Picture, TooNarrow},
};
use crate::random::Random;

/// Changes brightness, contrast, saturation and hue by random amounts, in a random order. The
/// defaults are the reference's for training without RandAugment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColorJitter {
    /// The factor lies between 1 - this and 1 + this.
    #[serde(default = "light")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub brightness: f64,
    /// The factor lies between 1 - this and 1 + this.
    #[serde(default = "light")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub contrast: f64,
    /// The factor lies between 1 - this and 1 + this.
    #[serde(default = "saturation")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub saturation: f64,
    /// The shift lies between minus this and this, as a part of the colour circle.
    #[serde(default = "hue")]
    #[schemars(range(min = 0.0, max = 0.5))]
    pub hue: f64,
}

fn light() -> f64 {
    0.4
}

fn saturation() -> f64 {
    0.7
}

fn hue() -> f64 {
    0.015
}

impl Default for ColorJitter {
    fn default() -> Self {
        Self { brightness: light(), contrast: light(), saturation: saturation(), hue: hue() }
    }
}

impl PixelOp for ColorJitter {
    fn name(&self) -> &'static str {
        "color_jitter"
    }

    fn fault(&self) -> Option<OpFault> {
        let spreads =
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        for (key, spread) in spreads {
            if !(0.0..=10.0).contains(&spread) {
                let message = format!("a {key} of {spread} is out of range: it must lie between 0 and 10");
                return Some(OpFault::new(key, message, "0 changes nothing"));
            }
        }
        let message = format!("a hue of {} is out of range: it must lie between 0 and 0.5", self.hue);
        let fine = (0.0..=0.5).contains(&self.hue);
        (!fine).then(|| OpFault::new("hue", message, "0.5 is half of the circle"))
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Keeps
    }

    fn apply(&self, picture: Picture, _size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        Ok(self.jittered(picture.whole()?, random).into())
    }
}

impl ColorJitter {
    /// `image` in other colours.
    fn jittered(&self, mut image: RgbImage, random: &mut Random) -> RgbImage {
        let mut order = [0, 1, 2, 3];
        random.shuffle(&mut order);
        let mut factor = |spread: f64| random.uniform((1.0 - spread).max(0.0), 1.0 + spread) as f32;
        let (brightness, contrast, saturation) =
            (factor(self.brightness), factor(self.contrast), factor(self.saturation));
        // Cut towards zero, then taken modulo 256, so that a negative shift turns the other way.
        let hue = (random.uniform(-self.hue, self.hue) * 255.0) as i32 as u8;
        for step in order {
            image = match step {
                0 => color::brightness(image, brightness),
                1 => color::contrast(image, contrast),
                2 => color::saturation(image, saturation),
                _ if self.hue == 0.0 => image,
                _ => color::shift_hue(image, hue),
            };
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let image = RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8 * 20, y as u8 * 25, 77]));
        let op = ColorJitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 };
        assert_eq!(op.jittered(image.clone(), &mut Random::new("test", &[0])), image);
    }

    #[test]
    fn every_image_gets_its_own_colours() {
        let image = RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8 * 20, y as u8 * 25, 77]));
        let jitter = |seed| ColorJitter::default().jittered(image.clone(), &mut Random::new("test", &[seed]));
        assert_eq!(jitter(1), jitter(1));
        assert_ne!(jitter(1), jitter(2));
    }
}
