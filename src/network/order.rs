//! The order in which a device keeps the numbers of kernels.

use burn::tensor::Device;

use super::layout::Layout;
use crate::device::is_libtorch;

/// How the numbers of a kernel `[c2, c1, height, width]` follow each other in a network's vectors; all others lie row by
/// row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Row by row, as in files.
    Rows,
    /// Channels last, as `[c2, height, width, c1]`: LibTorch's convolutions are fastest with it.
    ChannelsLast,
}

impl Order {
    /// The order of a device.
    pub fn of(device: &Device) -> Self {
        if is_libtorch(device) { Self::ChannelsLast } else { Self::Rows }
    }

    /// A parameter of this shape, given row by row, as the device keeps it.
    pub fn kept(self, shape: &[usize], rows: &[f32]) -> Vec<f32> {
        match (self, shape) {
            (Self::ChannelsLast, &[_, c1, height, width]) => transposed(rows, c1, height * width),
            _ => rows.to_vec(),
        }
    }

    /// A parameter of this shape, given as the device keeps it, row by row.
    pub fn rows(self, shape: &[usize], kept: &[f32]) -> Vec<f32> {
        match (self, shape) {
            (Self::ChannelsLast, &[_, c1, height, width]) => transposed(kept, height * width, c1),
            _ => kept.to_vec(),
        }
    }

    /// [`Self::kept`] of a vector that begins as `layout`, and may be shorter.
    pub fn kept_vector(self, layout: &Layout, rows: &[f32]) -> Vec<f32> {
        each(layout, rows, |shape, rows| self.kept(shape, rows))
    }

    /// [`Self::rows`] of a vector that begins as `layout`, and may be shorter.
    pub fn rows_of_vector(self, layout: &Layout, kept: &[f32]) -> Vec<f32> {
        each(layout, kept, |shape, kept| self.rows(shape, kept))
    }
}

fn each(layout: &Layout, vector: &[f32], of: impl Fn(&[usize], &[f32]) -> Vec<f32>) -> Vec<f32> {
    let slots = layout.slots_in(&(0..vector.len())).iter();
    slots.flat_map(|slot| of(&slot.shape, &vector[slot.range()])).collect()
}

/// Matrices of so many rows and columns, one after another, each transposed.
fn transposed(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    if rows == 1 || columns == 1 {
        return numbers.to_vec();
    }
    let matrix = |matrix: &[f32]| -> Vec<f32> {
        (0..rows * columns).map(|at| matrix[at % rows * columns + at / rows]).collect()
    };
    numbers.chunks_exact(rows * columns).flat_map(matrix).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kernels_are_kept_pixel_by_pixel_and_come_back() {
        let rows: Vec<f32> = (0..12).map(|number| number as f32).collect();
        let kept = Order::ChannelsLast.kept(&[2, 3, 1, 2], &rows);
        assert_eq!(kept, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0, 6.0, 8.0, 10.0, 7.0, 9.0, 11.0]);
        assert_eq!(Order::ChannelsLast.rows(&[2, 3, 1, 2], &kept), rows);
        assert_eq!(Order::ChannelsLast.kept(&[3, 4], &rows), rows);
        assert_eq!(Order::Rows.kept(&[2, 3, 1, 2], &rows), rows);
    }

    #[test]
    fn a_vector_may_end_with_any_parameter() {
        let shapes = [("a.conv.weight", vec![1, 2, 1, 2]), ("b.conv.weight", vec![2]), ("c.bias", vec![1])];
        let shapes = shapes.map(|(name, shape)| (name.to_owned(), shape)).into();
        let layout = Layout::new(&shapes, BTreeSet::new());
        let order = Order::ChannelsLast;
        assert_eq!(order.kept_vector(&layout, &[0.0, 1.0, 2.0, 3.0]), [0.0, 2.0, 1.0, 3.0]);
        let whole = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(order.rows_of_vector(&layout, &order.kept_vector(&layout, &whole)), whole);
    }
}
