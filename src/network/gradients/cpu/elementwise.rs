//! Operations on each number of a map by itself.

use super::{Recorded, Tape};
use crate::{
    arch::{Activation, computation::Scaling},
    network::kernels::cpu::{Array, dims, in_parts, silu},
};

/// SiLU or ReLU.
pub(super) fn activated(activation: Activation, x: Array) -> Recorded {
    match activation {
        Activation::Relu => relu(x),
        Activation::Silu => {
            let mut y = x.clone();
            in_parts(y.storage_mut::<f32>(), x.storage::<f32>(), |_, x| silu::silu(x));
            Recorded::one(y, move |mut gradient, _| {
                in_parts(gradient.storage_mut::<f32>(), x.storage::<f32>(), |g, x| g * silu::slope(x));
                vec![Some(gradient)]
            })
        }
    }
}

/// `max(x, 0)`, whose slope at 0 is 0. What is not a number stays so, and is found in the loss.
pub(super) fn relu(mut x: Array) -> Recorded {
    x.storage_mut::<f32>().iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x });
    let y = x.clone();
    Recorded::one(x, move |mut gradient, _| {
        in_parts(gradient.storage_mut::<f32>(), y.storage::<f32>(), |g, y| if y <= 0.0 { 0.0 } else { g });
        vec![Some(gradient)]
    })
}

/// The sum of two maps.
pub(super) fn sum(mut x: Array, y: Array) -> Recorded {
    in_parts(x.storage_mut::<f32>(), y.storage::<f32>(), |x, y| x + y);
    Recorded::one(x, |gradient, _| vec![Some(gradient.clone()), Some(gradient)])
}

impl<'a> Tape<'a> {
    /// The map times a learnt number for each channel.
    pub(super) fn scale(&self, scaling: &'a Scaling, x: Array) -> Recorded {
        let gamma = self.value(&scaling.gamma);
        let (name, y) = (scaling.gamma.clone(), by_channel(x.clone(), gamma.storage()));
        Recorded::one(y, move |of_y, gradient| {
            gradient.add_to(&name, &products(&x, &of_y));
            vec![Some(by_channel(of_y, gamma.storage()))]
        })
    }

    /// The head's features times the mask, if there is one.
    pub(super) fn dropout(&self, mut x: Array) -> Recorded {
        let Some(mask) = self.mask.clone() else {
            return Recorded::one(x, |gradient, _| vec![Some(gradient)]);
        };
        in_parts(x.storage_mut::<f32>(), mask.storage::<f32>(), |x, mask| x * mask);
        Recorded::one(x, move |mut gradient, _| {
            in_parts(gradient.storage_mut::<f32>(), mask.storage::<f32>(), |g, mask| g * mask);
            vec![Some(gradient)]
        })
    }
}

/// Each channel times its factor.
fn by_channel(mut x: Array, factors: &[f32]) -> Array {
    let [_, channels, height, width] = dims(&x);
    for (i, plane) in x.storage_mut::<f32>().chunks_exact_mut(height * width).enumerate() {
        plane.iter_mut().for_each(|x| *x *= factors[i % channels]);
    }
    x
}

/// For each channel, the sum of the products of two maps.
fn products(x: &Array, y: &Array) -> Vec<f32> {
    let [_, channels, height, width] = dims(x);
    let mut sums = vec![0.0_f64; channels];
    let planes = x.storage::<f32>().chunks_exact(height * width);
    for (i, (x, y)) in planes.zip(y.storage::<f32>().chunks_exact(height * width)).enumerate() {
        sums[i % channels] += x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::Gradient, *};
    use crate::network::kernels::cpu::array;

    #[test]
    fn what_is_not_a_number_comes_through_a_relu_both_ways() {
        let map = |numbers: [f32; 3]| array(numbers.to_vec(), vec![1, 3, 1, 1]);
        let Recorded { outputs, backward } = relu(map([-1.0, f32::NAN, 2.0]));
        let y = outputs[0].storage::<f32>();
        assert!(y[0] == 0.0 && y[1].is_nan() && y[2] == 2.0);
        let mut gradient = Gradient { numbers: Vec::new(), ranges: BTreeMap::new() };
        let given = backward(vec![Some(map([5.0, 6.0, 7.0]))], &mut gradient);
        assert_eq!(given[0].as_ref().unwrap().storage::<f32>(), [0.0, 6.0, 7.0]);
    }
}
