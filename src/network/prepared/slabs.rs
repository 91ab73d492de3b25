//! Work that is done slab by slab.

use pulp::Arch;
use rayon::prelude::*;

use super::pixel::{Pixel, SlabMut};

/// Pixels that are worth a second thread.
const GRAIN: usize = 1 << 12;

/// Calls `write` with each slab of an output and its number, with the processor's widest instructions.
pub(super) fn each(arch: Arch, outs: Vec<SlabMut<'_>>, write: impl Fn(usize, &mut [Pixel]) + Sync) {
    let work = |(i, out): (usize, &mut [Pixel])| {
        arch.dispatch(
            #[inline(always)]
            || write(i, out),
        );
    };
    let pixels = outs.first().map_or(1, |out| out.len().max(1));
    outs.into_par_iter().with_min_len(GRAIN.div_ceil(pixels)).enumerate().for_each(work);
}
