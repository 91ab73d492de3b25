//! The forward pass: a computation read as operations on tensors.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{DType, Tensor, activation::relu, module::max_pool2d, ops::MaxPoolOptions, s};

use super::{
    attention::attend,
    kernels::{self, Geometry, Normed},
    layout::norm_is_frozen,
};
use crate::arch::{
    Activation, EPSILON, Window,
    computation::{Computation, Convolution, IMAGES, Linear, Op, Scaling, ValueId},
};

/// The numbers of parameters and running statistics by name, flat and row-major, on the device that computes.
pub type Values = BTreeMap<String, Tensor<1>>;

/// A computation made ready to run. It holds no numbers: those are given to each pass.
#[derive(Debug, Clone)]
pub struct Network {
    computation: Computation,
    /// For each input of each operation, whether nobody needs it afterwards: its memory may be used again.
    last: Vec<Vec<bool>>,
}

/// How a pass is meant.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// Norms use their running statistics, and nothing is dropped.
    Eval,
    /// Norms use the batch's statistics, which come back.
    Train {
        /// What the head's features `[batch, FEATURES]` are multiplied by, if by anything: dropout.
        mask: Option<&'a Tensor<2>>,
        /// The names of parameters that are not learnt; norms among them behave as in [`Mode::Eval`].
        frozen: &'a BTreeSet<String>,
    },
}

/// What a pass gives.
pub struct Output {
    /// What the network says about each image, before softmax: `[batch, classes]`.
    pub logits: Tensor<2>,
    /// The batch's statistics at each norm that used them.
    pub statistics: Vec<Statistics>,
}

/// What a norm saw of a batch, without gradients.
pub struct Statistics {
    /// The norm, e.g. `model.0.bn`.
    pub norm: String,
    /// The mean of each channel over the batch: `[channels]`.
    pub mean: Tensor<1>,
    /// `[channels]`: unbiased, which is what PyTorch remembers, though it normalises by the biased one.
    pub variance: Tensor<1>,
}

impl Network {
    /// A network that does `computation`.
    pub fn new(computation: Computation) -> Self {
        let mut needed = BTreeSet::from([computation.logits]);
        let mut last: Vec<Vec<bool>> = Vec::new();
        for operation in computation.operations.iter().rev() {
            let inputs = operation.inputs.iter().rev().map(|input| needed.insert(*input));
            let mut is_last: Vec<bool> = inputs.collect();
            is_last.reverse();
            last.push(is_last);
        }
        last.reverse();
        Self { computation, last }
    }

    /// The operations that the network computes.
    pub fn computation(&self) -> &Computation {
        &self.computation
    }

    /// For each input of an operation, whether nobody needs it afterwards.
    pub(super) fn last_uses(&self, operation: usize) -> &[bool] {
        &self.last[operation]
    }

    /// Logits of images `[batch, 3, height, width]`, which lie where the values lie: on a device that records, if
    /// gradients are wanted.
    ///
    /// # Panics
    /// If a parameter has no value.
    pub fn forward(&self, values: &Values, images: Tensor<4>, mode: &Mode<'_>) -> Output {
        let mut maps = vec![None; self.computation.channels.len()];
        maps[IMAGES.0] = Some(kernels::images(images));
        let mut pass = Pass { values, mode, maps, statistics: Vec::new() };
        for (operation, last) in self.computation.operations.iter().zip(&self.last) {
            let inputs = operation.inputs.iter().zip(last);
            let inputs = inputs.map(|(input, last)| pass.take(*input, *last)).collect();
            for (output, map) in operation.outputs.iter().zip(pass.run(&operation.op, inputs)) {
                pass.maps[output.0] = Some(map);
            }
        }
        let logits = pass.take(self.computation.logits, true);
        let [batch, classes, ..] = logits.dims();
        Output { logits: logits.reshape([batch, classes]), statistics: pass.statistics }
    }
}

/// A forward pass on its way. Rows of numbers are maps of one pixel.
struct Pass<'a> {
    values: &'a Values,
    mode: &'a Mode<'a>,
    maps: Vec<Option<Tensor<4>>>,
    statistics: Vec<Statistics>,
}

