//! ONNX files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod attributes;
mod constants;
mod nodes;
mod reshapes;
mod sizes;
mod windows;

use std::collections::BTreeSet;

use self::nodes::Nodes;
use super::proto::{Dimension, GraphProto, ModelProto, ValueInfoProto};
use crate::{
    error::{Error, Result},
    export::lowered::{BatchDimension, Lowered, TensorId},
};

/// The first version of ONNX's operations in which those that are read mean what they mean today.
const OLDEST_OPSET: i64 = 13;
/// Side of the largest images, in pixels.
const MOST_PIXELS: usize = 1 << 14;

/// The network in a file, for images of `size` pixels where it takes any.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(file: &ModelProto, size: Option<usize>) -> Result<Lowered> {
    let opset = file.opset_import.iter().find(|opset| opset.domain.is_empty());
    match (opset, &file.graph) {
        (Some(opset), Some(graph)) if opset.version >= OLDEST_OPSET => lowered(graph, size),
        (Some(opset), Some(_)) => {
            let version = opset.version;
            Err(Error::new(format!("its operations are of version {version}, older than {OLDEST_OPSET}")))
        }
        _ => Err(Error::new("it is no ONNX file")),
    }
}

fn lowered(graph: &GraphProto, size: Option<usize>) -> Result<Lowered> {
    let known: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut images = graph.input.iter().filter(|input| !known.contains(input.name.as_str()));
    let ([output], Some(images), None) = (graph.output.as_slice(), images.next(), images.next()) else {
        return Err(Error::new("it has more than one input or output"));
    };
    let (batch, channels, size) = square(images, size)?;
    let mut nodes = Nodes::new(Lowered::new(batch, channels, size));
    graph.initializer.iter().try_for_each(|tensor| nodes.constant(&tensor.name, tensor))?;
    nodes.name(&images.name, TensorId(0))?;
    graph.node.iter().try_for_each(|node| nodes.node(node))?;
    nodes.finish(&output.name)
}

/// Batch, channels and side of the images that an input takes; `size` is the side where it takes any.
fn square(input: &ValueInfoProto, size: Option<usize>) -> Result<(BatchDimension, usize, usize)> {
    let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.shape.as_ref());
    let sizes: Vec<Option<usize>> =
        shape.iter().flat_map(|shape| &shape.dim).map(|dim| known(dim.value.as_ref()?)).collect();
    match sizes[..] {
        [batch, Some(channels), height, width] if height == width && channels > 0 => {
            let side = width.or(size).filter(|side| (1..=MOST_PIXELS).contains(side));
            let side =
                side.ok_or_else(|| Error::new(format!("{} are images of no known size", input.name)))?;
            Ok((batch.map_or(BatchDimension::Any, BatchDimension::Fixed), channels, side))
        }
        _ => Err(Error::new(format!("{} are not square images of one size", input.name))),
    }
}

fn known(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Value(size) => usize::try_from(*size).ok(),
        Dimension::Param(_) => None,
    }
}

#[cfg(test)]
mod tests;
