//! Makes red, green and blue of the components' pixels.

use super::{
    block::SIDE,
    colors::{BEHIND, Row},
    grid::Grid,
    kernels::Kernels,
    plane::Plane,
};

/// Paints a picture's rows.
pub(super) struct Painter<'a> {
    grid: &'a Grid,
    /// Row by row.
    pixels: &'a mut [u8],
    /// Bytes of a row.
    stride: usize,
    /// A row of each component of colour, between rows where there are half as many, with one number more in front and
    /// behind.
    mixed: [Vec<u8>; 2],
}

impl<'a> Painter<'a> {
    /// `pixels` are those of the picture.
    pub(super) fn new(grid: &'a Grid, pixels: &'a mut [u8]) -> Self {
        let length = 1 + grid.units.0 * grid.unit.0 + BEHIND;
        Self { grid, pixels, stride: 3 * grid.size.0 as usize, mixed: [vec![0; length], vec![0; length]] }
    }

    /// Paints the rows for which units as far as row `y` of them are enough.
    #[inline(always)]
    pub(super) fn paint(&mut self, kernels: impl Kernels, planes: &[Plane], y: usize) {
        let columns = self.grid.columns.clone();
        for row in self.grid.rows_of(y) {
            let out = &mut self.pixels[row * self.stride..][3 * columns.start..3 * columns.end];
            let luma = planes[0].row(row + 1 - y * self.grid.unit.1);
            match planes {
                [_, blue, red] => {
                    mix(self.grid, blue, y, row, &mut self.mixed[0]);
                    mix(self.grid, red, y, row, &mut self.mixed[1]);
                    let [blue, red] = &self.mixed;
                    let is_half = self.grid.unit.0 > SIDE;
                    kernels.colors(Row { luma, blue, red, is_half }, columns.start, out);
                }
                _ => grey(&luma[columns.clone()], out),
            }
        }
    }
}

/// Writes a component's row of colour for the picture's `row`, when the units of row `y` are there.
#[inline(always)]
fn mix(grid: &Grid, plane: &Plane, y: usize, row: usize, out: &mut [u8]) {
    // Pixels of a unit.
    let side = (grid.unit.0.min(SIDE), grid.unit.1.min(SIDE));
    let (start, end) = (grid.needed.0.start * side.0, grid.needed.0.end * side.0);
    let wanted = &mut out[start + 1..][..end - start];
    if grid.unit.1 > SIDE {
        let near = row / 2 + 1 - y * side.1;
        // The first and the last row of all have no other one.
        let far = match row % 2 {
            0 => near - usize::from(row > 0),
            _ => (near + 1).min(side.1),
        };
        let (near, far) = (&plane.row(near)[start..end], &plane.row(far)[start..end]);
        for ((mixed, near), far) in wanted.iter_mut().zip(near).zip(far) {
            *mixed = ((3 * u16::from(*near) + u16::from(*far) + 2) >> 2) as u8;
        }
    } else {
        wanted.copy_from_slice(&plane.row(row + 1 - y * side.1)[start..end]);
    }
    // Beyond the edge it goes on as it ends.
    out[start] = out[start + 1];
    out[end + 1] = out[end];
}

fn grey(luma: &[u8], out: &mut [u8]) {
    for (pixel, luma) in out.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
        *pixel = [*luma; 3];
    }
}
