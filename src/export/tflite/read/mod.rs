//! LiteRT files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod arithmetic;
mod operator;
mod places;
mod reader;
mod tensors;
mod windows;

use self::{operator::Operator, reader::Reader, tensors::Tensors};
use super::{
    file::VERSION,
    schema::{model, subgraph},
};
use crate::{
    error::{Error, Result},
    export::{
        Layout,
        channels_last::{Restored, Seen},
        flatbuffer::Record,
        lowered::Lowered,
    },
};

/// The network in a file of so many bytes.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(file: Record<'_>, size: usize) -> Result<Lowered> {
    let version = file.number(model::VERSION, 0_u32)?;
    let graphs = file.list(model::SUBGRAPHS)?;
    if version != VERSION || graphs.len() != 1 {
        return Err(Error::new("it is of another version, or has more than one network"));
    }
    let (graph, codes) = (graphs.record(0)?, file.list(model::OPERATOR_CODES)?);
    let tensors = Tensors::of(graph, file, size)?;
    let [images, probabilities] = [subgraph::INPUTS, subgraph::OUTPUTS].map(|field| one(graph, field));
    let (images, probabilities) = (images?, probabilities?);
    let (restored, seen) = of_images(&tensors.shape(images)?)?;
    let mut reader = Reader::new(tensors, restored);
    reader.give(images, seen)?;
    for (place, operator) in graph.list(subgraph::OPERATORS)?.records().enumerate() {
        reader.operator(&Operator::of(place, operator?, codes)?)?;
    }
    reader.finish(probabilities)
}

/// The one tensor that the network takes, or gives.
fn one(graph: Record<'_>, field: usize) -> Result<i32> {
    match graph.numbers(field)?[..] {
        [tensor] => Ok(tensor),
        _ => Err(Error::new("it has more than one input or output")),
    }
}

/// An empty network for images of this shape, whose channels are first or last.
fn of_images(shape: &[usize]) -> Result<(Restored, Seen)> {
    let (first, layout) = match *shape {
        [batch, channels, height, width] if height == width => {
            ([batch, channels, height, width], Layout::ChannelsFirst)
        }
        [batch, height, width, channels] => ([batch, channels, height, width], Layout::ChannelsLast),
        _ => ([0; 4], Layout::ChannelsFirst),
    };
    let lowered = Lowered::of_images(&format!("its images, {shape:?},"), &first.map(Some))?;
    Ok(Restored::new(lowered, layout))
}

#[cfg(test)]
mod tests;
