//! How a window goes over the maps of some images: which pixels lie under it.

use super::pixel::Slab;

/// How a window goes over square maps. Images lie one after another; behind the last is a pixel of zeros, which stands
/// for all around the maps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// Side of the window.
    pub kernel: usize,
    /// How far it moves from one output pixel to the next.
    pub stride: usize,
    /// Side of the maps that it reads.
    pub side: usize,
    /// Side of the maps that are written.
    pub out_side: usize,
    /// How many images there are.
    pub images: usize,
}

/// Where the window stands for `N` output pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stands<const N: usize> {
    /// Row and column of its first pixel, which may lie before the map: then they wrap.
    rows: [u32; N],
    columns: [u32; N],
    /// Where the image begins.
    images: [u32; N],
}

impl Walk {
    /// Whether every output pixel is made of the one input pixel in the same place.
    pub(super) fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1
    }

    /// Pixels that are read: the number of the one that is zero.
    pub(super) fn pixels(&self) -> usize {
        self.images * self.side * self.side
    }

    /// Pixels that are written.
    pub(super) fn out_pixels(&self) -> usize {
        self.images * self.out_side * self.out_side
    }

    /// For windows that do not need it.
    #[inline(always)]
    pub(super) fn stands_nowhere<const N: usize>() -> Stands<N> {
        Stands { rows: [0; N], columns: [0; N], images: [0; N] }
    }

    /// Where the window stands for the output pixels from `first` on. Beyond the last there are none, and the window is
    /// on zeros.
    #[inline(always)]
    pub(super) fn stands<const N: usize>(&self, first: usize) -> Stands<N> {
        let (side, area) = (self.out_side as u32, (self.out_side * self.out_side) as u32);
        let (stride, padding) = (self.stride as u32, (self.kernel / 2) as u32);
        let first = first as u32;
        let (mut image, mut row, mut column) = (first / area, first % area / side, first % side);
        let mut stands = Self::stands_nowhere::<N>();
        for n in 0..N {
            stands.rows[n] = (row * stride).wrapping_sub(padding);
            stands.columns[n] = (column * stride).wrapping_sub(padding);
            stands.images[n] = image * (self.side * self.side) as u32;
            column += 1;
            if column == side {
                (column, row) = (0, row + 1);
            }
            if row == side {
                (row, image) = (0, image + 1);
            }
        }
        stands
    }

    /// The input pixels under one place of the window.
    #[inline(always)]
    pub(super) fn under<const N: usize>(
        &self,
        stands: &Stands<N>,
        (down, right): (usize, usize),
    ) -> [usize; N] {
        let (side, zero) = (self.side as u32, self.pixels() as u32);
        std::array::from_fn(|n| {
            let (row, column) =
                (stands.rows[n].wrapping_add(down as u32), stands.columns[n].wrapping_add(right as u32));
            let inside = row < side && column < side;
            let at = stands.images[n].wrapping_add(row.wrapping_mul(side)).wrapping_add(column);
            (if inside { at.min(zero) } else { zero }) as usize
        })
    }

    /// The places of the window, row by row.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let kernel = self.kernel;
        (0..kernel * kernel).map(move |place| (place / kernel, place % kernel))
    }

    /// What is read of each slab: all images, and the zeros behind them.
    pub(super) fn read<'a>(&self, slab: &'a [super::pixel::Pixel]) -> Slab<'a> {
        &slab[..=self.pixels()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_around_the_map_are_the_zero_behind_it() {
        let walk = Walk { kernel: 3, stride: 2, side: 4, out_side: 2, images: 2 };
        assert_eq!((walk.pixels(), walk.out_pixels()), (32, 8));
        let stands = walk.stands::<4>(2);
        assert_eq!(walk.under(&stands, (0, 0)), [32, 5, 32, 32]);
        assert_eq!(walk.under(&stands, (1, 1)), [8, 10, 16, 18]);
        assert_eq!(walk.under(&stands, (2, 2)), [13, 15, 21, 23]);
    }
}
