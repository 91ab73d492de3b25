//! The maximum in a window.

use crate::arch::Window;

/// The maximum in a window of each place of a map of this `shape`; `out` is the shape of what comes out.
pub(super) fn max_pool(map: &[f32], shape: &[usize], window: Window, out: &[usize]) -> Vec<f32> {
    let (side, out_side) = (shape[1], out[1]);
    let plane = |plane: &[f32]| {
        let rows: Vec<f32> =
            plane.chunks_exact(side).flat_map(|row| maxima(row, 1, window, out_side)).collect();
        let columns: Vec<Vec<f32>> =
            (0..out_side).map(|column| maxima(&rows[column..], out_side, window, out_side)).collect();
        (0..out_side * out_side).map(|at| columns[at % out_side][at / out_side]).collect::<Vec<f32>>()
    };
    map.chunks_exact(side * side).flat_map(plane).collect()
}

/// The maxima of every `step`th number under a window that goes over them. What lies beside them does not count.
fn maxima(numbers: &[f32], step: usize, Window { kernel, stride, .. }: Window, count: usize) -> Vec<f32> {
    let seen = numbers.len().div_ceil(step);
    let under = |place: usize| {
        let start = (place * stride).saturating_sub(kernel / 2);
        let end = (place * stride + kernel - kernel / 2).min(seen);
        (start..end).map(|at| numbers[at * step]).fold(f32::NEG_INFINITY, larger)
    };
    (0..count).map(under).collect()
}

/// The larger of two numbers; NaN if either is, so that it is seen in the end.
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}
