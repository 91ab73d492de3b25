//! OpenVINO's files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod constants;
mod data;
mod elements;
mod layers;
mod operators;
mod windows;
mod xml;

use self::{constants::Constants, layers::Layers};
use super::ir::{Layer, Net};
use crate::{
    error::{Error, Result},
    export::lowered::Lowered,
};

/// The network in a text and the numbers beside it.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(text: &str, numbers: &[u8]) -> Result<Lowered> {
    let net = xml::net(text)?;
    let (images, result) = (only(&net, "Parameter")?, only(&net, "Result")?);
    let others = net.layers.iter().filter(|layer| ![images.id, result.id].contains(&layer.id));
    let mut layers = Layers::new(&net, images, Constants::new(numbers))?;
    let mut others = others;
    others.try_for_each(|layer| layers.layer(layer))?;
    layers.finish(result)
}

/// The one layer of a kind.
fn only<'a>(net: &'a Net, kind: &str) -> Result<&'a Layer> {
    let mut found = net.layers.iter().filter(|layer| layer.kind == kind);
    match (found.next(), found.next()) {
        (Some(layer), None) => Ok(layer),
        _ => Err(Error::new("it has not one input and one output")),
    }
}

#[cfg(test)]
mod tests;
