//! Cross-stage partial blocks: part of the channels go through inner blocks, part around them.

use burn::{module::Module, tensor::Tensor};

use super::{ConvBlock, Layer};
use crate::network::kernels;
use crate::{arch::Block, network::Builder};

/// Two convolutions, with a residual sum if `add`.
#[derive(Module, Debug)]
pub struct Bottleneck {
    cv1: ConvBlock,
    cv2: ConvBlock,
    add: bool,
}

impl Bottleneck {
    /// Channels are `[c1, hidden, c2]`; the second convolution has the groups.
    pub fn new(
        b: &Builder<'_>,
        [c1, hidden, c2]: [usize; 3],
        kernels: [usize; 2],
        groups: usize,
        add: bool,
    ) -> Self {
        let cv1 = ConvBlock::new(&b.at("cv1"), c1, hidden, kernels[0]);
        let cv2 = ConvBlock::grouped(&b.at("cv2"), hidden, c2, kernels[1], groups);
        Self { cv1, cv2, add }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.cv2.forward(self.cv1.forward(x.clone()));
        if self.add { kernels::add(x, y) } else { y }
    }
}

/// Inner blocks on one branch, a 1×1 convolution on the other, joined.
#[derive(Module, Debug)]
pub struct C3 {
    cv1: ConvBlock,
    cv2: ConvBlock,
    cv3: ConvBlock,
    m: Vec<Layer>,
}

impl C3 {
    /// Channels are `[c1, hidden, c2]`; each inner block keeps the hidden ones.
    pub fn new(b: &Builder<'_>, [c1, hidden, c2]: [usize; 3], inner: &[Block]) -> Self {
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c1, hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), c1, hidden, 1),
            cv3: ConvBlock::new(&b.at("cv3"), 2 * hidden, c2, 1),
            m: Layer::all(inner, &b.at("m")),
        }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.m.iter().fold(self.cv1.forward(x.clone()), |x, m| m.forward(x));
        self.cv3.forward(Tensor::cat(vec![inner, self.cv2.forward(x)], 1))
    }
}

/// C2f and C3k2: splits `2 · hidden` channels in two, chains inner blocks on the second half, and joins
/// both halves and every inner block's output.
#[derive(Module, Debug)]
pub struct C2f {
    cv1: ConvBlock,
    cv2: ConvBlock,
    m: Vec<Layer>,
}

impl C2f {
    /// Channels are `[c1, hidden, c2]`; each inner block keeps the hidden ones.
    pub fn new(b: &Builder<'_>, [c1, hidden, c2]: [usize; 3], inner: &[Block]) -> Self {
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c1, 2 * hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), (2 + inner.len()) * hidden, c2, 1),
            m: Layer::all(inner, &b.at("m")),
        }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut parts = self.cv1.forward(x).chunk(2, 1);
        for block in &self.m {
            let last = parts.last().expect("two halves at least").clone();
            parts.push(block.forward(last));
        }
        self.cv2.forward(Tensor::cat(parts, 1))
    }
}
