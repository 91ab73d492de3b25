//! The network that an architecture describes.

use std::collections::BTreeMap;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    Arch, Builder,
    arch::Block,
    layers::{A2c2f, C2f, C2psa, C3k2, Classify, ConvBlock, ResNetLayer},
    parameters,
};

/// An image classifier: rows of layers, one after another.
#[derive(Module, Debug)]
pub struct Network {
    model: Vec<Layer>,
}

/// One row of an architecture.
#[derive(Module, Debug)]
enum Layer {
    Conv(ConvBlock),
    C2f(C2f),
    C3k2(C3k2),
    C2psa(C2psa),
    A2c2f(A2c2f),
    ResNetLayer(ResNetLayer),
    Classify(Classify),
    Sequence(Vec<ConvBlock>),
}

impl Network {
    /// The network of `arch`, its parameters from `builder`.
    pub fn new(arch: &Arch, builder: &Builder<'_>) -> Self {
        let builder = builder.at("model");
        let rows = arch.rows.iter().enumerate();
        Self { model: rows.map(|(i, row)| Layer::new(&row.block, &builder.at(i))).collect() }
    }

    /// Names and shapes of all parameters of `arch`'s network, running statistics included.
    pub fn shapes(arch: &Arch) -> BTreeMap<String, Vec<usize>> {
        let network = Self::new(arch, &Builder::blank(&Device::flex()));
        parameters(&network).into_iter().map(|(name, parameter)| (name, parameter.shape)).collect()
    }

    /// Logits `[batch, classes]` of images `[batch, 3, height, width]`.
    ///
    /// Trains (batch statistics) if the images lie on a device that records gradients.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_masked(images, None)
    }

    /// [`Network::forward`] with the head's features multiplied by `mask` `[batch, FEATURES]`: dropout.
    pub fn forward_masked(&self, images: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let (head, body) = self.model.split_last().expect("an arch ends in a head");
        let features = body.iter().fold(images, |x, layer| layer.forward(x));
        match head {
            Layer::Classify(head) => head.forward(features, mask),
            _ => unreachable!("an arch ends in a Classify row"),
        }
    }
}

impl Layer {
    fn new(block: &Block, b: &Builder<'_>) -> Self {
        match *block {
            Block::Conv { .. } => Self::Conv(conv(block, b)),
            Block::C2f { c1, c2, n, hidden, shortcut } => Self::C2f(C2f::new(b, c1, c2, n, hidden, shortcut)),
            Block::C3k2 { c1, c2, n, hidden, c3k, shortcut } => {
                Self::C3k2(C3k2::new(b, c1, c2, n, hidden, c3k, shortcut))
            }
            Block::C2psa { c, n, hidden, heads } => Self::C2psa(C2psa::new(b, c, n, hidden, heads)),
            Block::A2c2f { c1, c2, n, hidden, heads, area, mlp, residual } => {
                Self::A2c2f(A2c2f::new(b, [c1, c2, hidden, mlp], n, heads, area, residual))
            }
            Block::ResNetLayer { c1, c2, stride, first, n } => {
                Self::ResNetLayer(ResNetLayer::new(b, c1, c2, stride, first, n))
            }
            Block::Classify { c1, classes, kernel, stride } => {
                Self::Classify(Classify::new(b, c1, classes, kernel, stride))
            }
            Block::Sequence(ref blocks) => {
                Self::Sequence(blocks.iter().enumerate().map(|(i, block)| conv(block, &b.at(i))).collect())
            }
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Conv(layer) => layer.forward(x),
            Self::C2f(layer) => layer.forward(x),
            Self::C3k2(layer) => layer.forward(x),
            Self::C2psa(layer) => layer.forward(x),
            Self::A2c2f(layer) => layer.forward(x),
            Self::ResNetLayer(layer) => layer.forward(x),
            Self::Sequence(layers) => layers.iter().fold(x, |x, layer| layer.forward(x)),
            Self::Classify(_) => unreachable!("an arch has its Classify row last"),
        }
    }
}

fn conv(block: &Block, b: &Builder<'_>) -> ConvBlock {
    match *block {
        Block::Conv { c1, c2, kernel, stride, groups } => {
            ConvBlock::grouped(b, c1, c2, kernel, groups).stride(stride)
        }
        _ => unreachable!("only Conv rows repeat as a sequence"),
    }
}
