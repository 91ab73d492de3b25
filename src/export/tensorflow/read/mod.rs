//! TensorFlow's graphs as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod arrangements;
mod attributes;
mod constants;
mod nodes;
mod operators;
mod values;
mod windows;

use self::nodes::Nodes;
use super::{Attribute, Graph, PROBABILITIES};
use crate::{
    error::{Error, Result},
    export::{Layout, channels_last::Restored, lowered::Lowered},
};

/// The network that a graph is.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(in crate::export) fn network(graph: Graph) -> Result<Lowered> {
    let (name, sizes) = images(&graph).ok_or_else(|| Error::new("it takes no images"))?;
    let mut sizes: Vec<Option<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
    if let [_, map @ ..] = &mut sizes[..] {
        map.rotate_right(usize::from(!map.is_empty()));
    }
    let (restored, images) = Restored::new(Lowered::of_images(name, &sizes)?, Layout::ChannelsLast);
    let mut nodes = Nodes::new(restored, name, images);
    graph.nodes.into_iter().try_for_each(|node| nodes.node(node))?;
    nodes.finish(PROBABILITIES)
}

/// What the images of a graph are called, and their sizes: batch, height, width and channels; -1 where a run decides.
fn images(graph: &Graph) -> Option<(&str, &[i64])> {
    let images = graph.nodes.iter().find(|node| node.op == "Placeholder")?;
    match images.attributes.get("shape")? {
        Attribute::Shape(sizes) => Some((&images.name, sizes)),
        _ => None,
    }
}
