//! Channels put together and taken apart.

use super::{Array, array, dims};

/// The maps' channels, one map after another.
pub(in crate::network) fn joined(maps: &[Array]) -> Array {
    let [batch, _, height, width] = dims(&maps[0]);
    let channels: usize = maps.iter().map(|map| dims(map)[1]).sum();
    let mut all = Vec::with_capacity(batch * channels * height * width);
    for image in 0..batch {
        for map in maps {
            let length = dims(map)[1] * height * width;
            all.extend_from_slice(&map.storage::<f32>()[image * length..][..length]);
        }
    }
    array(all, vec![batch, channels, height, width])
}

/// The channels cut into so many each.
pub(in crate::network) fn parted(x: &Array, parts: &[usize]) -> Vec<Array> {
    let [batch, channels, height, width] = dims(x);
    let mut start = 0;
    let part = |count: &usize| {
        let mut part = Vec::with_capacity(batch * count * height * width);
        for image in x.storage::<f32>().chunks_exact(channels * height * width) {
            part.extend_from_slice(&image[start * height * width..][..count * height * width]);
        }
        start += count;
        array(part, vec![batch, *count, height, width])
    };
    parts.iter().map(part).collect()
}
