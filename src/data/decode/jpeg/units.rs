//! Units of blocks in the order of the data, across restarts.

use std::ops::Range;

use super::{bits::Bits, block::Block, intervals::Intervals, kernels::Kernels, plane::Plane};

/// Units in the order of the data.
pub(super) struct Units<'a> {
    intervals: &'a Intervals,
    /// How many units are coded on their own.
    restart: usize,
    /// How many of them are left of this stretch.
    left: usize,
    /// The stretch's number.
    interval: usize,
    bits: Bits<'a>,
    block: Block,
}

impl<'a> Units<'a> {
    /// `restart` units are coded on their own.
    pub(super) fn new(intervals: &'a Intervals, restart: usize) -> Self {
        Self { intervals, restart, left: restart, interval: 0, bits: intervals.of(0), block: Block::new() }
    }

    /// Reads a row of units, and makes pixels of those that are needed.
    #[inline(always)]
    pub(super) fn read_row(
        &mut self,
        kernels: impl Kernels,
        planes: &mut [Plane],
        across: usize,
        needed: Range<usize>,
    ) -> Option<()> {
        for x in 0..across {
            if self.left == 0 {
                self.next_interval(planes)?;
            }
            self.left -= 1;
            for plane in &mut *planes {
                match needed.contains(&x) {
                    true => plane.read(kernels, &mut self.bits, &mut self.block, x)?,
                    false => plane.skip(&mut self.bits)?,
                }
            }
        }
        // What is damaged ends soon.
        self.intervals.left(self.interval, &self.bits).map(|_| ())
    }

    fn next_interval(&mut self, planes: &mut [Plane]) -> Option<()> {
        self.end_interval()?;
        self.interval += 1;
        self.left = self.restart;
        self.bits = self.intervals.of(self.interval);
        planes.iter_mut().for_each(Plane::restart);
        Some(())
    }

    /// Nothing if a stretch has more or less than its units.
    pub(super) fn end_interval(&self) -> Option<()> {
        (self.intervals.left(self.interval, &self.bits)? < 8).then_some(())
    }
}
