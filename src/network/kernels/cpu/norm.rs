//! Batch norm by the batch's own statistics, and the SiLU after it, in one pass each way.

use rayon::prelude::*;

use super::{
    Array, dims,
    silu::{silu, slope},
    vectorized,
};

/// A tensor as planes of `pixels` numbers, `channels` of them an image.
#[derive(Debug, Clone, Copy)]
pub(in crate::network) struct Planes {
    batch: usize,
    channels: usize,
    pixels: usize,
}

/// What a norm does to the numbers of each channel: `x · scale + shift`, then SiLU if `activated`.
pub(in crate::network) struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    /// `1 / √(σ² + ε)`.
    inverse: Vec<f32>,
    activated: bool,
}

impl Affine {
    /// A norm by these statistics.
    pub(in crate::network) fn new(
        mean: Vec<f32>,
        variance: &[f32],
        gamma: &[f32],
        beta: &[f32],
        epsilon: f64,
        activated: bool,
    ) -> Self {
        let inverse: Vec<f32> =
            variance.iter().map(|variance| (f64::from(*variance) + epsilon).sqrt().recip() as f32).collect();
        let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(gamma, inverse)| gamma * inverse).collect();
        let shift = (0..mean.len()).map(|i| beta[i] - mean[i] * scale[i]).collect();
        Self { scale, shift, mean, inverse, activated }
    }

    /// A bias for each channel.
    pub(in crate::network) fn shift(bias: &[f32], activated: bool) -> Self {
        let [zeros, ones] = [0.0, 1.0].map(|x| vec![x; bias.len()]);
        Self { scale: ones.clone(), shift: bias.to_vec(), mean: zeros, inverse: ones, activated }
    }
}

/// Numbers of a task, at least.
const GRAIN: usize = 1 << 12;
/// Sums that run side by side.
const LANES: usize = 16;

impl Planes {
    pub(in crate::network) fn of(x: &Array) -> Self {
        let [batch, channels, height, width] = dims(x);
        Self { batch, channels, pixels: height * width }
    }

    /// Numbers of a channel in all images.
    pub(in crate::network) fn count(&self) -> usize {
        self.batch * self.pixels
    }

    /// The sum of each channel.
    pub(in crate::network) fn sums(&self, x: &[f32]) -> Vec<f32> {
        let channel = |channel| self.planes(x, channel).map(|plane| sum(plane, |x| x)).sum::<f64>() as f32;
        (0..self.channels).map(channel).collect()
    }

    /// Mean and biased variance of each channel.
    pub(in crate::network) fn statistics(&self, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let count = (self.batch * self.pixels) as f64;
        let statistics =
            (0..self.channels).into_par_iter().with_min_len(self.grain() / self.batch.max(1) + 1);
        let statistics = statistics.map(|channel| {
            vectorized(
                #[inline(always)]
                || {
                    let mean = self.planes(x, channel).map(|plane| sum(plane, |x| x)).sum::<f64>() / count;
                    let centre = mean as f32;
                    let squares =
                        self.planes(x, channel).map(|plane| sum(plane, |x| (x - centre) * (x - centre)));
                    (centre, (squares.sum::<f64>() / count) as f32)
                },
            )
        });
        statistics.unzip()
    }

