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
    export::lowered::{INPUT, Lowered},
};

/// The first version of ONNX's operations in which those that are read mean what they mean today.
const OLDEST_OPSET: i64 = 13;

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
    let mut nodes = Nodes::new(Lowered::of_images(&images.name, &sizes(images))?, constants);
    nodes.tensors.name(&images.name, INPUT)?;
    graph.node.iter().try_for_each(|node| nodes.node(node))?;
    nodes.finish(&output.name)
}

/// The sizes of what an input takes, as far as they are known.
fn sizes(input: &ValueInfoProto) -> Vec<Option<usize>> {
    let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.shape.as_ref());
    shape.iter().flat_map(|shape| &shape.dim).map(|dim| known(dim.value.as_ref()?)).collect()
}

fn known(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Value(size) => usize::try_from(*size).ok(),
        Dimension::Param(_) => None,
    }
}

#[cfg(test)]
mod tests;
