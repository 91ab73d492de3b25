//! The reference's ResNet rows: inner activations are SiLU, the last of a block is ReLU.

use burn::{
    module::Module,
    tensor::{Tensor, activation::relu, module::max_pool2d, ops::MaxPoolOptions},
};

use super::ConvBlock;
use crate::network::Builder;
use crate::network::kernels;

/// 1×1, 3×3, 1×1 to four times the channels, plus the input, which is projected where it differs.
#[derive(Module, Debug)]
struct ResNetBlock {
    cv1: ConvBlock,
    cv2: ConvBlock,
    cv3: ConvBlock,
    shortcut: Vec<ConvBlock>,
}

impl ResNetBlock {
    fn new(b: &Builder<'_>, c1: usize, c2: usize, stride: usize) -> Self {
        let wide = 4 * c2;
        let project = || ConvBlock::new(&b.at("shortcut").at(0), c1, wide, 1).stride(stride).linear();
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c1, c2, 1),
            cv2: ConvBlock::new(&b.at("cv2"), c2, c2, 3).stride(stride),
            cv3: ConvBlock::new(&b.at("cv3"), c2, wide, 1).linear(),
            shortcut: if stride != 1 || c1 != wide { vec![project()] } else { Vec::new() },
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.cv3.forward(self.cv2.forward(self.cv1.forward(x.clone())));
        let x = self.shortcut.iter().fold(x, |x, layer| layer.forward(x));
        relu(kernels::add(x, y))
    }
}

/// The stem of a ResNet, or one of its stages.
#[derive(Module, Debug)]
pub struct ResNetLayer {
    layer: Vec<Stage>,
    first: bool,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of layers, made once")]
enum Stage {
    Stem(ConvBlock),
    Block(ResNetBlock),
}

impl ResNetLayer {
    /// A 7×7 stem with pooling if `first`, else `n` blocks of which the first has the stride.
    pub fn new(b: &Builder<'_>, c1: usize, c2: usize, stride: usize, first: bool, n: usize) -> Self {
        let b = b.at("layer");
        let block = |i| match i {
            0 => ResNetBlock::new(&b.at(0), c1, c2, stride),
            i => ResNetBlock::new(&b.at(i), 4 * c2, c2, 1),
        };
        let layer = if first {
            vec![Stage::Stem(ConvBlock::new(&b.at(0), c1, c2, 7).stride(2))]
        } else {
            (0..n).map(|i| Stage::Block(block(i))).collect()
        };
        Self { layer, first }
    }

    /// `[batch, c1, h, w]` to `[batch, 4 · c2, h / stride, w / stride]`, or `[batch, c2, h / 4, w / 4]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.layer.iter().fold(x, |x, stage| match stage {
            Stage::Stem(stem) => stem.forward(x),
            Stage::Block(block) => block.forward(x),
        });
        let pool = || MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
        if self.first { max_pool2d(x, pool()) } else { x }
    }
}
