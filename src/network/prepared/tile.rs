//! The innermost loops of a convolution: some output pixels of some slabs, whose sums stay in registers.
//!
//! Each number is its bias plus its products in one order (places of the window, slabs, channels), by fused
//! multiply-adds: how many pixels and slabs go together, and how wide the vectors are, changes no bit.

use std::array::from_fn;

use pulp::{Simd, WithSimd};

use super::{
    finish::Finish,
    pixel::{LANES, Pixel, Slab, SlabMut},
    walk::Walk,
};

/// A slab that a convolution reads, and how many channels it has.
pub(super) type Input<'a> = (Slab<'a>, usize);

/// Sums for `N` pixels of `F` slabs, of which each is `P` vectors.
pub(super) type Sums<S, const P: usize, const F: usize, const N: usize> = [[[<S as Simd>::f32s; P]; F]; N];

/// Consecutive output pixels of `F` slabs.
pub(super) struct Tiles<'a, const F: usize> {
    pub walk: &'a Walk,
    /// The first of the output pixels.
    pub first: usize,
    pub inputs: &'a [Input<'a>],
    /// For each place of the window and each channel read, the weights of the channels written: `F` pixels.
    pub weights: &'a [Pixel],
    pub bias: &'a [Pixel],
    pub outs: [SlabMut<'a>; F],
    /// What is added to the output.
    pub added: Option<[Slab<'a>; F]>,
    pub finish: Finish,
}

/// Work on a number of output pixels at a time.
pub(super) trait Tiled {
    /// Does it, `N` pixels at a time, of which each slab's 16 channels are `P` vectors.
    fn run<S: Simd, const P: usize, const N: usize>(self, simd: S);
}

/// Does `work` on `F` slabs with as many pixels at once as there are registers for their sums. Of narrow vectors, a slab
/// takes several, and then it is the only one ([`widest`]).
#[inline(always)]
pub(super) fn in_registers<S: Simd, const F: usize>(simd: S, work: impl Tiled) {
    match (S::F32_LANES, F) {
        (16, 4) => work.run::<S, 1, 6>(simd),
        (16, 3) => work.run::<S, 1, 7>(simd),
        (16, _) => work.run::<S, 1, 8>(simd),
        (8, _) => work.run::<S, 2, 6>(simd),
        (4, _) => work.run::<S, 4, 6>(simd),
        _ => unreachable!("without vectors no network is prepared"),
    }
}

impl<const F: usize> WithSimd for Tiles<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        in_registers::<S, F>(simd, self);
    }
}

/// How many slabs are best made at once.
pub(super) fn widest(arch: pulp::Arch) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    if arch.dispatch(Lanes) == LANES { 4 } else { 1 }
}

impl<const F: usize> Tiled for Tiles<'_, F> {
    #[inline(always)]
    fn run<S: Simd, const P: usize, const N: usize>(mut self, simd: S) {
        let count = self.outs[0].len();
        let mut done = 0;
        while done < count {
            // More pixels at once than are left cost less than one by one.
            match count - done {
                1 => self.tile::<S, P, 1>(simd, done, 1),
                left => self.tile::<S, P, N>(simd, done, left.min(N)),
            }
            done += N;
        }
    }
}

impl<const F: usize> Tiles<'_, F> {
    /// Output pixels from `start` of this job's on, of which `count` are wanted.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const N: usize>(&mut self, simd: S, start: usize, count: usize) {
        let sums = self.sums::<S, P, N>(simd, self.first + start);
        let pixels = start..start + count;
        let added = self.added.map(|added| added.map(|slab| &slab[pixels.clone()]));
        write::<S, P, F, N>(
            &sums,
            self.outs.each_mut().map(|out| &mut out[pixels.clone()]),
            added,
            self.finish,
        );
    }

    #[inline(always)]
    fn sums<S: Simd, const P: usize, const N: usize>(&self, simd: S, first: usize) -> Sums<S, P, F, N> {
        let mut sums = [from_fn(|f| vectors::<S, P>(&self.bias[f])); N];
        let (mut weights, _) = self.weights.as_chunks::<F>();
        let pointwise = self.walk.pointwise();
        let stands = if pointwise { Walk::stands_nowhere() } else { self.walk.stands::<N>(first) };
        for place in self.walk.places() {
            let under = match pointwise {
                true => from_fn(|n| (first + n).min(self.walk.pixels())),
                false => self.walk.under(&stands, place),
            };
            for (slab, lanes) in self.inputs {
                let (these, rest) = weights.split_at(*lanes);
                multiply::<S, P, F, N>(simd, &mut sums, from_fn(|n| &slab[under[n]].0), these);
                weights = rest;
            }
        }
        sums
    }
}

/// Adds the products of the pixels' channels and their weights.
#[inline(always)]
fn multiply<S: Simd, const P: usize, const F: usize, const N: usize>(
    simd: S,
    sums: &mut Sums<S, P, F, N>,
    pixels: [&[f32; LANES]; N],
    weights: &[[Pixel; F]],
) {
    for (channel, weights) in weights.iter().enumerate() {
        let weights: [[S::f32s; P]; F] = from_fn(|f| vectors::<S, P>(&weights[f]));
        for n in 0..N {
            let x = simd.splat_f32s(pixels[n][channel % LANES]);
            for f in 0..F {
                for p in 0..P {
                    sums[n][f][p] = simd.mul_add_f32s(weights[f][p], x, sums[n][f][p]);
                }
            }
        }
    }
}

/// Writes the sums of as many pixels as are wanted, finished.
#[inline(always)]
pub(super) fn write<S: Simd, const P: usize, const F: usize, const N: usize>(
    sums: &Sums<S, P, F, N>,
    outs: [&mut [Pixel]; F],
    added: Option<[Slab<'_>; F]>,
    finish: Finish,
) {
    for (f, out) in outs.into_iter().enumerate() {
        // Over all sums, of which there is a constant number: they stay in registers.
        for (n, sums) in sums.iter().enumerate() {
            if let Some(pixel) = out.get_mut(n) {
                let (vectors, _) = S::as_mut_simd_f32s(&mut pixel.0);
                vectors.copy_from_slice(&sums[f]);
            }
        }
        finish.apply(out, added.map(|added| added[f]));
    }
}

/// A pixel as vectors.
#[inline(always)]
pub(super) fn vectors<S: Simd, const P: usize>(pixel: &Pixel) -> [S::f32s; P] {
    let (vectors, _) = S::as_simd_f32s(&pixel.0);
    from_fn(|p| vectors[p])
}
