//! One component's pixels of a row of units, at the component's own size.

use super::{
    bits::Bits,
    block::{self, Block, SIDE},
    colors::BEHIND,
    header::Component,
    kernels::Kernels,
};

/// A row of units, with the last row of pixels of the one above.
pub(super) struct Plane<'a> {
    component: &'a Component,
    /// The first coefficient of the last block.
    first: i32,
    /// Row by row; the first row is the one above.
    bytes: Vec<u8>,
    /// Bytes of a row: those of all units, and some that are nothing.
    stride: usize,
}

impl<'a> Plane<'a> {
    /// For `across` units side by side.
    pub(super) fn new(component: &'a Component, across: usize) -> Self {
        let (columns, rows) = component.blocks;
        let stride = across * columns * SIDE + BEHIND;
        Self { component, first: 0, bytes: vec![0; (1 + rows * SIDE) * stride], stride }
    }

    /// Forgets the last block, as is done where a stretch of data begins.
    pub(super) fn restart(&mut self) {
        self.first = 0;
    }

    /// Reads the blocks of a unit, and makes their pixels. Nothing if they are damaged.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        kernels: impl Kernels,
        bits: &mut Bits,
        block: &mut Block,
        unit: usize,
    ) -> Option<()> {
        let (columns, rows) = self.component.blocks;
        for row in 0..rows {
            for column in 0..columns {
                block.read(bits, self.component, &mut self.first)?;
                let start = (1 + row * SIDE) * self.stride + (unit * columns + column) * SIDE;
                let lines = self.bytes[start..].chunks_mut(self.stride);
                for (line, pixels) in lines.zip(kernels.pixels(block)) {
                    line[..SIDE].copy_from_slice(&pixels);
                }
            }
        }
        Some(())
    }

    /// Reads the blocks of a unit that is not needed.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: &mut Bits) -> Option<()> {
        let (columns, rows) = self.component.blocks;
        for _ in 0..columns * rows {
            block::skip(bits, self.component, &mut self.first)?;
        }
        Some(())
    }

    /// A row of pixels; 0 is the last of the units above.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.stride..][..self.stride]
    }

    /// Goes on to the units below.
    pub(super) fn next(&mut self) {
        let last = self.bytes.len() - self.stride;
        self.bytes.copy_within(last.., 0);
    }
}
