//! The convolution of the images themselves, whose three colors would leave slabs nearly empty: numbers are taken from
//! the rows of the image.

use std::array::from_fn;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    convolution::{Convolution, Panel},
    finish::Finish,
    pixel::{LANES, SlabMut},
    tile::{Sums, Tiled, in_registers, vectors, write},
    walk::Walk,
};
use crate::arch::{Window, computation::COLORS};

/// A convolution of images.
pub(super) struct Colors {
    /// Its weights in their own order: as one of single pixels, which have all numbers under the window.
    pub convolution: Convolution,
}

/// Multiplications of a task, about.
const GRAIN: usize = 1 << 20;
/// Numbers of a row from which neighbouring output pixels are made.
const REACH: usize = 32;

/// Whether the images' convolution through such a window is done here.
pub(super) fn known(window: Window) -> bool {
    window.groups == 1 && matches!((window.kernel, window.stride), (3 | 7, 2) | (3, 1))
}

impl Colors {
    /// The convolution of images `[images, 3, side, side]`.
    pub(super) fn run(&self, arch: Arch, walk: &Walk, images: &[f32], outs: Vec<SlabMut<'_>>) {
        let work = COLORS * walk.kernel.pow(2) * outs.len() * LANES * walk.out_side;
        let lines = GRAIN.div_ceil(work);
        let mut parts: Vec<_> = outs.into_iter().map(|out| out.chunks_mut(lines * walk.out_side)).collect();
        let mut tasks = Vec::new();
        while let Some(outs) = parts.iter_mut().map(|parts| parts.next()).collect::<Option<Vec<_>>>() {
            tasks.push(outs);
        }
        tasks.into_par_iter().enumerate().for_each(|(task, mut outs)| {
            for line in 0..outs[0].len() / walk.out_side {
                let rows = Rows::under(walk, images, task * lines + line);
                let pixels = line * walk.out_side..(line + 1) * walk.out_side;
                let outs = outs.iter_mut().map(|out| &mut out[pixels.clone()]).collect();
                self.line(arch, walk, &rows, outs);
            }
        });
    }

    /// A line of output pixels.
    fn line(&self, arch: Arch, walk: &Walk, rows: &Rows, outs: Vec<SlabMut<'_>>) {
        let mut outs = outs.into_iter();
        for panel in &self.convolution.panels {
            let outs: Vec<SlabMut<'_>> = outs.by_ref().take(panel.slabs.len()).collect();
            let line = Part { walk, rows, panel, finish: self.convolution.finish };
            match outs.len() {
                1 => line.run::<1>(arch, outs),
                2 => line.run::<2>(arch, outs),
                3 => line.run::<3>(arch, outs),
                _ => line.run::<4>(arch, outs),
            }
        }
    }
}

/// The rows of all colors that lie under the window for a line of output pixels, with zeros around them.
struct Rows {
    numbers: Vec<f32>,
    width: usize,
}

impl Rows {
    /// `line` counts through all images.
    fn under(walk: &Walk, images: &[f32], line: usize) -> Self {
        let (side, padding) = (walk.side, walk.kernel / 2);
        let (image, y) = (line / walk.out_side, line % walk.out_side);
        let width = walk.out_side * walk.stride + REACH;
        let mut numbers = vec![0.0; COLORS * walk.kernel * width];
        for (i, out) in numbers.chunks_exact_mut(width).enumerate() {
            let (color, down) = (i / walk.kernel, i % walk.kernel);
            let row = (y * walk.stride + down).checked_sub(padding).filter(|row| *row < side);
            if let Some(row) = row {
                let row = &images[((image * COLORS + color) * side + row) * side..][..side];
                let seen = side.min(width - padding);
                out[padding..padding + seen].copy_from_slice(&row[..seen]);
            }
        }
        Self { numbers, width }
    }
}

/// A line of output pixels of a panel.
#[derive(Clone, Copy)]
struct Part<'a> {
    walk: &'a Walk,
    rows: &'a Rows,
    panel: &'a Panel,
    finish: Finish,
}

impl Part<'_> {
    fn run<const F: usize>(self, arch: Arch, outs: Vec<SlabMut<'_>>) {
        let Ok(outs) = outs.try_into() else { unreachable!("a panel has at most four slabs") };
        arch.dispatch(Line::<F> { part: self, outs });
    }
}

struct Line<'a, const F: usize> {
    part: Part<'a>,
    outs: [SlabMut<'a>; F],
}

impl<const F: usize> WithSimd for Line<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        in_registers::<S, F>(simd, self);
    }
}

impl<const F: usize> Tiled for Line<'_, F> {
    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(self, simd: S) {
        match (self.part.walk.kernel, self.part.walk.stride) {
            (3, 2) => self.tiles::<S, P, N, 3, 2>(simd),
            (7, 2) => self.tiles::<S, P, N, 7, 2>(simd),
            (3, 1) => self.tiles::<S, P, N, 3, 1>(simd),
            _ => unreachable!("other windows are not known"),
        }
    }
}

impl<const F: usize> Line<'_, F> {
    #[inline(always)]
    fn tiles<S: Simd, const P: usize, const N: usize, const KERNEL: usize, const STRIDE: usize>(
        mut self,
        simd: S,
    ) {
        let count = self.outs[0].len();
        for first in (0..count).step_by(N) {
            let sums = self.sums::<S, P, N, KERNEL, STRIDE>(simd, first);
            let end = count.min(first + N);
            write::<S, P, F, N>(
                &sums,
                self.outs.each_mut().map(|out| &mut out[first..end]),
                None,
                self.part.finish,
            );
        }
    }

    #[inline(always)]
    fn sums<S: Simd, const P: usize, const N: usize, const KERNEL: usize, const STRIDE: usize>(
        &self,
        simd: S,
        first: usize,
    ) -> Sums<S, P, F, N> {
        let Part { rows, panel, .. } = self.part;
        let mut sums = [from_fn(|f| vectors::<S, P>(&panel.bias[f])); N];
        let (weights, _) = panel.weights.as_chunks::<F>();
        let (weights, _) = weights.as_chunks::<KERNEL>();
        for (row, weights) in rows.numbers.chunks_exact(rows.width).zip(weights) {
            let Some(row) = row[first * STRIDE..].first_chunk::<REACH>() else { return sums };
            for (right, weights) in weights.iter().enumerate() {
                let weights: [[S::f32s; P]; F] = from_fn(|f| vectors::<S, P>(&weights[f]));
                for n in 0..N {
                    let x = simd.splat_f32s(row[(n * STRIDE + right) % REACH]);
                    for f in 0..F {
                        for p in 0..P {
                            sums[n][f][p] = simd.mul_add_f32s(weights[f][p], x, sums[n][f][p]);
                        }
                    }
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_zeros_around_them() {
        let walk = Walk { kernel: 3, stride: 2, side: 4, out_side: 2, images: 1 };
        let images: Vec<f32> = (0..48).map(|i| i as f32 + 1.0).collect();
        let rows = Rows::under(&walk, &images, 0);
        let row = |i: usize| &rows.numbers[i * rows.width..][..6];
        assert_eq!(row(0), [0.0; 6]);
        assert_eq!(row(1), [0.0, 1.0, 2.0, 3.0, 4.0, 0.0]);
        assert_eq!(row(8), [0.0, 37.0, 38.0, 39.0, 40.0, 0.0]);
    }
}
