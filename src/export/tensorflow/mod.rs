//! TensorFlow's graphs, which SavedModels, frozen graphs and TensorFlow.js have in common.
//!
//! A [`Graph`] is what all three say, each in its own encoding; maps have their channels last in it.

mod arrangements;
mod attribute;
mod builder;
mod encoding;
mod graph;
mod nodes;
mod proto;
mod read;
mod ungrouped;
mod windows;

pub(super) use self::{
    attribute::{Attribute, Tensor, Type, Word},
    graph::{Graph, Node},
    proto::{GraphProto, ShapeProto},
    read::network,
};
use super::{
    Layout, Model, Options,
    channels_last::ChannelsLast,
    interface::{IMAGES, PROBABILITIES},
    lowered::{INPUT, Lowered},
};
use crate::error::Result;

/// The producer of graphs whose operations mean what they mean here.
pub(super) const PRODUCER: i32 = 1882;

/// The same model, for images with their channels last: the convolutions of TensorFlow on CPUs know no others.
pub(super) fn channels_last<'a>(model: &Model<'a>) -> Model<'a> {
    Model { options: Options { layout: Layout::ChannelsLast, ..model.options }, ..*model }
}

/// The graph of a network.
///
/// # Errors
/// If an operator can't take its tensors, which a network that was lowered does not have.
pub(super) fn graph(network: Lowered) -> Result<Graph> {
    let network = ungrouped::ungrouped(network)?;
    Ok(nodes::graph(&ChannelsLast::of(network, Layout::ChannelsLast)))
}

/// What a caller gives and gets: the names of the nodes, and sizes with that of the batch, which is -1 for any.
pub(super) fn ends(network: &Lowered) -> [(&'static str, Vec<i64>); 2] {
    let mut images = network.dims(INPUT);
    images[1..].rotate_left(1);
    [(IMAGES, images), (PROBABILITIES, network.dims(network.probabilities))]
}

#[cfg(test)]
mod tests;
