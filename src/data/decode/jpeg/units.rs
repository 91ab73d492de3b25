//! Units of blocks in the order of the data, across restarts.

use std::ops::Range;

use super::{bits::Bits, block::Block, intervals::Intervals, kernels::Kernels, plane::Plane};

/// The most blocks that a unit has.
const BLOCKS: usize = 6;

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
    /// Those of a unit.
    blocks: [Block; BLOCKS],
}

impl<'a> Units<'a> {
    /// `restart` units are coded on their own.
    pub(super) fn new(intervals: &'a Intervals, restart: usize) -> Self {
        Self {
            intervals,
            restart,
            left: restart,
            interval: 0,
            bits: intervals.of(0),
            blocks: [(); BLOCKS].map(|()| Block::new()),
        }
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
            if needed.contains(&x) {
                self.read(kernels, planes, x)?;
            } else {
                for plane in &mut *planes {
                    plane.skip(&mut self.bits)?;
                }
            }
        }
        // What is damaged ends soon.
        self.intervals.left(self.interval, &self.bits).map(|_| ())
    }

    /// Reads a unit and makes its pixels: all blocks are read first, for numbers that were written one by one can't at once
    /// be read together.
    #[inline(always)]
    fn read(&mut self, kernels: impl Kernels, planes: &mut [Plane], x: usize) -> Option<()> {
        let mut from = 0;
        for plane in &mut *planes {
            let blocks = &mut self.blocks[from..from + plane.count()];
            plane.read(&mut self.bits, blocks)?;
            from += blocks.len();
        }
        from = 0;
        for plane in planes {
            let blocks = &self.blocks[from..from + plane.count()];
            plane.fill(kernels, blocks, x);
            from += blocks.len();
        }
        Some(())
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
