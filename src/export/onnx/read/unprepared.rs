//! Files that prepare images themselves, without what prepares them: Kiln does that on its own.

use crate::{
    error::{Error, Result},
    export::{
        Told,
        lowered::BatchDimension,
        onnx::{
            IMAGES,
            graph::{FLOAT, Graph, UINT8, value},
            preprocessing::prepare,
            proto::{Dimension, GraphProto, ValueInfoProto},
        },
    },
};

/// The graph for images that were prepared. Where it takes pixels, it begins with the nodes that Kiln writes for the
/// chain that the file tells.
///
/// # Errors
/// If it begins with others.
pub(super) fn unprepared(mut graph: GraphProto, told: &Told) -> Result<GraphProto> {
    let Some(batch) = graph.input.iter().find_map(batch_of_pixels) else { return Ok(graph) };
    let (Some(steps), Some(size)) = (told.eval(), told.size()) else {
        return Err(Error::new("it takes pixels, and does not tell how they are prepared"));
    };
    let mut own = Graph::default();
    let images = prepare(&mut own, IMAGES, &steps, size)?;
    let (nodes, constants) = own.parts();
    if !graph.node.starts_with(nodes) || !graph.initializer.starts_with(constants) {
        return Err(Error::new("it prepares images in another way than it tells"));
    }
    graph.node.drain(..nodes.len());
    // Sizes may be those of the network, too.
    graph.initializer.retain(|constant| constant.data_type != FLOAT || !constants.contains(constant));
    graph.input = vec![value(&images, batch, &[3, size, size])];
    Ok(graph)
}

/// How many images an input of pixels takes at once; none if it is no such input.
fn batch_of_pixels(input: &ValueInfoProto) -> Option<BatchDimension> {
    let tensor = input.r#type.as_ref()?.tensor_type.as_ref().filter(|tensor| tensor.elem_type == UINT8)?;
    match tensor.shape.as_ref()?.dim.first()?.value.as_ref()? {
        Dimension::Value(images) => usize::try_from(*images).ok().map(BatchDimension::Fixed),
        Dimension::Param(_) => Some(BatchDimension::Any),
    }
}
