//! The first batches as the network saw them.

use super::{FitInput, subset::subset};
use crate::{
    data::{
        Batch, Split,
        loader::{Loader, Purpose},
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
pub fn preview(input: &FitInput<'_>, count: usize) -> Result<Vec<Batch>> {
    let dataset = subset(input.dataset, input.config.fraction);
    let mut transforms = input.transforms.clone();
    // Normalization takes no random numbers, so the other steps do what they did.
    transforms.train.retain(|op| !matches!(op, TrainOp::Normalize(_)));
    let purpose = Purpose::Train { seed: input.seed };
    let loader = Loader::new(&dataset, Split::Train, &transforms, purpose, input.batch, input.threads);
    let mixed = |(number, batch): (u64, Result<Batch>)| {
        input.progress.check()?;
        let mut batch = batch?;
        input.config.mix().apply(
            &mut batch,
            input.arch.classes,
            &mut Random::new("mix", &[input.seed, 0, number]),
        );
        Ok(batch)
    };
    (0..).zip(loader.epoch(0).take(count)).map(mixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::transform::{Normalize, Squash},
        train::{TrainConfig, fit::tests::with_input},
    };

    #[test]
    fn batches_are_shown_mixed_as_in_training_but_not_normalized() {
        let config = TrainConfig { mixup: 1.0, mixup_alpha: Some(1.0), ..TrainConfig::default() };
        let squash = || TrainOp::Squash(Squash::default());
        let normalize = TrainOp::Normalize(Normalize { mean: [2.0; 3], ..Normalize::default() });
        let scratch = tempfile::tempdir().unwrap();
        let shown = |train, count| {
            with_input(&config, train, scratch.path(), 0, |input| preview(input, count).unwrap())
        };
        let batches = shown(vec![squash(), normalize], 9);
        assert_eq!(batches.len(), 2);
        assert!(batches == shown(vec![squash()], 9) && batches[..1] == shown(vec![squash()], 1));
        let plain = TrainConfig { mixup: 0.0, ..config.clone() };
        let plain = with_input(&plain, vec![squash()], scratch.path(), 0, |input| preview(input, 9).unwrap());
        for (number, (shown, mut batch)) in (0..).zip(batches.into_iter().zip(plain)) {
            assert!(shown != batch);
            config.mix().apply(&mut batch, 2, &mut Random::new("mix", &[3, 0, number]));
            assert!(shown == batch, "{number}");
        }
    }
}
