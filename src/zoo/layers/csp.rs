//! Cross-stage partial blocks: part of the channels go through bottlenecks, part around them.

use burn::{module::Module, tensor::Tensor};

use super::{ConvBlock, ops};
use crate::zoo::Builder;

/// Two 3×3 convolutions, with a residual sum if the channels allow it.
#[derive(Module, Debug)]
struct Bottleneck {
    cv1: ConvBlock,
    cv2: ConvBlock,
    add: bool,
}

impl Bottleneck {
    fn new(b: &Builder<'_>, c: usize, hidden: usize, shortcut: bool) -> Self {
        let cv1 = ConvBlock::new(&b.at("cv1"), c, hidden, 3);
        let cv2 = ConvBlock::new(&b.at("cv2"), hidden, c, 3);
        Self { cv1, cv2, add: shortcut }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.cv2.forward(self.cv1.forward(x.clone()));
        if self.add { ops::add(x, y) } else { y }
    }
}

/// Bottlenecks on one branch, a 1×1 convolution on the other, joined.
#[derive(Module, Debug)]
struct C3k {
    cv1: ConvBlock,
    cv2: ConvBlock,
    cv3: ConvBlock,
    m: Vec<Bottleneck>,
}

impl C3k {
    fn new(b: &Builder<'_>, c: usize, n: usize, shortcut: bool) -> Self {
        let hidden = c / 2;
        let bottleneck = |i| Bottleneck::new(&b.at("m").at(i), hidden, hidden, shortcut);
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c, hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), c, hidden, 1),
            cv3: ConvBlock::new(&b.at("cv3"), 2 * hidden, c, 1),
            m: (0..n).map(bottleneck).collect(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.m.iter().fold(self.cv1.forward(x.clone()), |x, m| m.forward(x));
        self.cv3.forward(Tensor::cat(vec![inner, self.cv2.forward(x)], 1))
    }
}

/// Splits `2 · hidden` channels in two, chains `n` bottlenecks on the second half, and joins
/// both halves and every bottleneck's output.
#[derive(Module, Debug)]
pub struct C2f {
    cv1: ConvBlock,
    cv2: ConvBlock,
    m: Vec<Bottleneck>,
}

impl C2f {
    /// `c1 -> c2` channels with `n` bottlenecks of `hidden` channels.
    pub fn new(b: &Builder<'_>, c1: usize, c2: usize, n: usize, hidden: usize, shortcut: bool) -> Self {
        let bottleneck = |i| Bottleneck::new(&b.at("m").at(i), hidden, hidden, shortcut);
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c1, 2 * hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), (2 + n) * hidden, c2, 1),
            m: (0..n).map(bottleneck).collect(),
        }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        split_and_join(&self.cv1, &self.cv2, &self.m, Bottleneck::forward, x)
    }
}

/// C2f whose inner blocks are narrow bottlenecks, or C3k blocks.
#[derive(Module, Debug)]
pub struct C3k2 {
    cv1: ConvBlock,
    cv2: ConvBlock,
    m: Vec<Inner>,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of layers, made once")]
enum Inner {
    Bottleneck(Bottleneck),
    C3k(C3k),
}

impl Inner {
    fn new(b: &Builder<'_>, c: usize, c3k: bool, shortcut: bool) -> Self {
        if c3k {
            Self::C3k(C3k::new(b, c, 2, shortcut))
        } else {
            Self::Bottleneck(Bottleneck::new(b, c, c / 2, shortcut))
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Bottleneck(inner) => inner.forward(x),
            Self::C3k(inner) => inner.forward(x),
        }
    }
}

impl C3k2 {
    /// `c1 -> c2` channels with `n` inner blocks of `hidden` channels.
    pub fn new(
        b: &Builder<'_>,
        c1: usize,
        c2: usize,
        n: usize,
        hidden: usize,
        c3k: bool,
        shortcut: bool,
    ) -> Self {
        Self {
            cv1: ConvBlock::new(&b.at("cv1"), c1, 2 * hidden, 1),
            cv2: ConvBlock::new(&b.at("cv2"), (2 + n) * hidden, c2, 1),
            m: (0..n).map(|i| Inner::new(&b.at("m").at(i), hidden, c3k, shortcut)).collect(),
        }
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h, w]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        split_and_join(&self.cv1, &self.cv2, &self.m, Inner::forward, x)
    }
}

fn split_and_join<M>(
    cv1: &ConvBlock,
    cv2: &ConvBlock,
    inner: &[M],
    forward: impl Fn(&M, Tensor<4>) -> Tensor<4>,
    x: Tensor<4>,
) -> Tensor<4> {
    let mut parts = cv1.forward(x).chunk(2, 1);
    for block in inner {
        let last = parts.last().expect("two halves at least").clone();
        parts.push(forward(block, last));
    }
    cv2.forward(Tensor::cat(parts, 1))
}
