//! Channels put together and taken apart.

use super::{Recorded, or_zeros};
use crate::network::kernels::cpu::{
    Array,
    channels::{joined, parted},
    dims,
};

/// The maps' channels, one map after another.
pub(super) fn concat(maps: &[Array]) -> Recorded {
    let parts: Vec<usize> = maps.iter().map(|map| dims(map)[1]).collect();
    Recorded::one(joined(maps), move |gradient, _| parted(&gradient, &parts).into_iter().map(Some).collect())
}

/// The channels cut into so many each.
pub(super) fn split(x: &Array, parts: &[usize]) -> Recorded {
    let outputs = parted(x, parts);
    let shapes: Vec<[usize; 4]> = outputs.iter().map(dims).collect();
    let backward = move |gradients: Vec<Option<Array>>, _: &mut super::Gradient<'_>| {
        let gradients: Vec<Array> =
            gradients.into_iter().zip(shapes).map(|(gradient, shape)| or_zeros(gradient, shape)).collect();
        vec![Some(joined(&gradients))]
    };
    Recorded { outputs, backward: Box::new(backward) }
}
