//! Operators that only put numbers into other places. Axes count the batch, shapes do not.

/// Tensors one after another along an axis.
pub(super) fn joined(tensors: &[&[f32]], shapes: &[&[usize]], axis: usize) -> Vec<f32> {
    let runs: Vec<usize> = shapes.iter().map(|shape| shape[axis - 1..].iter().product()).collect();
    let before: usize = shapes[0][..axis - 1].iter().product();
    let mut joined = Vec::with_capacity(tensors.iter().map(|numbers| numbers.len()).sum());
    for at in 0..before {
        let parts = tensors.iter().zip(&runs);
        parts.for_each(|(numbers, run)| joined.extend_from_slice(&numbers[at * run..][..*run]));
    }
    joined
}

/// The parts of these sizes along an axis.
pub(super) fn parts(numbers: &[f32], shape: &[usize], axis: usize, sizes: &[usize]) -> Vec<Vec<f32>> {
    let behind: usize = shape[axis..].iter().product();
    let mut parts = vec![Vec::new(); sizes.len()];
    for run in numbers.chunks_exact(shape[axis - 1] * behind) {
        let mut rest = run;
        for (part, size) in parts.iter_mut().zip(sizes) {
            let (head, tail) = rest.split_at(size * behind);
            part.extend_from_slice(head);
            rest = tail;
        }
    }
    parts
}

/// Every second pixel of every second row of a map.
pub(super) fn every_second(map: &[f32], shape: &[usize], row: usize, column: usize) -> Vec<f32> {
    let (height, width) = (shape[1], shape[2]);
    let planes = map.chunks_exact(height * width);
    let rows = planes.flat_map(|plane| plane.chunks_exact(width).skip(row).step_by(2));
    rows.flat_map(|row| row.iter().skip(column).step_by(2)).copied().collect()
}

/// The dimensions in another order.
pub(super) fn transposed(numbers: &[f32], shape: &[usize], order: &[usize]) -> Vec<f32> {
    let step = |axis: &usize| shape[*axis..].iter().product::<usize>();
    let steps: Vec<usize> = order[1..].iter().map(step).collect();
    let sizes: Vec<usize> = order[1..].iter().map(|axis| shape[axis - 1]).collect();
    let mut place = vec![0; sizes.len()];
    let mut transposed = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        transposed.push(numbers[place.iter().zip(&steps).map(|(at, step)| at * step).sum::<usize>()]);
        advance(&mut place, &sizes);
    }
    transposed
}

/// The next place, row-major.
fn advance(place: &mut [usize], sizes: &[usize]) {
    for (at, size) in place.iter_mut().zip(sizes).rev() {
        *at += 1;
        if *at < *size {
            return;
        }
        *at = 0;
    }
}
