//! Any of the layers: one for each [`Block`].

use burn::{module::Module, tensor::Tensor};

use super::{A2c2f, AreaPair, Bottleneck, C2f, C2psa, C3, Classify, ConvBlock, ResNet18, ResNetLayer, Sppf};
use crate::{arch::Block, network::Builder};

/// A block as a burn module. The variants' names are no part of parameters' names.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of layers, made once")]
pub enum Layer {
    /// See [`Block::Conv`].
    Conv(ConvBlock),
    /// See [`Block::Bottleneck`].
    Bottleneck(Bottleneck),
    /// See [`Block::C2f`].
    C2f(C2f),
    /// See [`Block::C3`].
    C3(C3),
    /// See [`Block::C2psa`].
    C2psa(C2psa),
    /// See [`Block::A2c2f`].
    A2c2f(A2c2f),
    /// See [`Block::AreaPair`].
    AreaPair(AreaPair),
    /// See [`Block::Sppf`].
    Sppf(Sppf),
    /// See [`Block::ResNetLayer`].
    ResNetLayer(ResNetLayer),
    /// See [`Block::ResNet18`].
    ResNet18(ResNet18),
    /// See [`Block::Classify`].
    Classify(Classify),
    /// See [`Block::Sequence`].
    Sequence(Vec<Layer>),
}

impl Layer {
    /// The layer of a block, its parameters from `b`.
    pub fn new(block: &Block, b: &Builder<'_>) -> Self {
        match *block {
            Block::Conv { c1, c2, window, activated } => {
                let conv = ConvBlock::grouped(b, c1, c2, window.kernel, window.groups).stride(window.stride);
                Self::Conv(if activated { conv } else { conv.linear() })
            }
            Block::Bottleneck { c1, c2, hidden, kernels, groups, add } => {
                Self::Bottleneck(Bottleneck::new(b, [c1, hidden, c2], kernels, groups, add))
            }
            Block::C2f { c1, c2, hidden, ref inner } => Self::C2f(C2f::new(b, [c1, hidden, c2], inner)),
            Block::C3 { c1, c2, hidden, ref inner } => Self::C3(C3::new(b, [c1, hidden, c2], inner)),
            Block::C2psa { c, n, hidden, heads } => Self::C2psa(C2psa::new(b, c, n, hidden, heads)),
            Block::A2c2f { c1, c2, hidden, ref inner, residual } => {
                Self::A2c2f(A2c2f::new(b, [c1, hidden, c2], inner, residual))
            }
            Block::AreaPair { c, heads, area, mlp } => {
                Self::AreaPair(AreaPair::new(b, [c, mlp], heads, area))
            }
            Block::Sppf { c1, c2, hidden, kernel } => Self::Sppf(Sppf::new(b, [c1, hidden, c2], kernel)),
            Block::ResNetLayer { c1, c2, stride, first, n } => {
                Self::ResNetLayer(ResNetLayer::new(b, c1, c2, stride, first, n))
            }
            Block::ResNet18 => Self::ResNet18(ResNet18::new(b)),
            Block::Classify { c1, classes, window } => {
                Self::Classify(Classify::new(b, c1, classes, window.kernel, window.stride))
            }
            Block::Sequence(ref inner) => Self::Sequence(Self::all(inner, b)),
        }
    }

    /// The layers of blocks, named by their numbers.
    pub fn all(blocks: &[Block], b: &Builder<'_>) -> Vec<Self> {
        blocks.iter().enumerate().map(|(i, block)| Self::new(block, &b.at(i))).collect()
    }

    /// `[batch, c1, h, w]` to `[batch, c2, h', w']`.
    ///
    /// # Panics
    /// If it is a head, which gives no map.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(layer) => layer.forward(x),
            Self::Bottleneck(layer) => layer.forward(x),
            Self::C2f(layer) => layer.forward(x),
            Self::C3(layer) => layer.forward(x),
            Self::C2psa(layer) => layer.forward(x),
            Self::A2c2f(layer) => layer.forward(x),
            Self::AreaPair(layer) => layer.forward(x),
            Self::Sppf(layer) => layer.forward(x),
            Self::ResNetLayer(layer) => layer.forward(x),
            Self::ResNet18(layer) => layer.forward(x),
            Self::Sequence(layers) => layers.iter().fold(x, |x, layer| layer.forward(x)),
            Self::Classify(_) => unreachable!("an arch has its Classify row last"),
        }
    }
}
