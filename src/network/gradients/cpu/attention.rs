//! Attention between the positions of a map, and its gradient.

use std::ops::Range;

use rayon::prelude::*;

use super::{Gradient, Recorded, or_zeros};
use crate::{
    arch::computation::Attention,
    network::kernels::cpu::{Array, array, dims, silu, vectorized},
};

/// `v · softmax((q/√key)ᵀ k)ᵀ` for each head, and the values `v` themselves (Vaswani et al., 2017): two maps
/// `[batch, heads · value, h, w]` of one `[batch, heads · (2 key + value), h, w]`.
pub(super) fn attend(qkv: &Array, attention: Attention) -> Recorded {
    let shape = dims(qkv);
    let heads = Heads { attention, pixels: shape[2] * shape[3] };
    let seen = heads.look(qkv.storage());
    let shape_of_values = [shape[0], attention.heads * attention.value, shape[2], shape[3]];
    let outputs = [heads.gathered(&seen, |seen| &seen.mixed), heads.gathered(&seen, |seen| &seen.values)];
    let outputs = outputs.map(|map| array(map, shape_of_values.to_vec()));
    let backward = move |gradients: Vec<Option<Array>>, _: &mut Gradient<'_>| {
        let gradients = gradients.into_iter().map(|gradient| or_zeros(gradient, shape_of_values));
        let gradients: Vec<Array> = gradients.collect();
        let of_qkv = heads.backward(&seen, gradients[0].storage(), gradients[1].storage());
        vec![Some(array(of_qkv, shape.to_vec()))]
    };
    Recorded { outputs: outputs.into(), backward: Box::new(backward) }
}

/// Heads that look at the pixels of a map, one after another, image by image.
#[derive(Clone, Copy)]
struct Heads {
    attention: Attention,
    pixels: usize,
}

impl Heads {
    /// Channels of a head's queries, keys and values.
    fn channels(&self) -> usize {
        2 * self.attention.key + self.attention.value
    }

    /// The pixels of each area, which sees itself alone.
    fn areas(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (areas, count) = (self.attention.areas, self.pixels / self.attention.areas);
        (0..areas).map(move |area| area * count..(area + 1) * count)
    }

    /// What each area of each head sees.
    fn look(&self, qkv: &[f32]) -> Vec<Vec<Seen>> {
        let heads = qkv.par_chunks_exact(self.channels() * self.pixels);
        let look =
            |head| self.areas().map(|area| Seen::new(self.attention, &self.rows(head, area))).collect();
        heads.map(look).collect()
    }

    /// The rows of a map at the pixels of an area.
    fn rows(&self, map: &[f32], area: Range<usize>) -> Vec<f32> {
        map.chunks_exact(self.pixels).flat_map(|row| &row[area.clone()]).copied().collect()
    }

    /// A map of what `of` gives of each area.
    fn gathered(&self, seen: &[Vec<Seen>], of: impl Fn(&Seen) -> &[f32]) -> Vec<f32> {
        let count = self.pixels / self.attention.areas;
        let mut map = Vec::with_capacity(seen.len() * self.attention.value * self.pixels);
        for areas in seen {
            for channel in 0..self.attention.value {
                areas.iter().for_each(|seen| map.extend_from_slice(&of(seen)[channel * count..][..count]));
            }
        }
        map
    }

    /// The gradient of queries, keys and values, given those of both outputs.
    fn backward(&self, seen: &[Vec<Seen>], of_mixed: &[f32], of_values: &[f32]) -> Vec<f32> {
        let mut of_qkv = vec![0.0; seen.len() * self.channels() * self.pixels];
        let length = self.attention.value * self.pixels;
        let given = of_mixed.par_chunks_exact(length).zip(of_values.par_chunks_exact(length));
        let heads = of_qkv.par_chunks_exact_mut(self.channels() * self.pixels).zip(given);
        heads.zip(seen).for_each(|((out, (of_mixed, of_values)), areas)| {
            for (seen, area) in areas.iter().zip(self.areas()) {
                let given = [of_mixed, of_values].map(|map| self.rows(map, area.clone()));
                let rows = seen.backward(&given[0], &given[1]);
                let rows = rows.chunks_exact(area.len());
                out.chunks_exact_mut(self.pixels)
                    .zip(rows)
                    .for_each(|(out, row)| out[area.clone()].copy_from_slice(row));
            }
        });
        of_qkv
    }
}

