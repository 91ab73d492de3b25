//! What happens to a convolution's output before it is written: activation, residual sum, activation of that.

use super::{
    exponential::silu,
    pixel::{Pixel, Slab},
};
use crate::arch::Activation;

/// What happens to a convolution's output, in this order: an activation, a sum with another map, an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Finish {
    /// What follows the bias.
    pub activation: Option<Activation>,
    /// What follows the sum with another map, where there is one.
    pub after_sum: Option<Activation>,
}

impl Finish {
    /// Does it to some pixels, with those that are `added`.
    #[inline(always)]
    pub(super) fn apply(self, pixels: &mut [Pixel], added: Option<Slab<'_>>) {
        activate(self.activation, pixels);
        if let Some(added) = added {
            add(pixels, added);
            activate(self.after_sum, pixels);
        }
    }
}

/// The activation of every number, if there is one.
#[inline(always)]
pub(super) fn activate(activation: Option<Activation>, pixels: &mut [Pixel]) {
    match activation {
        Some(Activation::Silu) => each(pixels, silu),
        // What is not a number stays so, and is found in the end.
        Some(Activation::Relu) => each(pixels, |x| if x < 0.0 { 0.0 } else { x }),
        None => {}
    }
}

/// Adds another map's pixels.
#[inline(always)]
pub(super) fn add(pixels: &mut [Pixel], others: Slab<'_>) {
    for (pixel, other) in pixels.iter_mut().zip(others) {
        for (x, y) in pixel.0.iter_mut().zip(&other.0) {
            *x += y;
        }
    }
}

#[inline(always)]
fn each(pixels: &mut [Pixel], of: impl Fn(f32) -> f32) {
    for pixel in pixels {
        for x in &mut pixel.0 {
            *x = of(*x);
        }
    }
}
