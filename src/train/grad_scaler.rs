//! Keeps the gradients of half precision in its range.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::Precision;
use crate::network::parameters::to_vec;

/// What the loss is multiplied by before the gradients are calculated, and they are divided by afterwards.
///
/// Starts at 2¹⁶, is halved where a gradient is not a number, whose step is left out, and doubled after 2,000
/// steps without: PyTorch's `GradScaler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradScaler {
    scale: f64,
    /// Steps since it last changed.
    steps: u32,
}

const FIRST: f64 = 65_536.0;
const PATIENCE: u32 = 2_000;

impl GradScaler {
    /// The one for `precision`; types with the range of 32 bits need none.
    pub fn of(precision: Precision) -> Option<Self> {
        (precision == Precision::Fp16).then_some(Self { scale: FIRST, steps: 0 })
    }

    /// A loss whose gradients are in range.
    pub fn scale(&self, loss: Tensor<1>) -> Tensor<1> {
        loss.mul_scalar(self.scale)
    }

    /// The gradient of scaled losses as it is, and whether it is fit for a step.
    pub fn unscale(&mut self, gradient: Tensor<1>) -> (Tensor<1>, bool) {
        let gradient = gradient.mul_scalar(1.0 / self.scale);
        let fit = is_finite(gradient.clone());
        self.follow(fit);
        (gradient, fit)
    }

    fn follow(&mut self, fit: bool) {
        self.steps = if fit { self.steps + 1 } else { 0 };
        if !fit {
            self.scale /= 2.0;
        } else if self.steps == PATIENCE {
            (self.scale, self.steps) = (2.0 * self.scale, 0);
        }
    }
}

/// Whether all are numbers: `0 · x` is 0 for those alone.
fn is_finite(gradient: Tensor<1>) -> bool {
    to_vec(gradient.mul_scalar(0.0).sum())[0] == 0.0
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn fresh() -> GradScaler {
        GradScaler::of(Precision::Fp16).unwrap()
    }

    #[test]
    fn gradients_come_back_as_they_are() {
        let mut scaler = fresh();
        let loss = scaler.scale(Tensor::from_floats([2.0], &Device::flex()));
        assert_eq!(to_vec(loss), [131_072.0]);
        let (gradient, fit) = scaler.unscale(Tensor::from_floats([65_536.0, 131_072.0], &Device::flex()));
        assert!(fit);
        assert_eq!(to_vec(gradient), [1.0, 2.0]);
    }

    #[test]
    fn what_is_no_number_halves_the_scale_and_costs_the_step() {
        for wrong in [f32::INFINITY, f32::NAN] {
            let mut scaler = fresh();
            assert!(!scaler.unscale(Tensor::from_floats([1.0, wrong], &Device::flex())).1);
            assert_eq!(scaler, GradScaler { scale: 32_768.0, steps: 0 });
        }
    }

    #[test]
    fn a_long_time_without_trouble_doubles_it() {
        let mut scaler = fresh();
        (1..PATIENCE).for_each(|_| scaler.follow(true));
        assert_eq!(scaler, GradScaler { scale: FIRST, steps: 1_999 });
        scaler.follow(true);
        assert_eq!(scaler, GradScaler { scale: 2.0 * FIRST, steps: 0 });
    }

    #[test]
    fn types_with_a_large_range_need_none() {
        assert_eq!([Precision::Fp32, Precision::Bf16].map(GradScaler::of), [None, None]);
    }
}
