//! Work that is done slab by slab.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::pixel::{Pixel, SlabMut};

/// Pixels that are worth a second thread.
const GRAIN: usize = 1 << 12;

/// Calls `write` with each slab of an output and its number, with the processor's widest instructions; it must be
/// `#[inline(always)]` for that.
pub(super) fn each(arch: Arch, outs: Vec<SlabMut<'_>>, write: impl Fn(usize, &mut [Pixel]) + Sync) {
    let write = &write;
    let pixels = outs.first().map_or(1, |out| out.len().max(1));
    let outs = outs.into_par_iter().with_min_len(GRAIN.div_ceil(pixels)).enumerate();
    outs.for_each(|(number, out)| arch.dispatch(One { number, out, write }));
}

/// One slab to be written. Not a closure: compilers leave those out of what they compile for wide instructions.
struct One<'a, W> {
    number: usize,
    out: &'a mut [Pixel],
    write: &'a W,
}

impl<W: Fn(usize, &mut [Pixel])> WithSimd for One<'_, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        (self.write)(self.number, self.out);
    }
}