impl Pass<'_> {
    /// The value `id`, which nobody needs afterwards if it is the `last` time.
    fn take(&mut self, id: ValueId, last: bool) -> Tensor<4> {
        let map = if last { self.maps[id.0].take() } else { self.maps[id.0].clone() };
        map.expect("operations come after those whose values they take")
    }

    /// The numbers of a parameter.
    fn value(&self, name: &str) -> Tensor<1> {
        self.values.get(name).unwrap_or_else(|| panic!("{name} has a value")).clone()
    }

    /// The values of the vector `module.part`, e.g. a bias.
    fn part(&self, module: &str, part: &str) -> Tensor<1> {
        self.value(&format!("{module}.{part}"))
    }

    fn run(&mut self, op: &Op, inputs: Vec<Tensor<4>>) -> Vec<Tensor<4>> {
        let mut inputs = inputs.into_iter();
        let mut next = || inputs.next().expect("an operation has its inputs");
        let given = match op {
            Op::Split(parts) => return kernels::split(next(), 1, parts),
            Op::Attention(attention) => return attend(next(), *attention).into(),
            Op::Convolution(convolution) => self.convolution(convolution, next()),
            Op::Activation(activation) => activated(*activation, next()),
            Op::Add => kernels::add(next(), next()),
            Op::Concat => Tensor::cat(inputs.collect(), 1),
            Op::EverySecond { row, column } => next().slice(s![.., .., *row..;2, *column..;2]),
            Op::MaxPool(window) => max_pool(next(), *window),
            Op::Scale(scaling) => self.scale(scaling, next()),
            Op::GlobalAverage => global_average(next()),
            Op::Dropout => self.dropout(next()),
            Op::Linear(linear) => self.linear(linear, next()),
        };
        vec![given]
    }

    fn convolution(&mut self, convolution: &Convolution, x: Tensor<4>) -> Tensor<4> {
        let Convolution { name, norm, activation, .. } = convolution;
        let weight = kernels::kernel(self.part(name, "weight"), shape(convolution));
        let geometry = geometry(convolution);
        let silu = *activation == Some(Activation::Silu);
        let y = match norm {
            Some(norm) => self.norm(norm, kernels::conv2d(x, weight, geometry), silu),
            None => kernels::conv2d_bias_silu(x, weight, self.part(name, "bias"), geometry, silu),
        };
        if *activation == Some(Activation::Relu) { relu(y) } else { y }
    }

    /// The norm, then SiLU if `silu`.
    fn norm(&mut self, norm: &str, x: Tensor<4>, silu: bool) -> Tensor<4> {
        let [gamma, beta] = ["weight", "bias"].map(|part| self.part(norm, part));
        if self.learns(norm) {
            return self.norm_by_batch(norm, x, [gamma, beta], silu);
        }
        let [mean, variance] = ["running_mean", "running_var"].map(|part| self.part(norm, part));
        let y = kernels::norm(x, [gamma, beta, mean, variance], EPSILON);
        if silu { kernels::silu(y) } else { y }
    }

    /// Whether a norm goes by the batch.
    fn learns(&self, norm: &str) -> bool {
        match self.mode {
            Mode::Eval => false,
            Mode::Train { frozen, .. } => !norm_is_frozen(norm, frozen),
        }
    }

    fn norm_by_batch(
        &mut self,
        norm: &str,
        x: Tensor<4>,
        [gamma, beta]: [Tensor<1>; 2],
        silu: bool,
    ) -> Tensor<4> {
        let Normed { output, mean, variance } = kernels::norm_silu(x, gamma, beta, EPSILON, silu);
        self.statistics.push(Statistics { norm: norm.to_owned(), mean, variance });
        output
    }

    fn scale(&self, scaling: &Scaling, x: Tensor<4>) -> Tensor<4> {
        let gamma = self.value(&scaling.gamma).reshape([1, -1, 1, 1]);
        kernels::scale(x, gamma)
    }

    fn dropout(&self, x: Tensor<4>) -> Tensor<4> {
        match self.mode {
            Mode::Train { mask: Some(mask), .. } => {
                let shape = x.dims();
                kernels::scale(x, (*mask).clone().reshape(shape))
            }
            Mode::Train { mask: None, .. } | Mode::Eval => x,
        }
    }

    fn linear(&self, linear: &Linear, x: Tensor<4>) -> Tensor<4> {
        let Linear { name, inputs, outputs } = linear;
        let batch = x.dims()[0];
        let weight = self.part(name, "weight").reshape([*outputs, *inputs]);
        let y = kernels::linear(x.reshape([batch, *inputs]), weight, self.part(name, "bias"));
        y.reshape([batch, *outputs, 1, 1])
    }
}

