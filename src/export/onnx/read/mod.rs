//! ONNX files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod attributes;
mod constants;
mod nodes;
mod order;
mod reshapes;
mod sizes;
mod unprepared;
mod windows;

use std::collections::BTreeSet;

use self::{nodes::Nodes, order::ordered, unprepared::unprepared};
use super::proto::{Dimension, GraphProto, ModelProto, ValueInfoProto};
use crate::{
    error::{Error, Result},
    export::{
        Told,
        lowered::{INPUT, Lowered},
    },
};

/// The first version of ONNX's operations in which those that are read mean what they mean today.
const OLDEST_OPSET: i64 = 13;

/// The network in a file; `told` is what the file says of it.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(file: ModelProto, told: &Told) -> Result<Lowered> {
    let opset = file.opset_import.iter().find(|opset| opset.domain.is_empty());
    match (opset, file.graph) {
        (Some(opset), Some(graph)) if opset.version >= OLDEST_OPSET => {
            lowered(&unprepared(graph, told)?, told.size())
        }
        (Some(opset), Some(_)) => {
            let version = opset.version;
            Err(Error::new(format!("its operations are of version {version}, older than {OLDEST_OPSET}")))
        }
        _ => Err(Error::new("it is no ONNX file")),
    }
}

/// The network of a graph, for images of `size` pixels where it takes any.
fn lowered(graph: &GraphProto, size: Option<usize>) -> Result<Lowered> {
    let known: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut images = graph.input.iter().filter(|input| !known.contains(input.name.as_str()));
    let ([output], Some(images), None) = (graph.output.as_slice(), images.next(), images.next()) else {
        return Err(Error::new("it has more than one input or output"));
    };
    let mut nodes = Nodes::new(Lowered::of_images(&images.name, &sizes(images, size))?);
    graph.initializer.iter().try_for_each(|tensor| nodes.constant(&tensor.name, tensor))?;
    nodes.tensors.name(&images.name, INPUT)?;
    ordered(&graph.node, &images.name)?.into_iter().try_for_each(|node| nodes.node(node))?;
    nodes.finish(&output.name)
}

/// The sizes of what an input takes, as far as they are known; `size` is the side where it takes any.
fn sizes(input: &ValueInfoProto, size: Option<usize>) -> Vec<Option<usize>> {
    let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.shape.as_ref());
    let dims = shape.iter().flat_map(|shape| &shape.dim).enumerate();
    // Height and width.
    dims.map(|(axis, dim)| known(dim.value.as_ref()?).or(size.filter(|_| axis >= 2))).collect()
}

fn known(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Value(size) => usize::try_from(*size).ok(),
        Dimension::Param(_) => None,
    }
}

#[cfg(test)]
mod tests;
