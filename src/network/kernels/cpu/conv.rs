//! Dense convolution as products of matrices.
//!
//! Each output pixel becomes a column of the input pixels under the kernel, `[c1 · kernel², pixels]`; the
//! convolution is then `weight · columns`. A few images at a time, so that columns stay in the cache. Large maps need no
//! columns: they are [`spread`](super::spread).

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Array, Window, array, in_parts, spread::Spread};
use crate::matrix::{Left, Rows, add_product_with_transposed, product, row_by_row};

/// A convolution in which every output channel sees every input channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dense {
    window: Window,
    /// Images whose columns are made at once.
    images: usize,
}

/// So many columns keep the matrix product busy.
const COLUMNS: usize = 144;
/// Images are made in so many groups at least: each is a task.
const GROUPS: usize = 4;
/// The weight's gradient is summed in so many parts at most: each needs memory of its own.
const PARTS: usize = 16;

impl Dense {
    /// As many images at once as keep the matrix product busy.
    pub(super) fn new(window: Window) -> Self {
        let most = (window.batch / GROUPS).max(1);
        Self { window, images: COLUMNS.div_ceil(window.out_area()).min(most) }
    }

    /// Each image by itself: its numbers do not depend on how many others there are, to the last bit.
    pub(super) fn one_by_one(self) -> Self {
        Self { images: 1, ..self }
    }

    /// The convolution; `finish` gets every output plane with its channel.
    pub(super) fn forward(
        &self,
        x: Array,
        weight: Array,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Array {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let Window { c1, c2, batch, .. } = self.window;
        let (area, pixels, images) = (c1 * self.window.area(), self.window.out_area(), self.images);
        let mut out = vec![0.0; batch * c2 * pixels];
        let parts =
            out.par_chunks_mut(images * c2 * pixels).zip(x.storage::<f32>().par_chunks(images * area));
        parts.for_each(|(out, x)| {
            match self.spread() {
                Some(spread) => spread.forward(x, weight.storage(), out),
                None => {
                    let (columns, left) = (self.columns(x), Left::Rows(weight.storage()));
                    whole_planes(out, c2, pixels, |out| plain(left, &columns, self.height(), out));
                }
            }
            for (i, plane) in out.chunks_exact_mut(pixels).enumerate() {
                finish(i % c2, plane);
            }
        });
        array(out, self.window.out_shape().to_vec())
    }

    /// Gradient of the images, given that of the output.
    pub(super) fn x_gradient(&self, weight: Array, gradient: Array) -> Array {
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let Window { c1, c2, batch, .. } = self.window;
        let (area, pixels, images) = (c1 * self.window.area(), self.window.out_area(), self.images);
        let mut out = vec![0.0; batch * area];
        let gradients = gradient.storage::<f32>().par_chunks(images * c2 * pixels);
        let backward = self.spread().map(|spread| spread.backward(weight.storage()));
        out.par_chunks_mut(images * area).zip(gradients).for_each(|(out, gradient)| {
            if let Some(backward) = &backward {
                return backward.run(gradient, out);
            }
            let (gradient, left) = (joined(gradient, c2, pixels), Left::Columns(weight.storage()));
            if self.pointwise() {
                return whole_planes(out, c1, pixels, |out| plain(left, &gradient, c2, out));
            }
            let mut columns = vec![0.0; self.height() * gradient.len() / c2];
            plain(left, &gradient, c2, &mut columns);
            self.scatter(&columns, out);
        });
        array(out, self.window.shape().to_vec())
    }

    /// Gradient of the weight, given that of the output.
    pub(super) fn weight_gradient(&self, x: Array, gradient: Array) -> Array {
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let Window { c1, c2, batch, kernel, .. } = self.window;
        let (area, pixels) = (c1 * self.window.area(), self.window.out_area());
        let (images, part) = (self.images, self.images.max(batch.div_ceil(PARTS)));
        let parts = x.storage::<f32>().par_chunks(part * area);
        let parts = parts.zip(gradient.storage::<f32>().par_chunks(part * c2 * pixels));
        let sums = parts.map(|(x, gradient)| {
            let mut sum = vec![0.0; c2 * self.height()];
            for (x, gradient) in x.chunks(images * area).zip(gradient.chunks(images * c2 * pixels)) {
                match self.spread() {
                    Some(spread) => spread.add_weight_gradient(x, gradient, &mut sum),
                    None => {
                        let (gradient, columns) = (joined(gradient, c2, pixels), self.columns(x));
                        let width = gradient.len() / c2;
                        let starts = row_by_row(self.height(), width);
                        let rows = Rows { numbers: &columns, starts: &starts, width };
                        add_product_with_transposed(&gradient, rows, &mut sum);
                    }
                }
            }
            sum
        });
        let sums: Vec<Vec<f32>> = sums.collect();
        array(summed(sums, c2 * self.height()), vec![c2, c1, kernel, kernel])
    }

    /// Numbers of a column.
    fn height(&self) -> usize {
        self.window.c1 * self.window.kernel * self.window.kernel
    }

    /// How each map is spread, if it is so large that images go one by one.
    fn spread(&self) -> Option<Spread> {
        (self.window.out_area() >= COLUMNS && !self.pointwise()).then(|| Spread::new(self.window))
    }

    /// Whether columns are the pixels themselves.
    fn pointwise(&self) -> bool {
        (self.window.kernel, self.window.stride, self.window.padding) == (1, 1, 0)
    }

    /// Columns of some images: `[c1 · kernel², images · pixels]`.
    fn columns<'a>(&self, x: &'a [f32]) -> Cow<'a, [f32]> {
        let Window { c1, kernel, .. } = self.window;
        let (area, pixels) = (self.window.area(), self.window.out_area());
        if self.pointwise() {
            return joined(x, c1, pixels);
        }
        let width = x.len() / (c1 * area) * pixels;
        let mut columns = Vec::with_capacity(self.height() * width);
        for (channel, place) in places(c1, kernel) {
            for image in x.chunks_exact(c1 * area) {
                self.gather(&image[channel * area..][..area], place, &mut columns);
            }
        }
        columns.into()
    }

    /// Appends what lies under one place of the kernel, for each output pixel.
    fn gather(&self, plane: &[f32], (ky, kx): (usize, usize), columns: &mut Vec<f32>) {
        let Window { width, stride, padding, .. } = self.window;
        let (inside, out_width) = (self.window.inside(kx), self.window.out_width());
        for y in 0..self.window.out_height() {
            let end = columns.len() + out_width;
            if let (Some(row), false) = (self.window.row(y, ky), inside.is_empty()) {
                columns.resize(columns.len() + inside.start, 0.0);
                let row = &plane[row * width + inside.start * stride + kx - padding..(row + 1) * width];
                match stride {
                    1 => columns.extend_from_slice(&row[..inside.len()]),
                    _ => columns.extend(row.iter().step_by(stride).take(inside.len())),
                }
            }
            columns.resize(end, 0.0);
        }
    }

    /// Adds each column back to the pixels that it was gathered from.
    fn scatter(&self, columns: &[f32], out: &mut [f32]) {
        let Window { c1, kernel, .. } = self.window;
        let (area, pixels) = (self.window.area(), self.window.out_area());
        let width = out.len() / (c1 * area) * pixels;
        for ((channel, place), row) in places(c1, kernel).zip(columns.chunks_exact(width)) {
            for (image, row) in out.chunks_exact_mut(c1 * area).zip(row.chunks_exact(pixels)) {
                self.add(row, place, &mut image[channel * area..][..area]);
            }
        }
    }

    fn add(&self, columns: &[f32], (ky, kx): (usize, usize), plane: &mut [f32]) {
        let Window { width, stride, padding, .. } = self.window;
        let inside = self.window.inside(kx);
        if inside.is_empty() {
            return;
        }
        for (y, columns) in columns.chunks_exact(self.window.out_width()).enumerate() {
            let Some(row) = self.window.row(y, ky) else { continue };
            let row = &mut plane[row * width + inside.start * stride + kx - padding..(row + 1) * width];
            let columns = &columns[inside.clone()];
            match stride {
                1 => row.iter_mut().zip(columns).for_each(|(x, column)| *x += column),
                _ => row.iter_mut().step_by(stride).zip(columns).for_each(|(x, column)| *x += column),
            }
        }
    }
}

