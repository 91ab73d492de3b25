//! Shifting and scaling of channel values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Subtracts a mean and divides by a deviation, per channel, after pixels became numbers in [0, 1].
/// The default changes nothing, as in the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Mean of red, green and blue.
    #[serde(default = "zero")]
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue; above 0.
    #[serde(default = "one")]
    #[schemars(inner(range(min = 1e-6)))]
    pub std: [f32; 3],
}

fn zero() -> [f32; 3] {
    [0.0; 3]
}

fn one() -> [f32; 3] {
    [1.0; 3]
}

impl Default for Normalize {
    fn default() -> Self {
        Self { mean: zero(), std: one() }
    }
}

impl Normalize {
    /// Normalises `pixels`, `[3, size, size]`, in place.
    pub fn apply(&self, pixels: &mut [f32]) {
        if *self == Self::default() {
            return;
        }
        let plane = (pixels.len() / 3).max(1);
        for (channel, pixels) in pixels.chunks_exact_mut(plane).enumerate() {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) / std);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_own_mean_and_deviation() {
        let mut pixels = [0.5, 1.0, 0.5, 1.0, 0.5, 1.0];
        Normalize { mean: [0.5, 0.0, 1.0], std: [0.5, 2.0, 1.0] }.apply(&mut pixels);
        assert_eq!(pixels, [0.0, 1.0, 0.25, 0.5, -0.5, 0.0]);
    }
}
