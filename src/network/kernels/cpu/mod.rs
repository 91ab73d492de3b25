//! The operations on burn's pure-Rust backend, written for the CPU's caches and vector units.
//!
//! Work is cut by shape alone, never by the number of threads, and parts are summed in order: any
//! number of threads gives the same bytes. Nor does any sum's order depend on the width of vectors or the size of
//! caches.

pub(in crate::network) mod channels;
mod conv;
mod depthwise;
mod grouped;
mod norm;
pub(in crate::network) mod silu;
mod spread;

use burn::{
    backend::{Flex, TensorMetadata, tensor::FloatTensor},
    tensor::TensorData,
};
use rayon::prelude::*;

pub(in crate::network) use self::norm::{Affine, Planes};
use self::{conv::Dense, depthwise::Depthwise, grouped::Grouped};
use super::backend::{Geometry, KernelGradients, Kernels, NormSilu};

/// Numbers of a task that does little with each.
const GRAIN: usize = 1 << 14;

/// A tensor of the backend.
pub(in crate::network) type Array = FloatTensor<Flex>;

/// What a convolution reads: images `[batch, c1, height, width]`, kernels of `kernel`² pixels.
#[derive(Debug, Clone, Copy)]
struct Window {
    batch: usize,
    c1: usize,
    c2: usize,
    height: usize,
    width: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

/// A convolution by the way in which it is done.
enum Conv {
    Dense(Dense),
    Depthwise(Depthwise),
    Grouped(Grouped),
}

impl Conv {
    fn new(x: &Array, weight: &Array, geometry: Geometry) -> Self {
        let ([batch, c1, height, width], [c2, _, kernel, _]) = (dims(x), dims(weight));
        let Geometry { stride, padding, groups } = geometry;
        let window = Window { batch, c1, c2, height, width, kernel, stride, padding };
        match groups {
            1 => Self::Dense(Dense::new(window)),
            _ if groups == c1 && c1 == c2 => Self::Depthwise(Depthwise(window)),
            _ => Self::Grouped(Grouped::new(window, groups)),
        }
    }
}

impl Window {
    fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Pixels of an input plane.
    fn area(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of an output plane.
    fn out_area(&self) -> usize {
        self.out_height() * self.out_width()
    }

    fn shape(&self) -> [usize; 4] {
        [self.batch, self.c1, self.height, self.width]
    }

    fn out_shape(&self) -> [usize; 4] {
        [self.batch, self.c2, self.out_height(), self.out_width()]
    }

    /// The output columns whose input column `x · stride + offset − padding` exists.
    fn inside(&self, offset: usize) -> std::ops::Range<usize> {
        let first = self.padding.saturating_sub(offset).div_ceil(self.stride);
        let end = (self.width + self.padding).saturating_sub(offset).div_ceil(self.stride);
        let end = end.min(self.out_width());
        first.min(end)..end
    }

    /// The input row of output row `y` under the kernel's row `offset`, if there is one.
    fn row(&self, y: usize, offset: usize) -> Option<usize> {
        (y * self.stride + offset).checked_sub(self.padding).filter(|row| *row < self.height)
    }
}

impl Kernels for Flex {
    fn conv(x: Array, weight: Array, geometry: Geometry) -> Array {
        match Conv::new(&x, &weight, geometry) {
            Conv::Dense(conv) => conv.forward(x, weight, |_, _| ()),
            Conv::Depthwise(conv) => conv.forward(x, weight, |_, _| ()),
            Conv::Grouped(conv) => conv.forward(&x.to_contiguous(), &weight.to_contiguous(), |_, _| ()),
        }
    }

    /// Without gradients, so this is inference.
    fn conv_bias_silu(x: Array, weight: Array, bias: Array, geometry: Geometry, activated: bool) -> Array {
        let whole = bias.to_contiguous();
        let finish = |channel: usize, plane: &mut [f32]| {
            let shift = whole.storage::<f32>()[channel];
            if activated { silu::shifted(plane, shift) } else { silu::shift(plane, shift) }
        };
        match Conv::new(&x, &weight, geometry) {
            Conv::Dense(conv) => conv.one_by_one().forward(x, weight, finish),
            Conv::Depthwise(conv) => conv.forward(x, weight, finish),
            Conv::Grouped(conv) => {
                conv.one_by_one().forward(&x.to_contiguous(), &weight.to_contiguous(), finish)
            }
        }
    }

