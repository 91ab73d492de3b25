//! The first batches as the network saw them.

use super::{Job, fraction::fraction};
use crate::{
    data::{
        Batch, Split,
        loader::{Loader, Mode},
        transform::TrainOp,
    },
    error::Result,
    random::Random,
};

/// The first `count` batches of the first epoch, augmented and mixed, but not normalized: their values are
/// colours from 0 to 1. Their `targets` are the images' own classes.
///
/// They are made anew from the seed, so that a run which was resumed has them, too.
///
/// # Errors
/// If an image can't be read, or the user asks to stop.
pub fn preview(job: &Job<'_>, count: usize) -> Result<Vec<Batch>> {
    let dataset = fraction(job.dataset, job.recipe.fraction);
    let mut transforms = job.transforms.clone();
    // Normalization takes no random numbers, so the other steps do what they did.
    transforms.train.retain(|op| !matches!(op, TrainOp::Normalize(_)));
    let mode = Mode::Train { seed: job.seed };
    let loader = Loader::new(&dataset, Split::Train, &transforms, mode, job.recipe.batch, job.threads);
    let mixed = |(number, batch): (u64, Result<Batch>)| {
        job.progress.check()?;
        let mut batch = batch?;
        job.recipe.mix.apply(&mut batch, job.arch.classes, &mut Random::new("mix", &[job.seed, 0, number]));
        Ok(batch)
    };
    (0..).zip(loader.epoch(0).take(count)).map(mixed).collect()
}
