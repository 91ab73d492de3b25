//! The network that an architecture describes.

use std::collections::BTreeMap;

use burn::{module::Module, tensor::Tensor};

use super::{Arch, Builder, layers::Layer, shapes};

/// An image classifier: rows of layers, one after another.
#[derive(Module, Debug)]
pub struct Network {
    model: Vec<Layer>,
}

impl Network {
    /// The network of `arch`, its parameters from `builder`.
    pub fn new(arch: &Arch, builder: &Builder<'_>) -> Self {
        let builder = builder.at("model").activated(arch.activation);
        let rows = arch.rows.iter().enumerate();
        Self { model: rows.map(|(i, row)| Layer::new(&row.block, &builder.at(i))).collect() }
    }

    /// Names and shapes of all parameters of `arch`'s network, running statistics included.
    pub fn shapes(arch: &Arch) -> BTreeMap<String, Vec<usize>> {
        shapes::shapes(arch)
    }

    /// The same after every norm was folded into the convolution before it ([`super::fold_weights`]).
    pub fn folded_shapes(arch: &Arch) -> BTreeMap<String, Vec<usize>> {
        shapes::folded(arch)
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
