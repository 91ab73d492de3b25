//! The head: from a feature map to logits.

use burn::{
    module::{Module, Param},
    tensor::{DType, Tensor},
};

use super::ConvBlock;
use crate::network::builder::{Builder, Fill};
use crate::network::kernels;

use crate::arch::FEATURES;

/// A linear layer, its weight `[out, in]` as PyTorch keeps it.
#[derive(Module, Debug)]
struct Linear {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Linear {
    fn new(b: &Builder<'_>, inputs: usize, outputs: usize) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Self {
            weight: b.parameter("weight", [outputs, inputs], Fill::Uniform(bound)),
            bias: b.parameter("bias", [outputs], Fill::Uniform(bound)),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::linear(x, self.weight.val(), self.bias.val())
    }
}

/// Convolution to 1280 channels, global average pool, linear.
#[derive(Module, Debug)]
pub struct Classify {
    conv: ConvBlock,
    linear: Linear,
}

impl Classify {
    /// A head for `c1` channels and `classes` classes.
    pub fn new(b: &Builder<'_>, c1: usize, classes: usize, kernel: usize, stride: usize) -> Self {
        Self {
            conv: ConvBlock::new(&b.at("conv"), c1, FEATURES, kernel).stride(stride),
            linear: Linear::new(&b.at("linear"), FEATURES, classes),
        }
    }

    /// `[batch, c1, h, w]` to logits `[batch, classes]`; the features between are multiplied by `mask`
    /// `[batch, FEATURES]`, if there is one: dropout.
    pub fn forward(&self, x: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let x = kernels::typed(self.conv.forward(x), DType::F32);
        let [batch, c, h, w] = x.dims();
        let pooled = x.reshape([batch, c, h * w]).mean_dim(2).reshape([batch, c]);
        let pooled = match mask {
            Some(mask) => pooled * mask,
            None => pooled,
        };
        self.linear.forward(pooled)
    }
}