/// `left` times a matrix of so many rows.
fn plain(left: Left<'_>, numbers: &[f32], rows: usize, out: &mut [f32]) {
    let width = numbers.len() / rows;
    product(left, Rows { numbers, starts: &row_by_row(rows, width), width }, out);
}

/// Channels and places of the kernel, in the weight's order.
fn places(channels: usize, kernel: usize) -> impl Iterator<Item = (usize, (usize, usize))> {
    (0..channels * kernel * kernel).map(move |i| {
        let place = i % (kernel * kernel);
        (i / (kernel * kernel), (place / kernel, place % kernel))
    })
}

/// Images `[images, channels, pixels]` as a matrix `[channels, images · pixels]`: of one image, its own numbers.
fn joined(x: &[f32], channels: usize, pixels: usize) -> Cow<'_, [f32]> {
    let images = x.len() / (channels * pixels);
    if images == 1 {
        return x.into();
    }
    let mut out = Vec::with_capacity(x.len());
    for channel in 0..channels {
        for image in 0..images {
            out.extend_from_slice(&x[(image * channels + channel) * pixels..][..pixels]);
        }
    }
    out.into()
}

/// Has `fill` fill images `[images, channels, pixels]` as if they were a matrix `[channels, images · pixels]`.
fn whole_planes(out: &mut [f32], channels: usize, pixels: usize, fill: impl FnOnce(&mut [f32])) {
    if out.len() == channels * pixels {
        return fill(out);
    }
    let mut matrix = vec![0.0; out.len()];
    fill(&mut matrix);
    interleave(&matrix, out, channels, pixels);
}

/// The sum of vectors of `count` numbers, in order.
fn summed(vectors: Vec<Vec<f32>>, count: usize) -> Vec<f32> {
    let sum = vectors.into_iter().reduce(|mut sum, vector| {
        in_parts(&mut sum, &vector, |sum, x| sum + x);
        sum
    });
    sum.unwrap_or_else(|| vec![0.0; count])
}

/// The way back of [`joined`]: the planes of a matrix, image by image.
fn interleave(matrix: &[f32], out: &mut [f32], channels: usize, pixels: usize) {
    let images = out.len() / (channels * pixels);
    for (i, plane) in out.chunks_exact_mut(pixels).enumerate() {
        let (image, channel) = (i / channels, i % channels);
        plane.copy_from_slice(&matrix[(channel * images + image) * pixels..][..pixels]);
    }
}