/// What the positions of one area see in one head.
struct Seen {
    /// `1 / √key`.
    scale: f32,
    /// Queries `[key, count]`, scaled.
    queries: Vec<f32>,
    /// `[key, count]`.
    keys: Vec<f32>,
    /// `[value, count]`.
    values: Vec<f32>,
    /// How much each position looks at each: `[count, count]`, rows sum to 1.
    shares: Vec<f32>,
    /// `[value, count]`.
    mixed: Vec<f32>,
}

impl Seen {
    /// Of `[2 key + value, count]` queries, keys and values.
    fn new(attention: Attention, rows: &[f32]) -> Self {
        let Attention { key, value, .. } = attention;
        let (count, scale) = (rows.len() / (2 * key + value), (key as f32).powf(-0.5));
        let (queries, rest) = rows.split_at(key * count);
        let (keys, values) = rest.split_at(key * count);
        let queries: Vec<f32> = queries.iter().map(|query| query * scale).collect();
        let mut shares = product(&transposed(&queries, count), keys, count);
        shares.chunks_exact_mut(count).for_each(softmax);
        let mixed = product(values, &transposed(&shares, count), count);
        Self { scale, queries, keys: keys.to_vec(), values: values.to_vec(), shares, mixed }
    }

    /// The gradient of queries, keys and values `[2 key + value, count]`, given those of `mixed` and of `values`.
    fn backward(&self, of_mixed: &[f32], of_values: &[f32]) -> Vec<f32> {
        let count = self.shares.len().isqrt();
        let mut of_scores = product(&transposed(of_mixed, count), &self.values, count);
        let rows = of_scores.chunks_exact_mut(count).zip(self.shares.chunks_exact(count));
        rows.for_each(|(gradient, shares)| softmax_gradient(gradient, shares));
        let of_queries = product(&self.keys, &transposed(&of_scores, count), count);
        let of_keys = product(&self.queries, &of_scores, count);
        let through_mixed = product(of_mixed, &self.shares, count);
        let of_queries = of_queries.iter().map(|gradient| gradient * self.scale);
        let of_values = of_values.iter().zip(&through_mixed).map(|(a, b)| a + b);
        of_queries.chain(of_keys).chain(of_values).collect()
    }
}

/// `[m, k]` times `[k, n]`, each sum in order.
fn product(a: &[f32], b: &[f32], n: usize) -> Vec<f32> {
    let k = b.len() / n;
    let mut out = vec![0.0; a.len() / k * n];
    vectorized(
        #[inline(always)]
        || {
            for (out, a) in out.chunks_exact_mut(n).zip(a.chunks_exact(k)) {
                for (a, b) in a.iter().zip(b.chunks_exact(n)) {
                    out.iter_mut().zip(b).for_each(|(out, b)| *out += a * b);
                }
            }
        },
    );
    out
}

/// `[m, n]` as `[n, m]`.
fn transposed(matrix: &[f32], n: usize) -> Vec<f32> {
    (0..n).flat_map(|column| matrix.iter().skip(column).step_by(n)).copied().collect()
}

fn softmax(row: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            let largest = row.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
            row.iter_mut().for_each(|x| *x = silu::exp(*x - largest));
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|x| *x /= sum);
        },
    );
}

/// The gradient before a softmax that gave `shares`, in place of that after it.
fn softmax_gradient(gradient: &mut [f32], shares: &[f32]) {
    let mean: f32 = gradient.iter().zip(shares).map(|(gradient, share)| gradient * share).sum();
    gradient.iter_mut().zip(shares).for_each(|(gradient, share)| *gradient = share * (*gradient - mean));
}
