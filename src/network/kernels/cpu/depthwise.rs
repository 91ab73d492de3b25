//! Convolution of each channel with a kernel of its own.

use rayon::prelude::*;

use super::{Array, Window, array};

/// A convolution with as many groups as channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depthwise(pub Window);

/// Pixels of a task, at least.
const GRAIN: usize = 1 << 12;

impl Depthwise {
    /// The convolution; `finish` gets every output plane with its channel.
    pub(super) fn forward(
        &self,
        x: Array,
        weight: Array,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Array {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let (channels, area, pixels) = (self.0.c1, self.0.area(), self.0.out_area());
        let kernels = weight.storage::<f32>();
        let mut out = vec![0.0; self.0.batch * channels * pixels];
        let planes = out.par_chunks_exact_mut(pixels).zip(x.storage::<f32>().par_chunks_exact(area));
        planes.with_min_len(GRAIN.div_ceil(pixels)).enumerate().for_each(|(i, (out, x))| {
            let kernel = self.kernel(kernels, i);
            self.each_row(|place, row, y, inside| {
                let factor = kernel[place];
                let taken = x[row..].iter().step_by(self.0.stride);
                out[y..][inside].iter_mut().zip(taken).for_each(|(out, x)| *out += factor * x);
            });
            finish(i % channels, out);
        });
        array(out, self.0.out_shape().to_vec())
    }

    /// Gradient of the images, given that of the output.
    pub(super) fn x_gradient(&self, weight: Array, gradient: Array) -> Array {
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let (channels, area, pixels) = (self.0.c1, self.0.area(), self.0.out_area());
        let kernels = weight.storage::<f32>();
        let mut out = vec![0.0; self.0.batch * channels * area];
        let planes = out.par_chunks_exact_mut(area).zip(gradient.storage::<f32>().par_chunks_exact(pixels));
        planes.with_min_len(GRAIN.div_ceil(pixels)).enumerate().for_each(|(i, (out, gradient))| {
            let kernel = self.kernel(kernels, i);
            self.each_row(|place, row, y, inside| {
                let factor = kernel[place];
                let given = out[row..].iter_mut().step_by(self.0.stride);
                given.zip(&gradient[y..][inside]).for_each(|(out, gradient)| *out += factor * gradient);
            });
        });
        array(out, self.0.shape().to_vec())
    }

    /// Gradient of the weight, given that of the output.
    pub(super) fn weight_gradient(&self, x: Array, gradient: Array) -> Array {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let (x, gradient) = (x.storage::<f32>(), gradient.storage::<f32>());
        let (channels, area, pixels, kernel) = (self.0.c1, self.0.area(), self.0.out_area(), self.0.kernel);
        let mut out = vec![0.0; channels * kernel * kernel];
        out.par_chunks_exact_mut(kernel * kernel).enumerate().for_each(|(channel, out)| {
            for plane in (0..self.0.batch).map(|image| image * channels + channel) {
                let (x, gradient) = (&x[plane * area..][..area], &gradient[plane * pixels..][..pixels]);
                self.each_row(|place, row, y, inside| {
                    let taken = x[row..].iter().step_by(self.0.stride);
                    out[place] +=
                        taken.zip(&gradient[y..][inside]).map(|(x, gradient)| x * gradient).sum::<f32>();
                });
            }
        });
        array(out, vec![channels, 1, kernel, kernel])
    }

    fn kernel<'a>(&self, kernels: &'a [f32], plane: usize) -> &'a [f32] {
        let size = self.0.kernel * self.0.kernel;
        &kernels[plane % self.0.c1 * size..][..size]
    }

    /// Calls `with` for each place of the kernel and each output row that it reaches: the place, where in
    /// the input plane its pixels begin, where the output row begins, and which of its columns count.
    fn each_row(&self, mut with: impl FnMut(usize, usize, usize, std::ops::Range<usize>)) {
        let Window { kernel, width, stride, padding, .. } = self.0;
        for place in 0..kernel * kernel {
            let (ky, kx) = (place / kernel, place % kernel);
            let inside = self.0.inside(kx);
            for y in (0..self.0.out_height()).filter(|_| !inside.is_empty()) {
                let Some(row) = self.0.row(y, ky) else { continue };
                let first = row * width + inside.start * stride + kx - padding;
                with(place, first, y * self.0.out_width(), inside.clone());
            }
        }
    }
}
