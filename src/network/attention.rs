//! Attention between the positions of a map, by burn's operations.

use burn::tensor::Tensor;

use super::kernels;
use crate::arch::computation::Attention;

/// `v · softmax((q/√key)ᵀ k)ᵀ` for each head, and the values `v` themselves: two maps `[batch, heads · value, h, w]`.
///
/// `qkv` is `[batch, heads · (2 key + value), h, w]`, its channels head by head as query, key, value. Each of the areas,
/// which are runs of as many positions in reading order, sees itself alone.
pub(super) fn attend(qkv: Tensor<4>, attention: Attention) -> [Tensor<4>; 2] {
    let Attention { heads, key, value, areas } = attention;
    let [batch, _, height, width] = qkv.dims();
    let count = height * width / areas;
    let [query, keys, values] = parts(divided(qkv, attention, count), key, value);
    let scores = query.mul_scalar((key as f64).powf(-0.5)).swap_dims(2, 3).matmul(keys);
    let mixed = values.clone().matmul(kernels::softmax(scores, 3).swap_dims(2, 3));
    [mixed, values].map(|map| match areas {
        1 => map.reshape([batch, heads * value, height, width]),
        _ => {
            let map = map.reshape([batch, areas, heads * value, count]).permute([0, 2, 1, 3]);
            map.reshape([batch, heads * value, height, width])
        }
    })
}

/// `[batch · areas, heads, 2 key + value, count]`: areas become a batch of their own.
fn divided(qkv: Tensor<4>, attention: Attention, count: usize) -> Tensor<4> {
    let Attention { heads, key, value, areas } = attention;
    let (batch, width) = (qkv.dims()[0], 2 * key + value);
    if areas == 1 {
        return qkv.reshape([batch, heads, width, count]);
    }
    let divided = qkv.reshape([batch, heads, width, areas, count]).permute([0, 3, 1, 2, 4]);
    divided.reshape([batch * areas, heads, width, count])
}

/// Queries, keys and values.
fn parts(qkv: Tensor<4>, key: usize, value: usize) -> [Tensor<4>; 3] {
    kernels::split(qkv, 2, &[key, key, value]).try_into().expect("three parts")
}
