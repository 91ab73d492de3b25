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
        metrics::{Accumulator, Metrics},
    },
    network::{
        Builder, Network, Parameters,
        parameters::{from_weights, to_vec, to_weights},
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
    arch: &Arch,
    parameters: &Parameters,
    loader: &Loader,
    device: &Device,
    progress: &Progress<'_>,
) -> Result<Option<Validated>> {
    let folded = from_weights(&fold_weights(&to_weights(parameters)), device);
    let network = Network::new(arch, &Builder::with_values(&folded, 0, device));
    let mut counted = Accumulator::new(arch.classes);
    for batch in loader.epoch(0) {
        progress.check()?;
        let mut batch = batch?;
        let targets = std::mem::take(&mut batch.targets);
        let logits = to_vec(network.forward(images(batch, device)));
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Ok(None);
        }
        counted.add_all(&logits, &targets);
    }
    let Metrics { top1, top5, loss, .. } = counted.metrics();
    let scores = Scores { top1: to_five(top1), top5: top5.map(to_five), loss };
    Ok(Some(Validated { scores, hits: counted.confusion().hits() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Split, loader::Mode},
        network::parameters::parameters,
        train::{Recipe, fit::tests::with_job},
    };

    #[test]
    fn a_network_that_gives_no_numbers_has_no_scores() {
        with_job(&Recipe::default(), Vec::new(), std::path::Path::new(""), 0, |job| {
            let mut parameters = parameters(&Network::new(job.arch, &Builder::fresh(0, job.device)));
            let loader = Loader::new(job.dataset, Split::Val, job.transforms, Mode::Eval, 3, 1);
            let measured =
                |parameters: &Parameters| validate(job.arch, parameters, &loader, job.device, &job.progress);
            let hits = measured(&parameters).unwrap().unwrap().hits;
            assert_eq!(hits.iter().map(|hits| hits.images).collect::<Vec<_>>(), [2, 2]);
            let one = parameters.values_mut().next().unwrap();
            one.values = one.values.clone().mul_scalar(f32::NAN);
            assert!(measured(&parameters).unwrap().is_none());
        });
    }
}
