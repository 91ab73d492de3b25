//! A random rectangle set to zero (Zhong et al., 2017).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::{self, OpFault},
    op::TensorOp,
};
use crate::random::Random;

/// How often a rectangle is drawn before the image is left as it is.
const TRIES: usize = 10;

/// Sets a random rectangle to zero, with a probability, after pixels became numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomErasing {
    /// Probability that a rectangle is erased.
    #[serde(default = "p")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// Smallest and largest area of the rectangle, as fractions of the image's.
    #[serde(default = "scale")]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub scale: [f64; 2],
    /// Smallest and largest aspect ratio (height / width) of the rectangle.
    #[serde(default = "ratio")]
    #[schemars(inner(range(min = 0.01, max = 100.0)))]
    pub ratio: [f64; 2],
}

fn p() -> f64 {
    0.4
}

fn scale() -> [f64; 2] {
    [0.02, 0.33]
}

fn ratio() -> [f64; 2] {
    [0.3, 3.3]
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { p: p(), scale: scale(), ratio: ratio() }
    }
}

impl TensorOp for RandomErasing {
    fn name(&self) -> &'static str {
        "random_erasing"
    }

    fn fault(&self) -> Option<OpFault> {
        fault::probability(self.p)
            .or_else(|| fault::fractions("scale", self.scale))
            .or_else(|| fault::ratios("ratio", self.ratio))
    }

    fn apply(&self, pixels: &mut [f32], size: usize, random: &mut Random) {
        if let Some((left, top, width, height)) = self.draw(size, random) {
            for plane in pixels.chunks_exact_mut(size * size) {
                for row in plane.chunks_exact_mut(size).skip(top).take(height) {
                    row[left..left + width].fill(0.0);
                }
            }
        }
    }

    fn apply_to_bytes(&self, pixels: &mut [u8], size: usize, random: &mut Random) {
        if let Some((left, top, width, height)) = self.draw(size, random) {
            for row in pixels.chunks_exact_mut(3 * size).skip(top).take(height) {
                row[3 * left..3 * (left + width)].fill(0);
            }
        }
    }

    fn erases(&self) -> bool {
        true
    }
}

impl RandomErasing {
    /// Left, top, width and height of what is erased, if anything is.
    fn draw(&self, size: usize, random: &mut Random) -> Option<(usize, usize, usize, usize)> {
        random.chance(self.p).then(|| self.rectangle(size, random)).flatten()
    }

    /// Left, top, width and height, as torchvision 0.24 chooses them.
    fn rectangle(&self, size: usize, random: &mut Random) -> Option<(usize, usize, usize, usize)> {
        let whole = (size * size) as f64;
        for _ in 0..TRIES {
            let area = whole * random.uniform(self.scale[0], self.scale[1]);
            let aspect = random.uniform(self.ratio[0].ln(), self.ratio[1].ln()).exp();
            let height = (area * aspect).sqrt().round_ties_even() as usize;
            let width = (area / aspect).sqrt().round_ties_even() as usize;
            if height < size && width < size {
                let top = random.below(size - height + 1);
                let left = random.below(size - width + 1);
                return Some((left, top, width, height));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn erased(op: &RandomErasing, size: usize, seed: u64) -> usize {
        let mut pixels = vec![1.0; 3 * size * size];
        op.apply(&mut pixels, size, &mut Random::new("test", &[seed]));
        pixels.iter().filter(|pixel| **pixel == 0.0).count()
    }

    #[test]
    fn a_rectangle_is_smaller_than_the_image() {
        let whole = RandomErasing { p: 1.0, scale: [1.0, 1.0], ratio: [1.0, 1.0] };
        assert_eq!(erased(&whole, 32, 0), 0);
    }

    #[test]
    fn it_erases_as_often_and_as_much_as_asked() {
        let counts: Vec<usize> =
            (0..1000).map(|seed| erased(&RandomErasing::default(), 32, seed) / 3).collect();
        let hit = counts.iter().filter(|count| **count > 0).count();
        assert!((350..450).contains(&hit), "{hit}");
        assert!(counts.iter().all(|count| *count <= 32 * 32 * 35 / 100));
        assert!(counts.iter().any(|count| *count > 300));
    }

    proptest! {
        #[test]
        fn rectangles_stay_inside(size in 1_usize..80, seed: u64) {
            let op = RandomErasing { p: 1.0, ..RandomErasing::default() };
            if let Some((left, top, width, height)) = op.rectangle(size, &mut Random::new("test", &[seed])) {
                prop_assert!(left + width <= size && top + height <= size);
            }
            prop_assert!(erased(&op, size, seed) <= 3 * size * size);
        }
    }

    #[test]
    fn what_is_as_long_as_a_side_or_longer_is_not_erased() {
        let op = |area: f64, ratio: f64| RandomErasing { p: 1.0, scale: [area; 2], ratio: [ratio; 2] };
        for (area, ratio) in [(0.25, 4.0), (0.25, 0.25), (0.5, 3.0), (0.5, 1.0 / 3.0)] {
            assert_eq!(erased(&op(area, ratio), 32, 0), 0, "{area} {ratio}");
        }
        assert_eq!(erased(&op(0.25, 2.0), 32, 0), 3 * 23 * 11);
    }

    #[test]
    fn every_place_is_drawn() {
        let op = RandomErasing { p: 1.0, scale: [0.25; 2], ratio: [1.0; 2] };
        let place = |seed| op.rectangle(4, &mut Random::new("test", &[seed])).map(|(x, y, ..)| (x, y));
        let places: std::collections::BTreeSet<_> = (0..200).map(place).collect();
        assert_eq!(places, (0..9).map(|i| Some((i / 3, i % 3))).collect());
    }
}
