//! What is done to whole blocks and whole rows: with vectors where the processor has them, otherwise number by number. Both
//! give the same bytes.

use super::{
    block::{Block, SIDE},
    colors::{self, Row},
    inverse::{self, Pixels, flat},
    reduced,
};

/// The kernels of decoding.
pub(super) trait Kernels: Copy {
    /// The pixels of a block of several coefficients.
    fn inverse(self, block: &Block) -> Pixels;

    /// As many pixels of it as `side` says, by width and height, each the mean of some.
    fn reduced(self, block: &Block, side: (usize, usize)) -> Pixels;

    /// Makes the pixels of a row, as [`colors::convert`] does.
    fn colors(self, row: Row<'_>, from: usize, out: &mut [u8]);

    /// The pixels of any block, `side` of them by width and height.
    #[inline(always)]
    fn pixels(self, block: &Block, side: (usize, usize)) -> Pixels {
        match block.count {
            1 => [[flat(block.coefficients()[0]); 8]; 8],
            _ if side == (SIDE, SIDE) => self.inverse(block),
            _ => self.reduced(block, side),
        }
    }
}

/// Without vectors.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Kernels for Plain {
    fn inverse(self, block: &Block) -> Pixels {
        inverse::inverse(block)
    }

    fn reduced(self, block: &Block, side: (usize, usize)) -> Pixels {
        reduced::reduced(block, side)
    }

    fn colors(self, row: Row<'_>, from: usize, out: &mut [u8]) {
        colors::convert(row, from, out);
    }
}

#[cfg(target_arch = "x86_64")]
impl Kernels for pulp::x86::V3 {
    #[inline(always)]
    fn inverse(self, block: &Block) -> Pixels {
        super::inverse_avx2::inverse(self, block).unwrap_or_else(|| inverse::inverse(block))
    }

    #[inline(always)]
    fn reduced(self, block: &Block, side: (usize, usize)) -> Pixels {
        super::reduced_avx2::reduced(self, block, side)
    }

    #[inline(always)]
    fn colors(self, row: Row<'_>, from: usize, out: &mut [u8]) {
        super::colors_avx2::convert(self, row, from, out);
    }
}
