//! Which class a model gives to images: what `type: predict` does.

use std::path::{Path, PathBuf};

use super::{Classifier, journal::Journal, predictions::Prediction};
use crate::{
    data::{
        Batch,
        image_list::{FileBatch, ImageList},
    },
    error::Result,
    paths,
    progress::Progress,
};

/// An image file to classify.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageFile {
    /// What its prediction calls it: relative to what it was found in, as [`crate::paths`] writes it, or a URL.
    pub name: String,
    /// Where the file lies.
    pub path: PathBuf,
}

/// How images are classified. Only `top` changes the result.
#[derive(Debug, Clone, Copy)]
pub struct PredictOptions {
    /// How many classes to list for each image, likeliest first; more than the model has means all.
    pub top: usize,
    /// How many images go through the network at once.
    pub batch: usize,
    /// How many threads decode the images.
    pub threads: usize,
}

/// What the model says about each of `entries`, or why that one can't be read. Predictions are kept in `journal` as
/// they are made, and those that an earlier try left there are taken up.
///
/// # Errors
/// If the network gives numbers that are not finite, the journal can't be written, or the user asks to stop.
pub fn predict(
    model: &Classifier,
    entries: &[ImageFile],
    options: &PredictOptions,
    journal: &mut Journal,
    progress: &Progress<'_>,
) -> Result<Vec<Result<Prediction>>> {
    let mut outcomes: Vec<Option<Result<Prediction>>> =
        entries.iter().map(|entry| journal.known(&entry.name).map(Ok)).collect();
    let open: Vec<usize> = (0..entries.len()).filter(|place| outcomes[*place].is_none()).collect();
    let paths = open.iter().map(|place| entries[*place].path.clone()).collect();
    let mut done = entries.len() - open.len();
    for part in ImageList::new(paths, &model.eval, model.size, options.batch, options.threads) {
        progress.check()?;
        let FileBatch { batch, failed } = part;
        done += failed.len() + batch.len();
        for (i, error) in failed {
            outcomes[open[i]] = Some(Err(error));
        }
        let places: Vec<usize> = batch.indices.iter().map(|i| open[*i]).collect();
        let names = places.iter().map(|place| entries[*place].name.as_str());
        let predictions = of_batch(model, batch, names, options.top)?;
        journal.keep(&predictions)?;
        for (place, prediction) in places.into_iter().zip(predictions) {
            outcomes[place] = Some(Ok(prediction));
        }
        progress.step("predict", done, entries.len(), "images");
    }
    Ok(outcomes.into_iter().flatten().collect())
}

/// What the model says about the image at `path`, with all classes ranked.
///
/// # Errors
/// If it can't be read or made ready, or the network gives numbers that are not finite.
pub fn predict_one(model: &Classifier, path: &Path) -> Result<Prediction> {
    let mut files = ImageList::new(vec![path.to_owned()], &model.eval, model.size, 1, 1);
    let FileBatch { batch, failed } = files.next().expect("a batch with the file, or with why there is none");
    if let Some((_, error)) = failed.into_iter().next() {
        return Err(error);
    }
    Prediction::new(paths::to_text(path), &model.logits(&batch), &model.names, usize::MAX)
}

/// What the model says about the images of a batch, which are called `names`.
fn of_batch<'n>(
    model: &Classifier,
    batch: Batch,
    names: impl Iterator<Item = &'n str>,
    top: usize,
) -> Result<Vec<Prediction>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let logits = model.logits(&batch);
    let rows = logits.chunks_exact(model.names.len());
    rows.zip(names).map(|(row, name)| Prediction::new(name, row, &model.names, top)).collect()
}
