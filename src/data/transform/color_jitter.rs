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
    /// The shift lies between minus this and plus this, as a fraction of the colour circle.
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

    const NONE: ColorJitter = ColorJitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 };

    /// The least and the most of a channel of the first pixel, over many seeds.
    fn spread(op: &ColorJitter, pixels: [[u8; 3]; 2], channel: usize) -> (u8, u8) {
        let image = RgbImage::from_fn(2, 1, |x, _| image::Rgb(pixels[x as usize]));
        let values = (0..200).map(|seed| op.jittered(image.clone(), &mut Random::new("test", &[seed])));
        let values: Vec<u8> = values.map(|image| image.get_pixel(0, 0).0[channel]).collect();
        (*values.iter().min().unwrap(), *values.iter().max().unwrap())
    }

    #[test]
    fn each_factor_goes_as_far_as_asked_in_both_directions() {
        let near = |found: (u8, u8), wanted: (u8, u8)| {
            let fine = found.0.abs_diff(wanted.0) < 4 && found.1.abs_diff(wanted.1) < 4;
            assert!(fine, "{found:?}, not {wanted:?}");
        };
        let grey = [[100; 3]; 2];
        near(spread(&ColorJitter { brightness: 0.5, ..NONE }, grey, 0), (50, 150));
        // Of the mean 150.
        near(spread(&ColorJitter { contrast: 0.5, ..NONE }, [[100; 3], [200; 3]], 0), (75, 125));
        // Of the grey 60, as Pillow weighs red.
        near(spread(&ColorJitter { saturation: 0.5, ..NONE }, [[200, 0, 0]; 2], 0), (130, 255));
        near(spread(&ColorJitter { brightness: 3.0, ..NONE }, grey, 0), (0, 255));
    }

    #[test]
    fn the_hue_turns_in_both_directions() {
        let (red, op) = ([[255, 0, 0]; 2], ColorJitter { hue: 0.1, ..NONE });
        for channel in [1, 2] {
            let (least, most) = spread(&op, red, channel);
            // 0.1 of the circle is 0.6 of the way to yellow, or to magenta.
            assert!(least == 0 && (140..=153).contains(&most), "{least} to {most}");
        }
    }

    #[test]
    fn the_order_is_drawn_for_every_image() {
        let op = ColorJitter { brightness: 0.9, contrast: 0.9, ..NONE };
        let image = RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8 * 20, y as u8 * 25, 77]));
        let brighter_first = |seed| {
            let random = || Random::new("test", &[seed]);
            let mut drawn = random();
            drawn.shuffle(&mut [0, 1, 2, 3]);
            let [brightness, contrast] = [(); 2].map(|()| drawn.uniform(1.0 - op.brightness, 1.9) as f32);
            let one = color::contrast(color::brightness(image.clone(), brightness), contrast);
            let other = color::brightness(color::contrast(image.clone(), contrast), brightness);
            let found = op.jittered(image.clone(), &mut random());
            assert!(found == one || found == other, "{seed}");
            found != other
        };
        let count = (0..60).filter(|seed| brighter_first(*seed)).count();
        assert!((15..45).contains(&count), "{count}");
    }
}
