//! What is done to each pixel by itself.

use pulp::Arch;

use super::{
    finish::{activate, add},
    pixel::{Pixel, Slab, SlabMut},
    slabs,
    walk::Walk,
};
use crate::arch::Activation;

/// The activation of every number.
pub(super) fn activation(arch: Arch, activation: Activation, inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
    slabs::each(
        arch,
        outs,
        #[inline(always)]
        |i, out| {
            out.copy_from_slice(&inputs[i][..out.len()]);
            activate(Some(activation), out);
        },
    );
}

/// The sum of two maps, the slabs of one behind those of the other.
pub(super) fn sum(arch: Arch, inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
    let (left, right) = inputs.split_at(outs.len());
    slabs::each(
        arch,
        outs,
        #[inline(always)]
        |i, out| {
            out.copy_from_slice(&left[i][..out.len()]);
            add(out, right[i]);
        },
    );
}

/// The map times `factors`, a pixel for each slab.
pub(super) fn scale(arch: Arch, factors: &[Pixel], inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
    slabs::each(
        arch,
        outs,
        #[inline(always)]
        |i, out| {
            for (out, pixel) in out.iter_mut().zip(inputs[i]) {
                *out = *pixel;
                out.0.iter_mut().zip(&factors[i].0).for_each(|(x, factor)| *x *= factor);
            }
        },
    );
}

/// Every second pixel of every second row, from the pixel `from` (row, column) on.
pub(super) fn every_second(
    arch: Arch,
    walk: &Walk,
    (row, column): (usize, usize),
    inputs: &[Slab<'_>],
    outs: Vec<SlabMut<'_>>,
) {
    slabs::each(arch, outs, |i, out| {
        for (line, out) in out.chunks_exact_mut(walk.out_side).enumerate() {
            let (image, y) = (line / walk.out_side, line % walk.out_side);
            let start = (image * walk.side + 2 * y + row) * walk.side + column;
            out.iter_mut().zip(inputs[i][start..].iter().step_by(2)).for_each(|(out, pixel)| *out = *pixel);
        }
    });
}

/// Images `[images, 3, side, side]` as a map.
pub(super) fn images(walk: &Walk, images: &[f32], lanes: &[usize], outs: Vec<SlabMut<'_>>) {
    let area = walk.side * walk.side;
    let mut first = 0;
    for (out, lanes) in outs.into_iter().zip(lanes) {
        for (image, out) in images.chunks_exact(images.len() / walk.images).zip(out.chunks_exact_mut(area)) {
            for (i, pixel) in out.iter_mut().enumerate() {
                *pixel = Pixel::ZERO;
                (0..*lanes).for_each(|lane| pixel.0[lane] = image[(first + lane) * area + i]);
            }
        }
        first += lanes;
    }
}
