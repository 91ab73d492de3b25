//! The maximum in a window, and the mean of a whole map.

use pulp::Arch;

use super::{
    pixel::{LANES, Pixel, Slab, SlabMut},
    slabs,
    walk::Walk,
};

/// The maximum of each channel under the window; what lies around the map does not count.
pub(super) fn max(arch: Arch, walk: &Walk, inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
    slabs::each(
        arch,
        outs,
        #[inline(always)]
        |i, out| {
            for (pixel, out) in out.iter_mut().enumerate() {
                *out = largest(walk, inputs[i], pixel);
            }
        },
    );
}

#[inline(always)]
fn largest(walk: &Walk, input: Slab<'_>, pixel: usize) -> Pixel {
    let stands = walk.stands::<1>(pixel);
    let mut most = [f32::NEG_INFINITY; LANES];
    for place in walk.places() {
        let [under] = walk.under(&stands, place);
        if under < walk.pixels() {
            for (most, x) in most.iter_mut().zip(&input[under].0) {
                // What is not a number stays so, and is found in the end.
                *most = if *x > *most || x.is_nan() { *x } else { *most };
            }
        }
    }
    Pixel(most)
}

/// The mean of each channel of each image: a map of one pixel.
pub(super) fn mean(arch: Arch, walk: &Walk, inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
    let area = walk.side * walk.side;
    slabs::each(
        arch,
        outs,
        #[inline(always)]
        |i, out| {
            for (out, image) in out.iter_mut().zip(inputs[i].chunks_exact(area)) {
                *out = Pixel::ZERO;
                for pixel in image {
                    out.0.iter_mut().zip(&pixel.0).for_each(|(sum, x)| *sum += x);
                }
                out.0.iter_mut().for_each(|sum| *sum /= area as f32);
            }
        },
    );
}
