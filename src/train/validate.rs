//! How good a network is, between epochs.

use burn::tensor::Device;

use super::history::{Scores, to_five};
use crate::{
    arch::Arch,
    data::loader::Loader,
    error::Result,
    eval::{
        classes::Hits,
        classifier::images,
        metrics::{Metrics, Tally},
    },
    network::{
        Builder, Network,
        parameters::{from_weights, to_vec},
    },
    progress::Progress,
    weights::{Weights, fold_weights},
};

/// What a validation says.
pub struct Validated {
    /// How good the network is.
    pub scores: Scores,
    /// How many images of each class it named right: `[classes]`.
    pub hits: Vec<Hits>,
}

/// Measures the network of `weights`; nothing if it gives something that is not a number.
///
/// # Errors
/// If an image can't be read, or the user asks to stop.
pub fn validate(
    arch: &Arch,
    weights: &Weights,
    loader: &Loader,
    device: &Device,
    progress: &Progress<'_>,
) -> Result<Option<Validated>> {
    let folded = from_weights(&fold_weights(weights), device);
    let network = Network::new(arch, &Builder::with_values(&folded, 0, device));
    let mut tally = Tally::new(arch.classes);
    for batch in loader.epoch(0) {
        progress.check()?;
        let mut batch = batch?;
        let targets = std::mem::take(&mut batch.targets);
        let logits = to_vec(network.forward(images(batch, device)));
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(None);
        }
        tally.add_all(&logits, &targets);
    }
    let Metrics { top1, top5, loss, .. } = tally.metrics();
    let scores = Scores { top1: to_five(top1), top5: top5.map(to_five), loss };
    Ok(Some(Validated { scores, hits: tally.confusion().hits() }))
}
