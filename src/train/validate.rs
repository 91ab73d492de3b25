//! How good a network is, between epochs.

use burn::tensor::Device;

use super::history::{Scores, to_five};
use crate::{
    arch::Computation,
    data::loader::Loader,
    error::Result,
    eval::{
        classes::Hits,
        classifier::images,
        metrics::{Metrics, Tally},
    },
    network::{
        Mode, Network, Parameters,
        parameters::{from_weights, to_vec, to_weights, values},
    },
    progress::Progress,
    weights::fold_weights,
};

/// What a validation says.
pub struct Validated {
    /// How good the network is.
    pub scores: Scores,
    /// How many images of each class it named right: `[classes]`.
    pub hits: Vec<Hits>,
}

/// Measures the network of `parameters`; nothing if it gives something that is not a number.
///
/// # Errors
/// If an image can't be read, or the user asks to stop.
pub fn validate(
    computation: &Computation,
    parameters: &Parameters,
    loader: &Loader,
    device: &Device,
    progress: &Progress<'_>,
) -> Result<Option<Validated>> {
    let folded = values(&from_weights(&fold_weights(computation, &to_weights(parameters)), device));
    let network = Network::new(computation.folded());
    let mut tally = Tally::new(computation.classes());
    for batch in loader.epoch(0) {
        progress.check()?;
        let mut batch = batch?;
        let targets = std::mem::take(&mut batch.targets);
        let logits = to_vec(network.forward(&folded, images(batch, device), &Mode::Eval).logits);
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(None);
        }
        tally.add_all(&logits, &targets);
    }
    let Metrics { top1, top5, loss, .. } = tally.metrics();
    let scores = Scores { top1: to_five(top1), top5: top5.map(to_five), loss };
    Ok(Some(Validated { scores, hits: tally.confusion().hits() }))
}
