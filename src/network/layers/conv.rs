//! Convolution, batch norm and activation: what every block is made of.

use burn::{
    module::{Module, Param, RunningState},
    tensor::{Tensor, activation},
};

use crate::network::kernels::{self, Geometry};
use crate::{
    arch::Activation,
    network::builder::{Builder, Fill},
};

/// A convolution; its padding keeps the size at stride 1. It has a bias only where a norm was folded in.
#[derive(Module, Debug)]
pub struct Conv2d {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    stride: usize,
    groups: usize,
}

/// Batch norm over `[batch, channels, height, width]` with PyTorch's defaults.
#[derive(Module, Debug)]
pub struct BatchNorm2d {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: RunningState<Tensor<1>>,
    running_var: RunningState<Tensor<1>>,
    /// Whether it normalises by the running statistics also in training, and leaves them alone.
    frozen: bool,
}

/// Convolution, batch norm, and the architecture's activation unless it is [`linear`](ConvBlock::linear).
#[derive(Module, Debug)]
pub struct ConvBlock {
    conv: Conv2d,
    bn: Option<BatchNorm2d>,
    activated: bool,
    relu: bool,
}

use crate::arch::EPSILON;
/// How much of a batch's statistics enters the running ones.
const MOMENTUM: f64 = 0.1;

impl Conv2d {
    /// `c1 -> c2` channels, `kernel`² pixels, stride 1.
    pub(super) fn new(b: &Builder<'_>, c1: usize, c2: usize, kernel: usize, groups: usize) -> Self {
        // Kaiming uniform with a = √5, as PyTorch's reset_parameters (section 2.1).
        let bound = 1.0 / ((c1 / groups * kernel * kernel) as f64).sqrt();
        let shape = [c2, c1 / groups, kernel, kernel];
        let weight = b.parameter("weight", shape, b.convolution(Fill::Uniform(bound)));
        let bias = b.has("bias").then(|| b.parameter("bias", [c2], Fill::Constant(0.0)));
        Self { weight, bias, stride: 1, groups }
    }

    /// The same with another stride.
    #[must_use]
    pub(super) fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Whether it has a bias: whether a norm was folded in.
    pub(super) fn is_biased(&self) -> bool {
        self.bias.is_some()
    }

    /// The convolution and its bias, then SiLU if `activated`.
    pub(super) fn forward(&self, x: Tensor<4>, activated: bool) -> Tensor<4> {
        let weight = self.weight.val();
        let geometry = Geometry { stride: self.stride, padding: weight.dims()[2] / 2, groups: self.groups };
        match &self.bias {
            Some(bias) => kernels::conv2d_bias_silu(x, weight, bias.val(), geometry, activated),
            None if activated => kernels::silu(kernels::conv2d(x, weight, geometry)),
            None => kernels::conv2d(x, weight, geometry),
        }
    }
}

impl BatchNorm2d {
    /// Over `channels` channels.
    pub(super) fn new(b: &Builder<'_>, channels: usize) -> Self {
        Self {
            weight: b.parameter("weight", [channels], Fill::Constant(1.0)),
            bias: b.parameter("bias", [channels], Fill::Constant(0.0)),
            running_mean: b.statistic("running_mean", channels, 0.0),
            running_var: b.statistic("running_var", channels, 1.0),
            frozen: b.is_frozen("weight") && b.is_frozen("bias"),
        }
    }

    /// The norm, then SiLU if `activated`.
    pub(super) fn forward(&self, x: Tensor<4>, activated: bool) -> Tensor<4> {
        match x.device().is_autodiff() && !self.frozen {
            true => self.train(x, activated),
            false if activated => kernels::silu(self.eval(x)),
            false => self.eval(x),
        }
    }

    fn eval(&self, x: Tensor<4>) -> Tensor<4> {
        let (mean, variance) = (self.running_mean.value_sync(), self.running_var.value_sync());
        kernels::norm(x, [self.weight.val(), self.bias.val(), mean, variance], EPSILON)
    }

    fn train(&self, x: Tensor<4>, activated: bool) -> Tensor<4> {
        let [batch, _, height, width] = x.dims();
        let count = (batch * height * width) as f64;
        let result = kernels::norm_silu(x, self.weight.val(), self.bias.val(), EPSILON, activated);
        follow(&self.running_mean, result.mean);
        // PyTorch normalises by the biased variance, but remembers the unbiased one.
        follow(&self.running_var, result.variance.mul_scalar(count / (count - 1.0).max(1.0)));
        result.output
    }
}

/// Moves a running statistic towards a batch's.
fn follow(running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
    let old = running.value_sync().inner();
    let new = old.mul_scalar(1.0 - MOMENTUM) + batch.inner().mul_scalar(MOMENTUM);
    running.update(Tensor::from_inner(new));
    // Burn keeps an update aside until the next one; asking for the value makes it visible to visitors.
    let _ = running.value_sync();
}

impl ConvBlock {
    /// `c1 -> c2` channels, `kernel`² pixels, stride 1, one group, activated.
    pub fn new(b: &Builder<'_>, c1: usize, c2: usize, kernel: usize) -> Self {
        Self::grouped(b, c1, c2, kernel, 1)
    }

    /// The same with `groups` groups.
    pub fn grouped(b: &Builder<'_>, c1: usize, c2: usize, kernel: usize, groups: usize) -> Self {
        let conv = Conv2d::new(&b.at("conv"), c1, c2, kernel, groups);
        let relu = b.activation() == Activation::Relu;
        let folded = conv.bias.is_some() && !b.at("bn").has("weight");
        Self { conv, bn: (!folded).then(|| BatchNorm2d::new(&b.at("bn"), c2)), activated: !relu, relu }
    }

    /// The same with another stride.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.conv.stride = stride;
        self
    }

    /// The same without activation.
    #[must_use]
    pub fn linear(mut self) -> Self {
        (self.activated, self.relu) = (false, false);
        self
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h / stride, w / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = match &self.bn {
            Some(bn) => bn.forward(self.conv.forward(x, false), self.activated),
            None => self.conv.forward(x, self.activated),
        };
        if self.relu { activation::relu(y) } else { y }
    }
}
