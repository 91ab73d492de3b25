//! ncnn's files as plain operators again: the writer backwards.
//!
//! Whatever is not known is refused by its name, never passed over, since the reading is the proof of what was written.

mod layers;
mod line;
mod operators;
mod weights;
mod windows;

use self::{layers::Layers, line::Line, weights::Weights};
use super::param::MAGIC;
use crate::{
    arch::computation::COLORS,
    error::{Error, Result},
    export::{
        Told,
        lowered::{INPUT, Lowered},
    },
};

/// The network in a text of layers and the weights beside it. The sizes of the images are what the text says, or else
/// what is `told` of the model.
///
/// # Errors
/// If it does anything that plain operators can't.
pub(super) fn network(text: &str, weights: &[u8], told: &Told) -> Result<Lowered> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines.next() != Some(MAGIC) {
        return Err(Error::new(format!("it does not begin with {MAGIC}, as ncnn's text does")));
    }
    // Behind the numbers of layers and blobs, which the rest of the text says as well.
    let input = Line::parse(lines.nth(1).unwrap_or_default())?;
    let ("Input", [], [name]) = (input.kind, &input.inputs[..], &input.outputs[..]) else {
        return Err(Error::new("its first layer is not an input"));
    };
    let mut layers = Layers::new(images(&input, name, told)?, Weights::new(weights));
    layers.tensors.name(name, INPUT)?;
    lines.try_for_each(|line| layers.layer(&Line::parse(line)?))?;
    layers.finish()
}

/// What takes images of the size that the input says, or else the model's metadata.
fn images(input: &Line<'_>, name: &str, told: &Told) -> Result<Lowered> {
    let [channels, height, width] = [2, 1, 0].map(|number| input.size(number, 0));
    let sizes = [channels?, height?, width?];
    input.finish()?;
    let sizes = if sizes == [0; 3] { told_sizes(told) } else { sizes.map(Some) };
    Lowered::of_images(name, &[&[Some(1)], &sizes[..]].concat())
}

/// Channels, height and width of the images, as the model's metadata tell; older ones do not tell the channels.
fn told_sizes(told: &Told) -> [Option<usize>; 3] {
    let [channels, height, width] = told.image_sizes();
    let channels = if told.0.contains_key("channels") { channels } else { Some(COLORS) };
    [channels, height, width]
}

#[cfg(test)]
mod tests;
