//! A random part of the image, resized to a square.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{self, OpFault},
    op::{PixelOp, ShapeEffect},
    outline::{Outline, Reads},
    picture::{Picture, TooNarrow},
};
use crate::{
    data::resample::{Interpolation, Part},
    random::Random,
};

/// How often a part is drawn before the middle is taken.
const TRIES: usize = 10;

/// Cuts a part of random area and aspect ratio out of a random place, and resizes it to a square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Smallest and largest area of the part, as fractions of the image's.
    #[serde(default = "scale")]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub scale: [f64; 2],
    /// Smallest and largest aspect ratio (width / height) of the part.
    #[serde(default = "ratio")]
    #[schemars(inner(range(min = 0.01, max = 100.0)))]
    pub ratio: [f64; 2],
    /// `bilinear` or `bicubic`, both antialiased.
    #[serde(default)]
    pub interpolation: Interpolation,
}

fn scale() -> [f64; 2] {
    [0.5, 1.0]
}

fn ratio() -> [f64; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        Self { scale: scale(), ratio: ratio(), interpolation: Interpolation::default() }
    }
}

impl PixelOp for RandomResizedCrop {
    fn name(&self) -> &'static str {
        "random_resized_crop"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::fractions("scale", self.scale).or_else(|| fault::ratios("ratio", self.ratio))
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::Square
    }

    fn reads(&self, outline: Outline, _size: u32, random: &mut Random) -> Reads {
        let (width, height) = outline.size();
        outline.part(self.part(width, height, random))
    }

    fn apply(&self, picture: Picture, size: u32, random: &mut Random) -> Result<Picture, TooNarrow> {
        let (width, height) = picture.size();
        let part = self.part(width, height, random);
        Ok(picture.part_resized(part, (size, size), self.interpolation).into())
    }
}

impl RandomResizedCrop {
    /// As torchvision 0.24 chooses it: ten tries, then the middle.
    fn part(&self, width: u32, height: u32, random: &mut Random) -> Part {
        let area = f64::from(width) * f64::from(height);
        for _ in 0..TRIES {
            let target = area * random.uniform(self.scale[0], self.scale[1]);
            let aspect = random.uniform(self.ratio[0].ln(), self.ratio[1].ln()).exp();
            let w = (target * aspect).sqrt().round_ties_even() as u32;
            let h = (target / aspect).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let top = random.below((height - h + 1) as usize) as u32;
                let left = random.below((width - w + 1) as usize) as u32;
                return Part { left, top, width: w, height: h };
            }
        }
        self.middle(width, height)
    }

    /// The largest part in the middle whose aspect ratio is allowed.
    fn middle(&self, width: u32, height: u32) -> Part {
        let (w, h) = (f64::from(width), f64::from(height));
        let fit = |exact: f64, most: u32| (exact.round_ties_even() as u32).clamp(1, most);
        let (part_width, part_height) = if w / h < self.ratio[0] {
            (width, fit(w / self.ratio[0], height))
        } else if w / h > self.ratio[1] {
            (fit(h * self.ratio[1], width), height)
        } else {
            (width, height)
        };
        Part {
            left: (width - part_width) / 2,
            top: (height - part_height) / 2,
            width: part_width,
            height: part_height,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_extreme_image_falls_back_to_its_middle() {
        let op = RandomResizedCrop::default();
        let part = op.part(400, 10, &mut Random::new("test", &[0]));
        assert_eq!(part, Part { left: 193, top: 0, width: 13, height: 10 });
        assert_eq!(op.middle(10, 400), Part { left: 0, top: 193, width: 10, height: 13 });
    }

    #[test]
    fn sides_are_rounded() {
        let op = RandomResizedCrop { scale: [0.6, 0.6], ratio: [1.0, 1.0], ..RandomResizedCrop::default() };
        // √60 is 7.7.
        let part = op.part(10, 10, &mut Random::new("test", &[0]));
        assert_eq!((part.width, part.height), (8, 8));
    }

    #[test]
    fn areas_and_places_spread_over_their_ranges() {
        let op = RandomResizedCrop::default();
        let mut random = Random::new("test", &[1]);
        let parts: Vec<Part> = (0..2000).map(|_| op.part(100, 100, &mut random)).collect();
        let areas: Vec<u32> = parts.iter().map(|part| part.width * part.height).collect();
        assert!(areas.iter().all(|area| (4900..=10_000).contains(area)));
        assert!(areas.iter().any(|area| *area < 5300) && areas.iter().any(|area| *area > 9500));
        assert!(parts.iter().any(|part| part.left > 20) && parts.iter().any(|part| part.top > 20));
    }

    proptest! {
        #[test]
        fn parts_stay_inside(width in 1_u32..300, height in 1_u32..300, seed: u64, low in 0.0..1.0_f64) {
            let op = RandomResizedCrop { scale: [low, 1.0], ..RandomResizedCrop::default() };
            let part = op.part(width, height, &mut Random::new("test", &[seed]));
            prop_assert!(part.width >= 1 && part.left + part.width <= width, "{:?}", part);
            prop_assert!(part.height >= 1 && part.top + part.height <= height, "{:?}", part);
        }
    }
}
