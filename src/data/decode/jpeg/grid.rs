//! How a picture is cut into units, each of which has some blocks of every component, and which of them are needed.

use std::ops::Range;

use super::{block::SIDE, header::Header};
use crate::data::reduction::Needed;

/// The units of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Width and height of the picture in pixels, reduced if it is.
    pub(super) size: (u32, u32),
    /// Width and height of a unit in pixels.
    pub(super) unit: (usize, usize),
    /// How many units lie side by side, and how many rows of them there are.
    pub(super) units: (usize, usize),
    /// The columns and rows of units that are needed.
    pub(super) needed: (Range<usize>, Range<usize>),
    /// The columns of pixels that are made: all of the needed units.
    pub(super) columns: Range<usize>,
    /// The rows of pixels that are made.
    pub(super) rows: Range<usize>,
}

impl Grid {
    /// Of a picture of which so much is needed.
    pub(super) fn new(header: &Header<'_>, Needed { reduction, part }: Needed) -> Self {
        let size = reduction.size(header.size);
        // The first component has the most blocks.
        let (columns, rows) = header.components[0].blocks;
        let side = SIDE / reduction.factor() as usize;
        let unit = (columns * side, rows * side);
        let units = ((size.0 as usize).div_ceil(unit.0), (size.1 as usize).div_ceil(unit.1));
        let needed = (
            needed(part.left as usize, part.width as usize, unit.0, units.0),
            needed(part.top as usize, part.height as usize, unit.1, units.1),
        );
        let columns = needed.0.start * unit.0..(needed.0.end * unit.0).min(size.0 as usize);
        let rows = part.top as usize..(part.top + part.height) as usize;
        Self { size, unit, units, needed, columns, rows }
    }

    /// How many units there are.
    pub(super) fn count(&self) -> usize {
        self.units.0 * self.units.1
    }

    /// The rows of pixels that can be made when the units of row `y` are there: where rows of colour lie between, the
    /// last one has to wait for the units below.
    pub(super) fn rows_of(&self, y: usize) -> Range<usize> {
        let waits = usize::from(self.unit.1 > SIDE);
        let start = (y * self.unit.1).saturating_sub(waits);
        let end = (y + 1) * self.unit.1 - if y + 1 < self.units.1 { waits } else { 0 };
        start.max(self.rows.start)..end.min(self.rows.end)
    }
}

/// The units that have some of `length` pixels from `start` on, or the pixels next to these.
fn needed(start: usize, length: usize, unit: usize, units: usize) -> Range<usize> {
    let end = (start + length) / unit + 1;
    start.saturating_sub(1) / unit..end.min(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_what_is_needed_are_needed() {
        assert_eq!(needed(0, 500, 16, 32), 0..32);
        assert_eq!(needed(16, 15, 16, 32), 0..2);
        assert_eq!(needed(17, 14, 16, 32), 1..2);
        assert_eq!(needed(17, 15, 16, 32), 1..3);
        assert_eq!(needed(510, 2, 16, 32), 31..32);
    }

    #[test]
    fn every_row_is_made_once() {
        for unit in [8, 16] {
            let grid = Grid {
                size: (1, 5 * unit as u32),
                unit: (unit, unit),
                units: (1, 5),
                needed: (0..1, 0..5),
                columns: 0..1,
                rows: 3..unit * 5 - 2,
            };
            assert!((0..5).flat_map(|y| grid.rows_of(y)).eq(grid.rows.clone()));
        }
    }
}
