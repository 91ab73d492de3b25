//! Shifting and scaling of channel values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::OpFault,
    op::{Scaling, TensorOp},
};
use crate::random::Random;

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

impl TensorOp for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn fault(&self) -> Option<OpFault> {
        if let Some(bad) = self.mean.iter().find(|mean| !mean.is_finite()) {
            let message = format!("a mean of {bad} is not a finite number");
            return Some(OpFault::new("mean", message, "give a number per channel"));
        }
        let bad = self.std.iter().find(|std| !(**std > 0.0 && std.is_finite()))?;
        let message = format!("the standard deviation {bad} must be above 0");
        let help = "for pixels between 0 and 1 a deviation is about 0.2; 1 changes nothing";
        Some(OpFault::new("std", message, help))
    }

    fn apply(&self, pixels: &mut [f32], _size: usize, _random: &mut Random) {
        if *self == Self::default() {
            return;
        }
        let plane = (pixels.len() / 3).max(1);
        for (channel, pixels) in pixels.chunks_exact_mut(plane).enumerate() {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - mean) / std);
        }
    }

    fn apply_to_bytes(&self, _pixels: &mut [u8], _size: usize, _random: &mut Random) {}

    fn scaling(&self) -> Option<Scaling> {
        (*self != Self::default()).then_some(Scaling { mean: self.mean, deviation: self.std })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_own_mean_and_deviation() {
        let mut pixels = [0.5, 1.0, 0.5, 1.0, 0.5, 1.0];
        let op = Normalize { mean: [0.5, 0.0, 1.0], std: [0.5, 2.0, 1.0] };
        op.apply(&mut pixels, 1, &mut Random::new("test", &[]));
        assert_eq!(pixels, [0.0, 1.0, 0.25, 0.5, -0.5, 0.0]);
    }
}
