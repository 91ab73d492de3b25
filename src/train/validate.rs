//! How good a network is, between epochs.

use burn::tensor::Device;

use super::history::{Scores, to_five};
use crate::{
    data::loader::Loader,
    error::Result,
    eval::{classifier::images, metrics, metrics::Tally},
    progress::Progress,
    zoo::{
        Arch, Builder, Network, Parameters, fold_weights,
        parameters::{from_weights, to_vec, to_weights},
    },
};

/// Scores of the network of `parameters`; nothing if it gives something that is not a number.
///
/// # Errors
/// If an image can't be read, or the user asks to stop.
pub fn validate(
    arch: &Arch,
    parameters: &Parameters,
    loader: &Loader,
    device: &Device,
    progress: &Progress<'_>,
) -> Result<Option<Scores>> {
    let folded = from_weights(&fold_weights(&to_weights(parameters)), device);
    let network = Network::new(arch, &Builder::with_values(&folded, 0, device));
    let mut tally = Tally::new(arch.classes);
    let mut losses = 0.0;
    for batch in loader.epoch(0) {
        progress.check()?;
        let mut batch = batch?;
        let targets = std::mem::take(&mut batch.targets);
        let logits = to_vec(network.forward(images(batch, device)));
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(None);
        }
        tally.add_all(&logits, &targets);
        losses += mean_loss(&logits, &targets);
    }
    let (top1, top5) = (to_five(tally.top(1)), to_five(tally.top(5)));
    Ok(Some(Scores { top1, top5, loss: losses / loader.batches() as f64 }))
}

fn mean_loss(logits: &[f32], targets: &[usize]) -> f64 {
    let rows = logits.chunks_exact(logits.len() / targets.len());
    let sum: f64 = rows.zip(targets).map(|(row, &target)| metrics::cross_entropy(row, target)).sum();
    sum / targets.len() as f64
}
