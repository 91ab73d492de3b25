//! How good a network is, between epochs.

use burn::tensor::Device;

use super::history::{Scores, to_five};
use crate::{
    arch::Computation,
    data::loader::Loader,
    error::Result,
    eval::{
        classes::Hits,
        metrics::{Accumulator, Metrics},
    },
    network::Inference,
    progress::Progress,
    weights::{Weights, fold_weights},
};

/// What a validation says.
pub(super) struct Validated {
    /// How good the network is.
    pub scores: Scores,
    /// How many images of each class it named right: `[classes]`.
    pub hits: Vec<Hits>,
}

/// Measures the network of `weights`; nothing if it gives something that is not a number.
///
/// # Errors
/// If an image can't be read, or the user asks to stop.
pub(super) fn validate(
    computation: &Computation,
    weights: &Weights,
    loader: &Loader,
    device: &Device,
    progress: &Progress<'_>,
) -> Result<Option<Validated>> {
    let network = Inference::new(computation.folded(), &fold_weights(computation, weights), device);
    let mut counted = Accumulator::new(computation.classes());
    for batch in loader.epoch(0) {
        progress.check()?;
        let batch = batch?;
        let logits = network.logits(&batch.images, batch.size);
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(None);
        }
        counted.add_all(&logits, &batch.targets);
    }
    let Metrics { top1, top5, loss, .. } = counted.metrics();
    let scores = Scores { top1: to_five(top1), top5: top5.map(to_five), loss };
    Ok(Some(Validated { scores, hits: counted.confusion().hits() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Split, loader},
        train::{TrainConfig, fit::tests::with_input},
        weights::fresh,
    };

    #[test]
    fn a_network_that_gives_no_numbers_has_no_scores() {
        with_input(&TrainConfig::default(), Vec::new(), std::path::Path::new(""), 0, |input| {
            let computation = Computation::of(input.arch);
            let mut weights = fresh(&computation, 0);
            let loader =
                Loader::new(input.dataset, Split::Val, input.transforms, loader::Purpose::Eval, 3, 1);
            let measured =
                |weights: &Weights| validate(&computation, weights, &loader, input.device, &input.progress);
            let hits = measured(&weights).unwrap().unwrap().hits;
            assert_eq!(hits.iter().map(|hits| hits.images).collect::<Vec<_>>(), [2, 2]);
            weights.values_mut().next().unwrap().data[0] = f32::NAN;
            assert!(measured(&weights).unwrap().is_none());
        });
    }
}