/// Of a convolution's weight: `[c2, c1 / groups, kernel, kernel]`.
pub(super) fn shape(Convolution { c1, c2, window, .. }: &Convolution) -> [usize; 4] {
    [*c2, c1 / window.groups, window.kernel, window.kernel]
}

/// Where its kernel goes.
pub(super) fn geometry(Convolution { window, .. }: &Convolution) -> Geometry {
    let Window { kernel, stride, groups } = *window;
    Geometry { stride, padding: kernel / 2, groups }
}

fn activated(activation: Activation, x: Tensor<4>) -> Tensor<4> {
    match activation {
        Activation::Silu => kernels::silu(x),
        Activation::Relu => relu(x),
    }
}

fn max_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    let options = MaxPoolOptions::new([window.kernel; 2])
        .with_stride([window.stride; 2])
        .with_padding([window.kernel / 2; 2]);
    max_pool2d(x, options)
}

/// In 32 bits, as all that follows.
fn global_average(x: Tensor<4>) -> Tensor<4> {
    let x = kernels::typed(x, DType::F32);
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels, 1, 1])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        arch::Arch,
        network::{
            parameters::{to_vec, values},
            test_support,
        },
        weights::{fold_weights, fresh},
    };

    /// PyTorch remembers the unbiased variance of the batch, though it normalises by the biased one.
    #[test]
    fn norms_tell_the_batchs_mean_and_unbiased_variance() {
        let text = "backbone:\n  - [-1, 1, Conv, [8]]\nhead:\n  - [-1, 1, Classify, [nc]]\n";
        let network = Network::new(Computation::of(&Arch::parse("test", text, 2).unwrap()));
        let weights = fresh(network.computation(), 0);
        let pixels = test_support::pixels(2);
        let images = Tensor::from_data(TensorData::new(pixels.clone(), [1, 3, 2, 2]), &Device::flex());
        let mode = Mode::Train { mask: None, frozen: &BTreeSet::new() };
        let values = values(&weights, &Device::flex());
        let seen = network.forward(&values, images, &mode).statistics;
        assert_eq!(
            seen.iter().map(|seen| seen.norm.as_str()).collect::<Vec<_>>(),
            ["model.0.bn", "model.1.conv.bn"]
        );
        let (means, variances) = (to_vec(seen[0].mean.clone()), to_vec(seen[0].variance.clone()));
        for channel in 0..8 {
            let weight = &weights["model.0.conv.weight"].data[3 * channel..3 * channel + 3];
            let output = |i: usize| (0..3).map(|c| f64::from(weight[c] * pixels[4 * c + i])).sum::<f64>();
            let mean = (0..4).map(output).sum::<f64>() / 4.0;
            let unbiased = (0..4).map(|i| (output(i) - mean).powi(2)).sum::<f64>() / 3.0;
            assert!((f64::from(means[channel]) - mean).abs() < 1e-6);
            assert!((f64::from(variances[channel]) - unbiased).abs() < 1e-6);
        }
    }

    #[test]
    fn folding_changes_no_logits() {
        let pixels = test_support::pixels(64);
        for arch in test_support::archs() {
            let (computation, weights) = (Computation::of(&arch), test_support::weights(&arch));
            let folded = fold_weights(&computation, &weights);
            let shapes = folded.iter().map(|(name, array)| (name.clone(), array.shape.clone()));
            assert_eq!(computation.folded().shapes(), shapes.collect(), "{}", arch.name);
            let folded = test_support::logits(computation.folded(), &folded, &pixels, 64);
            let plain = test_support::logits(computation, &weights, &pixels, 64);
            let largest = plain.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let off = plain.iter().zip(&folded).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(largest > 0.5 && off <= 1e-4 * largest, "{}: {off} of {largest}", arch.name);
        }
    }
}
