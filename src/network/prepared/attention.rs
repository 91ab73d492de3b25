//! Attention between the positions of a map, as two convolutions of single pixels: positions are pixels, and the weights
//! are other pixels of the same map.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    convolution::{Convolution, channels},
    exponential::exp,
    pixel::{LANES, Pixel, Slab, SlabMut},
    walk::Walk,
};
use crate::arch::computation::Attention;

/// `v · softmax((q/√key)ᵀ k)ᵀ` for each head.
pub(super) struct Heads {
    attention: Attention,
    /// How many channels the slabs have that hold queries, keys and values.
    lanes: Vec<usize>,
    heads: Vec<Head>,
}

/// Where a head's parts lie among the slabs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub query: Range<usize>,
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// The slabs of every head's queries, keys and values; all begin with a slab.
pub(super) fn heads(Attention { heads, key, value, .. }: Attention, lanes: &[usize]) -> Vec<Head> {
    let slabs = channels(lanes);
    let of = |start: usize, length: usize| {
        let inside = |slab: &Range<usize>| slab.start < start;
        let first = slabs.partition_point(inside);
        first..slabs.partition_point(|slab| slab.start < start + length)
    };
    let head = |head: usize| {
        let start = head * (2 * key + value);
        Head { query: of(start, key), key: of(start + key, key), value: of(start + 2 * key, value) }
    };
    (0..heads).map(head).collect()
}

impl Heads {
    pub(super) fn new(attention: Attention, lanes: &[usize]) -> Self {
        Self { attention, lanes: lanes.to_vec(), heads: heads(attention, lanes) }
    }

    /// `outs` are the heads' slabs, one after another.
    pub(super) fn run(&self, arch: Arch, walk: &Walk, inputs: &[Slab<'_>], outs: Vec<SlabMut<'_>>) {
        let count = walk.side * walk.side / self.attention.areas;
        let mut outs = outs.into_iter();
        let mut tasks = Vec::new();
        for head in &self.heads {
            let slabs = outs.by_ref().take(head.value.len());
            let mut parts: Vec<_> = slabs.map(|slab| slab.chunks_exact_mut(count)).collect();
            let mut first = 0;
            while let Some(outs) = parts.iter_mut().map(|parts| parts.next()).collect::<Option<Vec<_>>>() {
                tasks.push((head, first, outs));
                first += count;
            }
        }
        tasks.into_par_iter().for_each(|(head, first, outs)| {
            let inputs: Vec<Slab<'_>> = inputs.iter().map(|slab| &slab[first..=first + count]).collect();
            self.area(arch, head, &inputs, outs);
        });
    }

    /// A head's output for an area: pixels that see each other.
    fn area(&self, arch: Arch, head: &Head, inputs: &[Slab<'_>], mut outs: Vec<SlabMut<'_>>) {
        let count = outs[0].len();
        let walk = Walk { kernel: 1, stride: 1, side: 1, out_side: 1, images: count };
        let positions: Vec<usize> = (0..count).step_by(LANES).map(|first| LANES.min(count - first)).collect();
        let mut scores = vec![vec![Pixel::ZERO; count + 1]; positions.len()];
        let rows = scores.iter_mut().map(|slab| &mut slab[..count]).collect();
        let lanes = &self.lanes[head.query.clone()];
        let keys = self.keys(head, inputs, count);
        let seen = Convolution::of_pixels([lanes, &positions], arch, |channel, slab| keys[channel][slab]);
        seen.run(arch, &walk, &inputs[head.query.clone()], &[], rows);
        let factor = (self.attention.key as f32).sqrt().recip();
        let shares = arch.dispatch(Softmax { scores: &mut scores, count, factor });
        let values = &inputs[head.value.clone()];
        let lanes = &self.lanes[head.value.clone()];
        let mixed =
            Convolution::of_pixels([&positions, lanes], arch, |position, slab| values[slab][position]);
        let scores: Vec<Slab<'_>> = scores.iter().map(Vec::as_slice).collect();
        let rows = outs.iter_mut().map(|out| &mut **out).collect();
        mixed.run(arch, &walk, &scores, &[], rows);
        for out in outs {
            for (pixel, share) in out.iter_mut().zip(&shares) {
                pixel.0.iter_mut().for_each(|x| *x *= share);
            }
        }
    }

    /// For each channel of the keys, its numbers at all positions, as pixels.
    fn keys(&self, head: &Head, inputs: &[Slab<'_>], count: usize) -> Vec<Vec<Pixel>> {
        let mut keys = vec![vec![Pixel::ZERO; count.div_ceil(LANES)]; self.attention.key];
        let slabs = channels(&self.lanes[head.key.clone()]);
        for (slab, channels) in inputs[head.key.clone()].iter().zip(slabs) {
            for (position, pixel) in slab[..count].iter().enumerate() {
                for (channel, x) in channels.clone().zip(pixel.0) {
                    keys[channel][position / LANES].0[position % LANES] = x;
                }
            }
        }
        keys
    }
}

/// Makes of each pixel's channels `e^(factor · (score − the largest))`.
struct Softmax<'a> {
    scores: &'a mut [Vec<Pixel>],
    /// How many channels there are, and pixels.
    count: usize,
    factor: f32,
}

impl WithSimd for Softmax<'_> {
    /// What makes shares of each pixel's numbers: `1 / sum`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let mut shares = vec![0.0; self.count];
        for (position, share) in shares.iter_mut().enumerate() {
            let largest = largest(self.scores, position, self.count);
            let mut sums = [0.0; LANES];
            for (i, slab) in self.scores.iter_mut().enumerate() {
                let pixel = &mut slab[position].0;
                for x in pixel.iter_mut() {
                    *x = exp((*x - largest) * self.factor);
                }
                pixel[LANES.min(self.count - i * LANES)..].fill(0.0);
                sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += *x);
            }
            *share = 1.0 / sums.into_iter().sum::<f32>();
        }
        shares
    }
}

/// The largest of a pixel's `count` channels.
#[inline(always)]
fn largest(scores: &mut [Vec<Pixel>], position: usize, count: usize) -> f32 {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for (i, slab) in scores.iter_mut().enumerate() {
        let pixel = &mut slab[position].0;
        // Beyond the last channel there is nothing to see.
        pixel[LANES.min(count - i * LANES)..].fill(f32::NEG_INFINITY);
        largest.iter_mut().zip(pixel).for_each(|(most, x)| *most = most.max(*x));
    }
    largest.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heads_parts_lie_head_by_head() {
        let attention = Attention { heads: 2, key: 20, value: 16, areas: 1 };
        let lanes = [16, 4, 16, 4, 16, 16, 4, 16, 4, 16];
        let found = heads(attention, &lanes);
        assert_eq!(found[0], Head { query: 0..2, key: 2..4, value: 4..5 });
        assert_eq!(found[1], Head { query: 5..7, key: 7..9, value: 9..10 });
    }
}
