//! One component's pixels of a row of units, at the component's own size.

use super::{
    bits::Bits,
    block::{self, Block, SIDE},
    colors::BEHIND,
    header::Component,
    inverse::flat,
    kernels::Kernels,
};

/// A row of units, with the last row of pixels of the one above.
pub(super) struct Plane<'a> {
    component: &'a Component,
    /// Width and height of a block in pixels.
    side: (usize, usize),
    /// The first coefficient of the last block.
    first: i32,
    /// Row by row; the first row is the one above.
    bytes: Vec<u8>,
    /// Bytes of a row: those of all units, and some that are nothing.
    stride: usize,
}

impl<'a> Plane<'a> {
    /// For `across` units side by side, of `unit` pixels by width and height.
    pub(super) fn new(component: &'a Component, unit: (usize, usize), across: usize) -> Self {
        let (columns, rows) = component.blocks;
        let side = ((unit.0 / columns).min(SIDE), (unit.1 / rows).min(SIDE));
        let stride = across * columns * side.0 + BEHIND;
        Self { component, side, first: 0, bytes: vec![0; (1 + rows * side.1) * stride], stride }
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
                let start = (1 + row * self.side.1) * self.stride + (unit * columns + column) * self.side.0;
                if self.side == (1, 1) {
                    self.bytes[start] = flat(block::first(bits, self.component, &mut self.first)?);
                    continue;
                }
                block.read(bits, self.component, &mut self.first)?;
                let lines = self.bytes[start..].chunks_mut(self.stride).take(self.side.1);
                // Behind a narrow block lies the next one, or what is nothing.
                for (line, pixels) in lines.zip(kernels.pixels(block, self.side)) {
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
