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

/// How many channels the slabs have that the numbers under a window of this side make.
pub(super) fn lanes(kernel: usize) -> Vec<usize> {
    let numbers = COLORS * kernel * kernel;
    (0..numbers).step_by(LANES).map(|first| LANES.min(numbers - first)).collect()
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

/// What lies under the window for `count` output pixels from `first` on, channel by channel, as slabs.
fn under(walk: &Walk, images: &[f32], first: usize, count: usize) -> Vec<Vec<Pixel>> {
    let numbers = COLORS * walk.kernel * walk.kernel;
    let mut slabs = vec![vec![Pixel::ZERO; count + 1]; numbers.div_ceil(LANES)];
    let mut done = 0;
    while done < count {
        let (line, column) = ((first + done) / walk.out_side, (first + done) % walk.out_side);
        let length = (walk.out_side - column).min(count - done);
        for channel in 0..COLORS {
            for (place, (down, right)) in walk.places().enumerate() {
                let number = channel * walk.kernel * walk.kernel + place;
                let out = &mut slabs[number / LANES][done..done + length];
                let row = row(walk, images, (line, channel, down));
                let mut at = (column * walk.stride + right).wrapping_sub(walk.kernel / 2);
                for pixel in out {
                    pixel.0[number % LANES] = row.get(at).copied().unwrap_or(0.0);
                    at = at.wrapping_add(walk.stride);
                }
            }
        }
        done += length;
    }
    slabs
}

/// The row of a channel under the window's row `down`, for an output line of all images; empty outside of the image.
fn row<'a>(walk: &Walk, images: &'a [f32], (line, channel, down): (usize, usize, usize)) -> &'a [f32] {
    let (image, y) = (line / walk.out_side, line % walk.out_side);
    match (y * walk.stride + down).checked_sub(walk.kernel / 2).filter(|row| *row < walk.side) {
        Some(row) => &images[((image * COLORS + channel) * walk.side + row) * walk.side..][..walk.side],
        None => &[],
    }
}
