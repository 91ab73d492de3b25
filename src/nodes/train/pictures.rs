//! What a training shows beside its numbers: curves, batches as the network saw them, events.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    error::Result,
    node::Context,
    plot::{
        contact_sheet::{Tile, contact_sheet, tile},
        png::png,
    },
    train::{FitInput, History, curves::curves_svg, preview, tensorboard},
};

/// How many batches are shown.
const BATCHES: usize = 3;
/// How many images of each at most.
const IMAGES: usize = 16;

/// Writes `curves.svg`.
///
/// # Errors
/// If it can't be written.
pub(super) fn curves(cx: &Context<'_>, history: &History) -> Result<()> {
    cx.write("curves.svg", curves_svg(history))
}

/// Writes the history as an event file for TensorBoard.
///
/// # Errors
/// If it can't be written.
pub(super) fn events(cx: &Context<'_>, history: &History) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    cx.write(tensorboard::FILE, tensorboard::events(history, now))
}

/// Writes the first batches of the first epoch as the network saw them: `train_batch0.png` and so on.
///
/// # Errors
/// If an image can't be read or a picture can't be written.
pub(super) fn batches(cx: &Context<'_>, input: &FitInput<'_>) -> Result<()> {
    for (number, batch) in preview(input, BATCHES)?.into_iter().enumerate() {
        let names = batch.targets.iter().map(|&class| input.dataset.index.classes[class].clone());
        let images = batch.images.chunks_exact(3 * batch.size * batch.size).take(IMAGES);
        let tiles: Vec<Tile> =
            images.zip(names).map(|(pixels, name)| tile(pixels, batch.size, name)).collect();
        cx.write(&format!("train_batch{number}.png"), png(&contact_sheet(&tiles))?)?;
    }
    Ok(())
}
