//! Operations that take some of a plane's pixels, or all together.

use rayon::prelude::*;

use super::Recorded;
use crate::{
    arch::Window,
    network::kernels::cpu::{Array, array, dims},
};

/// Every second pixel of every second row, from this row and this column on.
pub(super) fn every_second(x: &Array, row: usize, column: usize) -> Recorded {
    let shape = dims(x);
    let [batch, channels, height, width] = shape;
    let places: Vec<usize> = (row..height)
        .step_by(2)
        .flat_map(|y| (column..width).step_by(2).map(move |x| y * width + x))
        .collect();
    let out = [batch, channels, (height - row).div_ceil(2), (width - column).div_ceil(2)];
    let planes = x.storage::<f32>().chunks_exact(height * width);
    let taken = planes.flat_map(|plane| places.iter().map(|place| plane[*place])).collect();
    Recorded::one(array(taken, out.to_vec()), move |gradient, _| {
        let mut of_x = vec![0.0; shape.iter().product()];
        let planes =
            of_x.chunks_exact_mut(height * width).zip(gradient.storage::<f32>().chunks_exact(places.len()));
        for (plane, gradient) in planes {
            places.iter().zip(gradient).for_each(|(place, gradient)| plane[*place] = *gradient);
        }
        vec![Some(array(of_x, shape.to_vec()))]
    })
}

/// The maximum in a window that is centred on its output; the first one gets the gradient.
pub(super) fn max_pool(x: &Array, window: Window) -> Recorded {
    let shape = dims(x);
    let [batch, channels, height, width] = shape;
    let [rows, columns] =
        [height, width].map(|side| (side + window.kernel / 2 * 2 - window.kernel) / window.stride + 1);
    let planes = x.storage::<f32>().par_chunks_exact(height * width);
    let places: Vec<u32> =
        planes.flat_map_iter(|plane| largest(plane, [height, width], [rows, columns], window)).collect();
    let taken =
        |(plane, places): (&[f32], &[u32])| places.iter().map(|i| plane[*i as usize]).collect::<Vec<_>>();
    let planes = x.storage::<f32>().chunks_exact(height * width).zip(places.chunks_exact(rows * columns));
    let y = planes.flat_map(taken).collect();
    Recorded::one(array(y, vec![batch, channels, rows, columns]), move |gradient, _| {
        let mut of_x = vec![0.0; shape.iter().product()];
        let given =
            gradient.storage::<f32>().chunks_exact(rows * columns).zip(places.chunks_exact(rows * columns));
        for (plane, (gradient, places)) in of_x.chunks_exact_mut(height * width).zip(given) {
            places.iter().zip(gradient).for_each(|(place, gradient)| plane[*place as usize] += gradient);
        }
        vec![Some(array(of_x, shape.to_vec()))]
    })
}

/// Where the largest pixel of each window lies in its plane.
fn largest(
    plane: &[f32],
    [height, width]: [usize; 2],
    [rows, columns]: [usize; 2],
    window: Window,
) -> Vec<u32> {
    let reach = |i: usize, side: usize| {
        let first = i * window.stride;
        first.saturating_sub(window.kernel / 2)..(first + window.kernel - window.kernel / 2).min(side)
    };
    let mut places = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let [ys, xs] = [reach(row, height), reach(column, width)];
            let mut place = ys.start * width + xs.start;
            for y in ys {
                for x in xs.clone() {
                    let i = y * width + x;
                    // Not a number is the largest of all, as in PyTorch: it must not be lost.
                    if plane[i] > plane[place] || plane[i].is_nan() {
                        place = i;
                    }
                }
            }
            places.push(place as u32);
        }
    }
    places
}

/// The mean of each channel.
pub(super) fn average(x: &Array) -> Recorded {
    let shape = dims(x);
    let [batch, channels, height, width] = shape;
    let count = (height * width) as f32;
    let means = x.storage::<f32>().chunks_exact(height * width);
    let means = means.map(|plane| plane.iter().sum::<f32>() / count).collect();
    Recorded::one(array(means, vec![batch, channels, 1, 1]), move |gradient, _| {
        let shares = gradient.storage::<f32>().iter().map(|gradient| gradient / count);
        let of_x = shares.flat_map(|share| std::iter::repeat_n(share, height * width)).collect();
        vec![Some(array(of_x, shape.to_vec()))]
    })
}
