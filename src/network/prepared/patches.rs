//! The convolution of the images themselves: three channels would leave slabs nearly empty.
//!
//! What lies under the window becomes the channels of a pixel; then it is a convolution of single pixels.

use pulp::Arch;
use rayon::prelude::*;

use super::{
    convolution::Convolution,
    pixel::{LANES, Pixel, Slab, SlabMut},
    walk::Walk,
};
use crate::arch::computation::COLORS;

/// A convolution of images.
pub(super) struct Patches {
    /// Of what lies under the window.
    pub convolution: Convolution,
}

/// Output pixels of a task: what lies under the window stays in the cache.
const PIXELS: usize = 240;

/// How many channels the slabs have that the numbers under a window make: of each color, as many of the window's rows
/// as fit. A row must fit.
pub(super) fn lanes(kernel: usize) -> Vec<usize> {
    let rows = LANES / kernel;
    let slab = |first: usize| rows.min(kernel - first) * kernel;
    (0..COLORS).flat_map(|_| (0..kernel).step_by(rows).map(slab)).collect()
}

impl Patches {
    /// The convolution of images `[images, 3, side, side]`.
    pub(super) fn run(&self, arch: Arch, walk: &Walk, images: &[f32], outs: Vec<SlabMut<'_>>) {
        let mut parts: Vec<_> = outs.into_iter().map(|out| out.chunks_mut(PIXELS)).collect();
        let mut tasks = Vec::new();
        while let Some(outs) = parts.iter_mut().map(|parts| parts.next()).collect::<Option<Vec<_>>>() {
            tasks.push(outs);
        }
        tasks.into_par_iter().enumerate().for_each(|(i, outs)| {
            let count = outs[0].len();
            let slabs = under(walk, images, i * PIXELS, count);
            let slabs: Vec<Slab<'_>> = slabs.iter().map(Vec::as_slice).collect();
            let pixels = Walk { kernel: 1, stride: 1, side: 1, out_side: 1, images: count };
            self.convolution.run(arch, &pixels, &slabs, &[], outs);
        });
    }
}

/// What lies under the window for `count` output pixels from `first` on, in slabs as [`lanes`] says.
fn under(walk: &Walk, images: &[f32], first: usize, count: usize) -> Vec<Vec<Pixel>> {
    let (kernel, rows) = (walk.kernel, LANES / walk.kernel);
    let slabs = kernel.div_ceil(rows);
    let mut all = vec![vec![Pixel::ZERO; count + 1]; COLORS * slabs];
    let mut done = 0;
    while done < count {
        let (line, column) = ((first + done) / walk.out_side, (first + done) % walk.out_side);
        let length = (walk.out_side - column).min(count - done);
        let from = (column * walk.stride).wrapping_sub(kernel / 2);
        for (slab, out) in all.iter_mut().enumerate() {
            let (color, rows) = (slab / slabs, slab % slabs * rows..kernel.min((slab % slabs + 1) * rows));
            for (i, down) in rows.enumerate() {
                let row = row(walk, images, (line, color, down));
                gather(walk, row, from, i * kernel, &mut out[done..done + length]);
            }
        }
        done += length;
    }
    all
}

/// Fills channels from `lane` on with a row of the window, which is at `from` for the first pixel.
fn gather(walk: &Walk, row: &[f32], from: usize, lane: usize, out: &mut [Pixel]) {
    match walk.kernel {
        3 => copy::<3>(walk.stride, row, from, lane, out),
        7 => copy::<7>(walk.stride, row, from, lane, out),
        kernel => (0..kernel).for_each(|i| copy::<1>(walk.stride, row, from.wrapping_add(i), lane + i, out)),
    }
}

/// [`gather`] for `K` numbers side by side.
fn copy<const K: usize>(stride: usize, row: &[f32], mut from: usize, lane: usize, out: &mut [Pixel]) {
    for pixel in out {
        let lanes = &mut pixel.0[lane..lane + K];
        match row.get(from..from.wrapping_add(K)) {
            Some(numbers) => lanes.copy_from_slice(numbers),
            None => (0..K).for_each(|i| lanes[i] = row.get(from.wrapping_add(i)).copied().unwrap_or(0.0)),
        }
        from = from.wrapping_add(stride);
    }
}

/// The row of a color under the window's row `down`, for an output line of all images; empty outside of the image.
fn row<'a>(walk: &Walk, images: &'a [f32], (line, color, down): (usize, usize, usize)) -> &'a [f32] {
    let (image, y) = (line / walk.out_side, line % walk.out_side);
    match (y * walk.stride + down).checked_sub(walk.kernel / 2).filter(|row| *row < walk.side) {
        Some(row) => &images[((image * COLORS + color) * walk.side + row) * walk.side..][..walk.side],
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_cut_into_rows_of_each_color() {
        assert_eq!(lanes(3), [9; 3]);
        assert_eq!(lanes(7)[..5], [14, 14, 14, 7, 14]);
        assert_eq!(lanes(16).len(), 48);
    }

    #[test]
    fn what_lies_under_the_window_is_gathered_row_by_row() {
        let walk = Walk { kernel: 3, stride: 2, side: 4, out_side: 2, images: 1 };
        let images: Vec<f32> = (0..48).map(|i| i as f32 + 1.0).collect();
        let slabs = under(&walk, &images, 1, 2);
        assert_eq!(slabs.len(), 3);
        assert_eq!(slabs[0][0].0[..9], [0.0, 0.0, 0.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0]);
        assert_eq!(slabs[2][1].0[..9], [0.0, 37.0, 38.0, 0.0, 41.0, 42.0, 0.0, 45.0, 46.0]);
    }
}