    /// Without gradients of its own: those of the CPU's own pass are held to burn's.
    fn norm_silu(x: Array, gamma: Array, beta: Array, epsilon: f64, activated: bool) -> NormSilu<Self> {
        let (planes, shape) = (Planes::of(&x), x.shape().to_vec());
        let (x, gamma, beta) = (x.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        let (mean, variance) = planes.statistics(x.storage());
        let norm = Affine::new(mean.clone(), &variance, gamma.storage(), beta.storage(), epsilon, activated);
        let output = array(planes.forward(x.storage(), &norm), shape);
        let [mean, variance] = [mean, variance].map(|numbers| array(numbers, gamma.shape().to_vec()));
        NormSilu { output, mean, variance }
    }
}

impl KernelGradients for Flex {
    fn conv_x_gradient(x: Array, weight: Array, gradient: Array, geometry: Geometry) -> Array {
        match Conv::new(&x, &weight, geometry) {
            Conv::Dense(conv) => conv.x_gradient(weight, gradient),
            Conv::Depthwise(conv) => conv.x_gradient(weight, gradient),
            Conv::Grouped(conv) => conv.x_gradient(&weight.to_contiguous(), &gradient.to_contiguous()),
        }
    }

    fn conv_weight_gradient(x: Array, weight: Array, gradient: Array, geometry: Geometry) -> Array {
        match Conv::new(&x, &weight, geometry) {
            Conv::Dense(conv) => conv.weight_gradient(x, gradient),
            Conv::Depthwise(conv) => conv.weight_gradient(x, gradient),
            Conv::Grouped(conv) => conv.weight_gradient(&x.to_contiguous(), &gradient.to_contiguous()),
        }
    }
}

/// A tensor of `numbers`, row-major.
pub(in crate::network) fn array(numbers: Vec<f32>, shape: Vec<usize>) -> Array {
    Array::from_data(TensorData::new(numbers, shape))
}

/// A tensor's four sizes.
pub(in crate::network) fn dims(tensor: &Array) -> [usize; 4] {
    tensor.shape().dims()
}

/// Runs `work` with the widest vector instructions of this machine.
pub(in crate::network) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Puts in the place of each number what `of` makes of it and of the number of `read` at the same place.
pub(in crate::network) fn in_parts(numbers: &mut [f32], read: &[f32], of: impl Fn(f32, f32) -> f32 + Sync) {
    numbers.par_chunks_mut(GRAIN).zip(read.par_chunks(GRAIN)).for_each(|(numbers, read)| {
        vectorized(
            #[inline(always)]
            || numbers.iter_mut().zip(read).for_each(|(x, y)| *x = of(*x, *y)),
        );
    });
}

#[cfg(test)]
mod tests {
    use super::{super::backend::NormInputs, *};
    use crate::random::Random;
    use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
    use proptest::prelude::*;

