//! What a training shows beside its numbers: curves, batches as the network saw them, events.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    data::{
        Dataset, Split,
        loader::{Loader, Mode},
        transform::{TrainOp, Transforms},
    },
    error::{Error, Result},
    eval::contact_sheet::{Tile, contact_sheet, save_png, tile},
    node::Context,
    train::{History, curves::curves_svg, tensorboard},
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
    write(cx, "curves.svg", curves_svg(history).as_bytes())
}

/// Writes the history as an event file for TensorBoard.
///
/// # Errors
/// If it can't be written.
pub(super) fn events(cx: &Context<'_>, history: &History) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    write(cx, tensorboard::FILE, &tensorboard::events(history, now))
}

/// Writes the first batches of the first epoch as the network saw them, but for normalization:
/// `train_batch0.png` and so on. They are made anew from the seed, so that a run which was resumed has
/// them, too.
///
/// # Errors
/// If an image can't be read or a picture can't be written.
pub(super) fn batches(
    cx: &Context<'_>,
    dataset: &Dataset,
    transforms: &Transforms,
    batch: usize,
) -> Result<()> {
    // Without normalization, which takes no random numbers, pixels are colours still.
    let mut transforms = transforms.clone();
    transforms.train.retain(|op| !matches!(op, TrainOp::Normalize(_)));
    let mode = Mode::Train { seed: cx.seed };
    let loader = Loader::new(dataset, Split::Train, &transforms, mode, batch, cx.threads);
    for (number, batch) in loader.epoch(0).take(BATCHES).enumerate() {
        cx.progress.check()?;
        let batch = batch?;
        let names = batch.targets.iter().map(|&class| dataset.index.classes[class].clone());
        let images = batch.images.chunks_exact(3 * batch.size * batch.size).take(IMAGES);
        let tiles: Vec<Tile> =
            images.zip(names).map(|(pixels, name)| tile(pixels, batch.size, name)).collect();
        save_png(&contact_sheet(&tiles), &cx.out.join(format!("train_batch{number}.png")))?;
    }
    Ok(())
}

fn write(cx: &Context<'_>, name: &str, bytes: &[u8]) -> Result<()> {
    let path = cx.out.join(name);
    fs::write(&path, bytes).map_err(|error| Error::io("write", &path, error))
}
