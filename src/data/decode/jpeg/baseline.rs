//! The usual JPEG, decoded in one pass over its data: a row of units at a time, and pixels of those alone that are needed.
//!
//! It gives the bytes of zune-jpeg or nothing: whatever is not as it should be is for zune-jpeg to judge.

use image::RgbImage;

use super::{
    grid::Grid,
    header::Header,
    intervals::Intervals,
    kernels::{Kernels, Plain},
    painter::Painter,
    plane::Plane,
    units::Units,
};
use crate::data::{decode::check_size, reduction::Needed};

/// Bits that a block has at least: a code for its first coefficient, and one for its end.
const BITS: usize = 2;

/// The picture in a file, before it is turned. `needed` is asked, with width and height, what of it is needed: of the
/// rest nothing is said. Nothing if the file has anything unusual.
pub(super) fn decode(header: &Header<'_>, needed: impl FnOnce((u32, u32)) -> Needed) -> Option<RgbImage> {
    let length = |(width, height): (u32, u32)| 3 * u64::from(width) * u64::from(height);
    check_size(header.size.0, header.size.1, length(header.size)).ok()?;
    let intervals = Intervals::read(header.data)?;
    let grid = Grid::new(header, needed(header.size));
    let restart = if header.restart == 0 { grid.count() } else { header.restart };
    let blocks =
        header.components.iter().map(|component| component.blocks.0 * component.blocks.1).sum::<usize>();
    if intervals.len() != grid.count().div_ceil(restart) || intervals.bits() / BITS < grid.count() * blocks {
        return None;
    }
    let mut pixels = vec![0; length(grid.size) as usize];
    run(Scan { header, intervals: &intervals, grid: &grid, restart, pixels: &mut pixels })?;
    RgbImage::from_raw(grid.size.0, grid.size.1, pixels)
}

#[cfg(target_arch = "x86_64")]
fn run(scan: Scan<'_>) -> Option<()> {
    struct With<'a>(pulp::x86::V3, Scan<'a>);
    impl pulp::NullaryFnOnce for With<'_> {
        type Output = Option<()>;

        #[inline(always)]
        fn call(self) -> Option<()> {
            self.1.decode(self.0)
        }
    }
    match pulp::x86::V3::try_new() {
        Some(simd) => simd.vectorize(With(simd, scan)),
        None => scan.decode(Plain),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn run(scan: Scan<'_>) -> Option<()> {
    scan.decode(Plain)
}

/// A scan and where its pixels go.
struct Scan<'a> {
    header: &'a Header<'a>,
    intervals: &'a Intervals,
    grid: &'a Grid,
    /// How many units are coded on their own.
    restart: usize,
    /// Row by row, red, green and blue.
    pixels: &'a mut [u8],
}

impl Scan<'_> {
    #[inline(always)]
    fn decode(self, kernels: impl Kernels) -> Option<()> {
        let Self { header, intervals, grid, restart, pixels } = self;
        let mut planes: Vec<Plane> = header
            .components
            .iter()
            .map(|component| Plane::new(component, grid.unit, grid.units.0))
            .collect();
        let mut painter = Painter::new(grid, pixels);
        let mut units = Units::new(intervals, restart);
        for y in 0..grid.units.1 {
            let needed = if grid.needed.1.contains(&y) { grid.needed.0.clone() } else { 0..0 };
            units.read_row(kernels, &mut planes, grid.units.0, needed.clone())?;
            if !needed.is_empty() {
                painter.paint(kernels, &planes, y);
                planes.iter_mut().for_each(Plane::next);
            }
        }
        units.end_interval()
    }
}
