//! ONNX files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod attributes;
mod constants;
mod nodes;
mod windows;

use self::{constants::Constants, nodes::Nodes};
use super::proto::{Dimension, GraphProto, ModelProto, ValueInfoProto};
use crate::{
    error::{Error, Result},
    export::lowered::{BatchDimension, Lowered, TensorId},
};

/// The first version of ONNX's operations in which those that are read mean what they mean today.
const OLDEST_OPSET: i64 = 13;
/// Side of the largest images, in pixels.
const MOST_PIXELS: usize = 1 << 14;

/// The network in a file.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(file: &ModelProto) -> Result<Lowered> {
    let opset = file.opset_import.iter().find(|opset| opset.domain.is_empty());
    match (opset, &file.graph) {
        (Some(opset), Some(graph)) if opset.version >= OLDEST_OPSET => lowered(graph),
        (Some(opset), Some(_)) => {
            let version = opset.version;
            Err(Error::new(format!("its operations are of version {version}, older than {OLDEST_OPSET}")))
        }
        _ => Err(Error::new("it is no ONNX file")),
    }
}

fn lowered(graph: &GraphProto) -> Result<Lowered> {
    let constants = Constants::of(&graph.initializer)?;
    let mut images = graph.input.iter().filter(|input| !constants.has(&input.name));
    let ([output], Some(images), None) = (graph.output.as_slice(), images.next(), images.next()) else {
        return Err(Error::new("it has more than one input or output"));
    };
    let (batch, channels, size) = square(images)?;
    let mut nodes = Nodes::new(Lowered::new(batch, channels, size), constants);
    nodes.name(&images.name, TensorId(0))?;
    graph.node.iter().try_for_each(|node| nodes.node(node))?;
    nodes.finish(&output.name)
}

/// Batch, channels and side of the images that an input takes.
fn square(input: &ValueInfoProto) -> Result<(BatchDimension, usize, usize)> {
    let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.shape.as_ref());
    let sizes: Vec<Option<usize>> =
        shape.iter().flat_map(|shape| &shape.dim).map(|dim| known(dim.value.as_ref()?)).collect();
    match sizes[..] {
        [batch, Some(channels), Some(height), Some(width)]
            if height == width && (1..=MOST_PIXELS).contains(&width) && channels > 0 =>
        {
            Ok((batch.map_or(BatchDimension::Any, BatchDimension::Fixed), channels, width))
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
