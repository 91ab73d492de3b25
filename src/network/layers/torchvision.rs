//! torchvision's ResNet-18 (He et al., 2015) without its pooling and head, under torchvision's names.

use burn::{
    module::Module,
    tensor::{Tensor, activation::relu, module::max_pool2d, ops::MaxPoolOptions},
};

use super::conv::{BatchNorm2d, Conv2d};
use crate::network::{Builder, kernels};

/// A convolution, or the norm behind it, in a list where both have numbers. A norm that was folded
/// in is not there.
#[derive(Module, Debug)]
enum Plain {
    Conv(Conv2d),
    Norm(BatchNorm2d),
}

impl Plain {
    /// The convolution `names[0]` and the norm `names[1]`.
    fn pair(
        b: &Builder<'_>,
        [conv, norm]: [usize; 2],
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> [Option<Self>; 2] {
        let (conv, norm) = pair(b, [&conv.to_string(), &norm.to_string()], channels, kernel, stride);
        [Some(Self::Conv(conv)), norm.map(Self::Norm)]
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(conv) => conv.forward(x, false),
            Self::Norm(norm) => norm.forward(x, false),
        }
    }
}

/// A convolution and its norm, unless that was folded in.
fn pair(
    b: &Builder<'_>,
    [conv, norm]: [&str; 2],
    [c1, c2]: [usize; 2],
    kernel: usize,
    stride: usize,
) -> (Conv2d, Option<BatchNorm2d>) {
    let conv = Conv2d::new(&b.at(conv), c1, c2, kernel, 1).stride(stride);
    let folded = conv.is_biased() && !b.at(norm).has("weight");
    (conv, (!folded).then(|| BatchNorm2d::new(&b.at(norm), c2)))
}

/// Two 3×3 convolutions, plus the input, which is projected where it differs.
#[derive(Module, Debug)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: Option<BatchNorm2d>,
    conv2: Conv2d,
    bn2: Option<BatchNorm2d>,
    downsample: Vec<Option<Plain>>,
}

impl BasicBlock {
    fn new(b: &Builder<'_>, c1: usize, c2: usize, stride: usize) -> Self {
        let (conv1, bn1) = pair(b, ["conv1", "bn1"], [c1, c2], 3, stride);
        let (conv2, bn2) = pair(b, ["conv2", "bn2"], [c2, c2], 3, 1);
        let project = || Plain::pair(&b.at("downsample"), [0, 1], [c1, c2], 1, stride).into();
        let downsample = if stride != 1 || c1 != c2 { project() } else { Vec::new() };
        Self { conv1, bn1, conv2, bn2, downsample }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let norm = |norm: &Option<BatchNorm2d>, x| match norm {
            Some(norm) => norm.forward(x, false),
            None => x,
        };
        let y = relu(norm(&self.bn1, self.conv1.forward(x.clone(), false)));
        let y = norm(&self.bn2, self.conv2.forward(y, false));
        let x = self.downsample.iter().flatten().fold(x, |x, layer| layer.forward(x));
        relu(kernels::add(x, y))
    }
}

/// A child of torchvision's model.
#[derive(Module, Debug)]
enum Child {
    Plain(Plain),
    Stage(Vec<BasicBlock>),
}

/// ResNet-18: children 0 and 1 are the stem, 2 and 3 (ReLU and pooling) have no parameters, 4 to 7 are
/// the stages.
#[derive(Module, Debug)]
pub struct ResNet18 {
    m: Vec<Option<Child>>,
}

impl ResNet18 {
    /// The trunk, its parameters from `b`.
    pub fn new(b: &Builder<'_>) -> Self {
        let b = b.at("m");
        let [conv, norm] = Plain::pair(&b, [0, 1], [3, 64], 7, 2).map(|layer| layer.map(Child::Plain));
        let stage = |(i, [c1, c2]): (usize, [usize; 2])| {
            let b = b.at(i + 4);
            let first = BasicBlock::new(&b.at(0), c1, c2, if i == 0 { 1 } else { 2 });
            Some(Child::Stage(vec![first, BasicBlock::new(&b.at(1), c2, c2, 1)]))
        };
        let stages = [[64, 64], [64, 128], [128, 256], [256, 512]].into_iter().enumerate().map(stage);
        Self { m: [conv, norm, None, None].into_iter().chain(stages).collect() }
    }

    /// `[batch, 3, h, w]` to `[batch, 512, h / 32, w / 32]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (stem, stages) = self.m.split_at(4);
        let x = relu(stem.iter().flatten().fold(x, |x, child| child.forward(x)));
        let x = max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
        stages.iter().flatten().fold(x, |x, child| child.forward(x))
    }
}

impl Child {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Plain(layer) => layer.forward(x),
            Self::Stage(blocks) => blocks.iter().fold(x, |x, block| block.forward(x)),
        }
    }
}