    /// The norm's output, in the shape of `x`.
    pub(in crate::network) fn forward(&self, x: &[f32], norm: &Affine) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        let planes = out.par_chunks_exact_mut(self.pixels).zip(x.par_chunks_exact(self.pixels));
        planes.with_min_len(self.grain()).enumerate().for_each(|(i, (out, x))| {
            let (scale, shift) = (norm.scale[i % self.channels], norm.shift[i % self.channels]);
            let pairs = out.iter_mut().zip(x);
            vectorized(
                #[inline(always)]
                || match norm.activated {
                    true => pairs.for_each(|(out, x)| *out = silu(x * scale + shift)),
                    false => pairs.for_each(|(out, x)| *out = x * scale + shift),
                },
            );
        });
        out
    }

    /// Gradients of input, scale and shift, given that of the output.
    pub(in crate::network) fn backward(
        &self,
        x: &[f32],
        gradient: &[f32],
        norm: &Affine,
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let mut out = vec![0.0; x.len()];
        let sums: Vec<(f64, f64)> = self
            .triples(&mut out, x, gradient)
            .map(|(i, out, x, gradient)| affine_gradient(out, x, gradient, norm, i % self.channels))
            .collect();
        let (plain, scaled) = self.by_channel(&sums);
        let count = (self.batch * self.pixels) as f32;
        let planes = out.par_chunks_exact_mut(self.pixels).zip(x.par_chunks_exact(self.pixels));
        planes.with_min_len(self.grain()).enumerate().for_each(|(i, (out, x))| {
            let c = i % self.channels;
            let (mean, inverse, scale) = (norm.mean[c], norm.inverse[c], norm.scale[c]);
            let (plain, scaled) = (plain[c] / count, scaled[c] / count);
            let pairs = out.iter_mut().zip(x);
            vectorized(
                #[inline(always)]
                || pairs.for_each(|(out, x)| *out = scale * (*out - plain - (x - mean) * inverse * scaled)),
            );
        });
        (out, scaled, plain)
    }

    /// The gradient of the input of what does not go by the batch, given that of the output.
    pub(in crate::network) fn affine_backward(&self, x: &[f32], gradient: &[f32], norm: &Affine) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        self.triples(&mut out, x, gradient).for_each(|(i, out, x, gradient)| {
            let (scale, shift) = (norm.scale[i % self.channels], norm.shift[i % self.channels]);
            let inputs = out.iter_mut().zip(x.iter().zip(gradient));
            vectorized(
                #[inline(always)]
                || match norm.activated {
                    true => inputs.for_each(|(out, (x, g))| *out = g * slope(x * scale + shift) * scale),
                    false => inputs.for_each(|(out, (_, g))| *out = g * scale),
                },
            );
        });
        out
    }

    fn triples<'a>(
        &self,
        out: &'a mut [f32],
        x: &'a [f32],
        gradient: &'a [f32],
    ) -> impl IndexedParallelIterator<Item = (usize, &'a mut [f32], &'a [f32], &'a [f32])> {
        let inputs = x.par_chunks_exact(self.pixels).zip(gradient.par_chunks_exact(self.pixels));
        let planes = out.par_chunks_exact_mut(self.pixels).zip(inputs).with_min_len(self.grain());
        planes.enumerate().map(|(i, (out, (x, gradient)))| (i, out, x, gradient))
    }

    /// Sums over the batch, in order.
    fn by_channel(&self, sums: &[(f64, f64)]) -> (Vec<f32>, Vec<f32>) {
        let channel = |channel| {
            let sums = sums.iter().skip(channel).step_by(self.channels);
            let (plain, scaled) = sums.fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
            (plain as f32, scaled as f32)
        };
        (0..self.channels).map(channel).unzip()
    }

    fn planes<'a>(&self, x: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> {
        x.chunks_exact(self.pixels).skip(channel).step_by(self.channels)
    }

    /// Planes of a task, at least.
    fn grain(&self) -> usize {
        GRAIN.div_ceil(self.pixels)
    }
}

/// Fills `out` with the gradient before the SiLU; its sum, and the sum of it times the normalised input.
fn affine_gradient(out: &mut [f32], x: &[f32], gradient: &[f32], norm: &Affine, c: usize) -> (f64, f64) {
    let (scale, shift, mean, inverse) = (norm.scale[c], norm.shift[c], norm.mean[c], norm.inverse[c]);
    vectorized(
        #[inline(always)]
        || {
            let inputs = x.iter().zip(gradient);
            match norm.activated {
                true => {
                    out.iter_mut().zip(inputs).for_each(|(out, (x, g))| *out = g * slope(x * scale + shift));
                }
                false => out.copy_from_slice(gradient),
            }
            let scaled = sum_of_products(out, x, |x| (x - mean) * inverse);
            (sum(out, |x| x), scaled)
        },
    )
}

/// The sum of `of` each number.
#[inline(always)]
fn sum(numbers: &[f32], of: impl Fn(f32) -> f32) -> f64 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += of(*x);
        }
    }
    total(&lanes) + rest.iter().map(|x| f64::from(of(*x))).sum::<f64>()
}

/// The sum of each number of `a` times `of` that of `b`.
#[inline(always)]
fn sum_of_products(a: &[f32], b: &[f32], of: impl Fn(f32) -> f32) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] += a[i] * of(b[i]);
        }
    }
    total(&lanes) + a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(a * of(*b))).sum::<f64>()
}

fn total(lanes: &[f32]) -> f64 {
    lanes.iter().map(|lane| f64::from(*lane)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_variance_beside_a_large_mean_is_exact() {
        // x² - mean² would be rounded.
        let planes = Planes { batch: 2, channels: 1, pixels: 21 };
        let x: Vec<f32> = (0..42).map(|i| if i % 3 == 0 { 10_000_002.0 } else { 9_999_999.0 }).collect();
        assert_eq!(planes.statistics(&x), (vec![10_000_000.0], vec![2.0]));
    }
}
