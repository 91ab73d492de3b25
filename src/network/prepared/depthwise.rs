//! Convolution of each channel with a kernel of its own: a slab's channels side by side.

use pulp::Arch;

use super::{
    convolution::{Kernels, channels},
    finish::Finish,
    pixel::{LANES, Pixel, Slab, SlabMut},
    slabs,
    walk::Walk,
};

/// A convolution with as many groups as channels.
pub(super) struct Depthwise {
    /// For each slab, the weights of its channels place by place.
    weights: Vec<Vec<Pixel>>,
    bias: Vec<Pixel>,
    finish: Finish,
}

/// Pixels that are calculated side by side.
const SIDE_BY_SIDE: usize = 4;

impl Depthwise {
    /// Packs the weights `[channels, 1, kernel, kernel]` for slabs of so many channels.
    pub(super) fn new(kernels: Kernels<'_>, lanes: &[usize], finish: Finish) -> Self {
        let area = kernels.kernel * kernels.kernel;
        let slab = |channels: &std::ops::Range<usize>| {
            let at = |place: usize| -> Vec<f32> {
                channels.clone().map(|channel| kernels.weight[channel * area + place]).collect()
            };
            (0..area).map(|place| Pixel::of(&at(place))).collect()
        };
        let channels = channels(lanes);
        let bias = channels.iter().map(|channels| Pixel::of(&kernels.bias[channels.clone()])).collect();
        Self { weights: channels.iter().map(slab).collect(), bias, finish }
    }

    /// The convolution of `inputs`, plus the map `added` if any.
    pub(super) fn run(
        &self,
        arch: Arch,
        walk: &Walk,
        inputs: &[Slab<'_>],
        added: &[Slab<'_>],
        outs: Vec<SlabMut<'_>>,
    ) {
        slabs::each(
            arch,
            outs,
            #[inline(always)]
            |i, out| {
                self.slab(walk, i, inputs[i], out);
                self.finish.apply(out, added.get(i).copied());
            },
        );
    }

    #[inline(always)]
    fn slab(&self, walk: &Walk, i: usize, input: Slab<'_>, out: &mut [Pixel]) {
        for (part, out) in out.chunks_mut(SIDE_BY_SIDE).enumerate() {
            let stands = walk.stands::<SIDE_BY_SIDE>(part * SIDE_BY_SIDE);
            let mut sums = [self.bias[i].0; SIDE_BY_SIDE];
            for (place, weights) in walk.places().zip(&self.weights[i]) {
                let under = walk.under(&stands, place);
                for (sum, under) in sums.iter_mut().zip(under) {
                    let pixel = &input[under].0;
                    for lane in 0..LANES {
                        sum[lane] = pixel[lane].mul_add(weights.0[lane], sum[lane]);
                    }
                }
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| out.0 = sum);
        }
    }
}