    fn random(name: &str, shape: [usize; 4]) -> Array {
        let mut random = Random::new(name, &shape.map(|size| size as u64));
        let count = shape.iter().product();
        array((0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect(), shape.to_vec())
    }

    fn vector(name: &str, count: usize) -> Array {
        Flex::float_reshape(random(name, [1, 1, 1, count]), [count].into())
    }

    fn assert_close(ours: &Array, theirs: Array) {
        assert_eq!(ours.shape(), theirs.shape());
        let (ours, theirs) = (ours.to_contiguous(), theirs.to_contiguous());
        let scale = theirs.storage::<f32>().iter().fold(1.0_f32, |max, x| max.max(x.abs()));
        for (ours, theirs) in ours.storage::<f32>().iter().zip(theirs.storage::<f32>()) {
            assert!((ours - theirs).abs() <= 2e-5 * scale, "{ours} {theirs}");
        }
    }

    fn hold_to_burn(batch: usize, [c1, c2]: [usize; 2], side: [usize; 2], kernel: usize, geometry: Geometry) {
        let (x, weight) = (
            random("x", [batch, c1, side[0], side[1]]),
            random("w", [c2, c1 / geometry.groups, kernel, kernel]),
        );
        let y = <Flex as Kernels>::conv(x.clone(), weight.clone(), geometry);
        assert_close(&y, Flex::conv2d(x.clone(), weight.clone(), None, geometry.into()));
        let g = random("g", dims(&y));
        assert_close(
            &Flex::conv_x_gradient(x.clone(), weight.clone(), g.clone(), geometry),
            Flex::conv2d_x_backward(x.clone(), weight.clone(), g.clone(), geometry.into()),
        );
        assert_close(
            &Flex::conv_weight_gradient(x.clone(), weight.clone(), g.clone(), geometry),
            Flex::conv2d_weight_backward(x, weight, g, geometry.into()),
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn dense_convolutions_are_burns(
            batch in 1..20_usize, channels in prop::array::uniform2(1..9_usize), side in prop::array::uniform2(1..12_usize),
            kernel in prop::sample::select(vec![1, 3, 7]), stride in 1..3_usize,
        ) {
            hold_to_burn(batch, channels, side, kernel, Geometry { stride, padding: kernel / 2, groups: 1 });
        }

        #[test]
        fn depthwise_convolutions_are_burns(
            batch in 1..4_usize, channels in 2..6_usize, side in prop::array::uniform2(1..12_usize),
            kernel in prop::sample::select(vec![3, 7]), stride in 1..3_usize,
        ) {
            let geometry = Geometry { stride, padding: kernel / 2, groups: channels };
            hold_to_burn(batch, [channels; 2], side, kernel, geometry);
        }
    }

    #[test]
    fn grouped_convolutions_are_burns() {
        for [groups, c1, c2] in [[2, 4, 6], [4, 4, 8], [3, 9, 3]] {
            hold_to_burn(3, [c1, c2], [7, 6], 3, Geometry { stride: 2, padding: 1, groups });
        }
    }

    #[test]
    fn bias_and_silu_are_burns() {
        let (x, weight, bias) = (random("x", [3, 4, 9, 7]), random("w", [5, 4, 3, 3]), vector("b", 5));
        let geometry = Geometry { stride: 1, padding: 1, groups: 1 };
        let y = Flex::conv2d(x.clone(), weight.clone(), Some(bias.clone()), geometry.into());
        let ours =
            |activated| Flex::conv_bias_silu(x.clone(), weight.clone(), bias.clone(), geometry, activated);
        assert_close(&ours(false), y.clone());
        assert_close(&ours(true), Flex::float_mul(y.clone(), Flex::sigmoid(y)));
    }

    /// A norm as burn's own operations make it.
    fn composed(x: &Array, [gamma, beta]: [&Array; 2], activated: bool) -> NormSilu<Flex> {
        let normed = Flex::batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5);
        let y = normed.output;
        let output = if activated { Flex::float_mul(y.clone(), Flex::sigmoid(y)) } else { y };
        NormSilu { output, mean: normed.mean, variance: normed.variance }
    }

    #[test]
    fn norms_are_burns_forwards_and_backwards() {
        for (shape, activated) in [([4, 6, 9, 7], true), ([16, 3, 1, 2], false), ([2, 5, 16, 16], true)] {
            let (x, gamma, beta) = (random("x", shape), vector("gamma", shape[1]), vector("beta", shape[1]));
            let ours = Flex::norm_silu(x.clone(), gamma.clone(), beta.clone(), 1e-5, activated);
            let theirs = composed(&x, [&gamma, &beta], activated);
            assert_close(&ours.output, theirs.output);
            assert_close(&ours.mean, theirs.mean);
            assert_close(&ours.variance, theirs.variance);
            let (planes, g) = (Planes::of(&x), random("g", shape));
            let (mean, variance) = (ours.mean.storage::<f32>().to_vec(), ours.variance.storage());
            let affine = Affine::new(mean, variance, gamma.storage(), beta.storage(), 1e-5, activated);
            let (of_x, of_gamma, of_beta) = planes.backward(x.storage(), g.storage(), &affine);
            let channels = |numbers: Vec<f32>| array(numbers, vec![shape[1]]);
            let (mean, variance) = (ours.mean, ours.variance);
            let inputs = NormInputs { x, gamma, beta, mean, variance, epsilon: 1e-5, activated };
            let theirs = Flex::norm_silu_gradients(inputs, g);
            let ours = [array(of_x, shape.to_vec()), channels(of_gamma), channels(of_beta)];
            ours.iter().zip(theirs).for_each(|(ours, theirs)| assert_close(ours, theirs));
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let (x, weight) = (random("x", [9, 8, 13, 11]), random("w", [16, 8, 3, 3]));
        let geometry = Geometry { stride: 2, padding: 1, groups: 1 };
        let all = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let y = <Flex as Kernels>::conv(x.clone(), weight.clone(), geometry);
                let of_x = Flex::conv_x_gradient(x.clone(), weight.clone(), y.clone(), geometry);
                let of_weight = Flex::conv_weight_gradient(x.clone(), weight.clone(), y.clone(), geometry);
                let planes = Planes::of(&y);
                let (mean, variance) = planes.statistics(y.storage());
                let (gamma, beta) = (vector("gamma", 16), vector("beta", 16));
                let affine = Affine::new(mean, &variance, gamma.storage(), beta.storage(), 1e-5, true);
                let normed = planes.forward(y.storage(), &affine);
                let [of_x, of_weight] = [of_x, of_weight].map(|tensor| tensor.storage::<f32>().to_vec());
                [of_x, of_weight, normed]
            })
        };
        assert_eq!(all(1), all(4));
    }
}
