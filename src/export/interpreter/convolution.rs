//! Convolution as products of matrices, some rows of the output at a time.

use crate::{
    arch::Window,
    matrix::{Left, Rows, product, row_by_row},
};

/// Output pixels whose columns are made at once, about: they stay in the cache.
const PIXELS: usize = 192;

/// A convolution of a map `[channels, side, side]`.
pub(super) struct Convolution<'a> {
    pub(super) map: &'a [f32],
    pub(super) shape: &'a [usize],
    /// `[channels out, channels / groups, kernel, kernel]`
    pub(super) weight: &'a [f32],
    /// `[channels out]`
    pub(super) bias: &'a [f32],
    pub(super) window: Window,
    /// Its result: `[channels out, side, side]`.
    pub(super) out: &'a [usize],
}

impl Convolution<'_> {
    /// The map that it gives.
    pub(super) fn run(&self) -> Vec<f32> {
        let (area, side) = (self.out[1] * self.out[1], self.out[1]);
        let mut out = vec![0.0; self.bias.len() * area];
        out.chunks_exact_mut(area).zip(self.bias).for_each(|(plane, bias)| plane.fill(*bias));
        let channels = self.bias.len() / self.window.groups;
        let weights = self.weight.chunks_exact(self.weight.len() / self.window.groups);
        for (group, (out, weight)) in out.chunks_exact_mut(channels * area).zip(weights).enumerate() {
            let rows = (PIXELS / side).clamp(1, side);
            for first in (0..side).step_by(rows) {
                self.add_rows(group, weight, first..(first + rows).min(side), out);
            }
        }
        out
    }

    /// Adds what the convolution gives for some rows of a group's output.
    fn add_rows(&self, group: usize, weight: &[f32], rows: std::ops::Range<usize>, out: &mut [f32]) {
        let (pixels, side) = (rows.len() * self.out[1], self.out[1]);
        let columns = self.columns(group, rows.clone());
        let mut sums = vec![0.0; out.len() / (side * side) * pixels];
        let starts = row_by_row(columns.len() / pixels, pixels);
        product(Left::Rows(weight), Rows { numbers: &columns, starts: &starts, width: pixels }, &mut sums);
        for (plane, sums) in out.chunks_exact_mut(side * side).zip(sums.chunks_exact(pixels)) {
            plane[rows.start * side..][..pixels].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
        }
    }

    /// What lies under the window, place by place: `[channels · kernel², pixels of these rows]`.
    fn columns(&self, group: usize, rows: std::ops::Range<usize>) -> Vec<f32> {
        let (Window { kernel, groups, .. }, side) = (self.window, self.shape[1]);
        let channels = self.shape[0] / groups;
        let planes = self.map.chunks_exact(side * side).skip(group * channels).take(channels);
        let mut columns = Vec::with_capacity(channels * kernel * kernel * rows.len() * self.out[1]);
        for plane in planes {
            for place in 0..kernel * kernel {
                rows.clone()
                    .for_each(|y| self.append(plane, [y, place / kernel, place % kernel], &mut columns));
            }
        }
        columns
    }

    /// Appends what lies under one place of the window for each pixel of the output's row `y`.
    fn append(&self, plane: &[f32], [y, down, right]: [usize; 3], columns: &mut Vec<f32>) {
        let (Window { kernel, stride, .. }, side, width) = (self.window, self.shape[1], self.out[1]);
        let (padding, end) = (kernel / 2, columns.len() + width);
        let row = (y * stride + down).checked_sub(padding).filter(|row| *row < side);
        let before = padding.saturating_sub(right).div_ceil(stride).min(width);
        if let Some(row) = row {
            columns.resize(columns.len() + before, 0.0);
            let row = &plane[row * side..][..side];
            let first = (before * stride + right).saturating_sub(padding).min(side);
            columns.extend(row[first..].iter().step_by(stride).take(width - before));
        }
        columns.resize(end, 0.0);
    }
}
