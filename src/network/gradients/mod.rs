//! Forward and backward through a network whose parameters are one vector.
//!
//! An engine is one file; the device decides which one works.

mod autodiff;
mod cpu;
#[cfg(feature = "libtorch")]
mod libtorch;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::{Network, Parameters, Statistics};
#[cfg(feature = "libtorch")]
use crate::device;

/// What a batch says about a network.
pub struct Pass {
    /// Of the loss, as long as what is learnt.
    pub gradient: Tensor<1>,
    /// What the norms saw of the batch, which the running statistics follow and are as long as.
    pub statistics: Tensor<1>,
}

/// Sends images `[batch, 3, height, width]` forward, and the loss that `loss` makes of the logits `[batch, classes]`
/// backward. The head's features are multiplied by `mask` `[batch, FEATURES]`, if there is one.
///
/// Neither images nor mask record gradients; the logits do.
pub fn pass(
    network: &Network,
    parameters: &Parameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    if images.device() == Device::flex() {
        return cpu::pass(network, parameters, images, mask, loss);
    }
    #[cfg(feature = "libtorch")]
    if device::is_libtorch(&parameters.values.device()) {
        return libtorch::pass(network, parameters, images, mask, loss);
    }
    autodiff::pass(network, parameters, images, mask, loss)
}

/// What the layout's norms saw of a batch, as one vector.
fn joined(parameters: &Parameters, seen: Vec<Statistics>) -> Tensor<1> {
    let parts = seen.into_iter().flat_map(|Statistics { norm, mean, variance }| {
        [(format!("{norm}.running_mean"), mean), (format!("{norm}.running_var"), variance)]
    });
    let parts: BTreeMap<String, Tensor<1>> = parts.collect();
    let slots = parameters.layout.slots_in(&parameters.layout.statistics()).iter();
    let new: Vec<Tensor<1>> = slots.map(|slot| parts[&slot.name].clone()).collect();
    if new.is_empty() { parameters.range(0..0) } else { Tensor::cat(new, 0) }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use burn::tensor::TensorData;

    use super::*;
    use crate::{
        arch::{Arch, Computation, FEATURES},
        network::{
            layout::{Layout, Slot},
            parameters::to_vec,
            test_support,
        },
        weights::fresh,
    };

    fn fresh_network(frozen: &[&str]) -> (Network, Parameters) {
        let computation = Computation::of(&Arch::built_in("yolo11n-cls", 2).unwrap());
        let frozen: BTreeSet<String> = frozen.iter().map(ToString::to_string).collect();
        let layout = Arc::new(Layout::new(&computation.shapes(), frozen));
        let parameters = Parameters::from_weights(layout, &fresh(&computation, 0), &Device::flex());
        (Network::new(computation), parameters)
    }

    /// The logits of two images, and the pass of their squares' sum.
    fn squared((network, parameters): &(Network, Parameters)) -> (Vec<f32>, Pass) {
        // The last map has four pixels: of two values, a norm's gradient is nothing but rounding.
        let pixels = [test_support::pixels(64), vec![0.5; 3 * 64 * 64]].concat();
        let images = Tensor::from_data(TensorData::new(pixels, [2, 3, 64, 64]), &Device::flex());
        let mut seen = Vec::new();
        let pass = pass(network, parameters, images, None, |logits| {
            seen = to_vec(logits.clone().inner());
            logits.powi_scalar(2).sum()
        });
        (seen, pass)
    }

    #[test]
    fn gradients_lie_where_their_parameters_do() {
        let fresh = fresh_network(&[]);
        let (logits, Pass { gradient, .. }) = squared(&fresh);
        let layout = &fresh.1.layout;
        let bias = layout.slots().iter().find(|slot| slot.name == "model.10.linear.bias").unwrap();
        let given = to_vec(gradient.clone().slice(bias.range()));
        for (class, given) in given.iter().enumerate() {
            let slope = 2.0 * (logits[class] + logits[2 + class]);
            assert!((given - slope).abs() < 1e-5 * slope.abs().max(1.0), "{given} {slope}");
        }
        assert_eq!(gradient.dims(), [layout.learnt().end]);
        let gradient = to_vec(gradient);
        let idle = |slot: &&Slot| gradient[slot.range()].iter().all(|x| *x == 0.0);
        assert_eq!(layout.slots_in(&layout.learnt()).iter().filter(idle).count(), 0);
    }

    #[test]
    fn statistics_follow_the_batch() {
        let mut fresh = fresh_network(&[]);
        let seen = squared(&fresh).1.statistics;
        let parameters = &mut fresh.1;
        parameters.follow(seen);
        let after = to_vec(parameters.range(parameters.layout.statistics()));
        // Means start at 0 and variances at 1.
        let first = parameters.layout.statistics().start;
        for slot in parameters.layout.slots_in(&parameters.layout.statistics()) {
            let after = &after[slot.offset - first..][..slot.count()];
            match slot.name.ends_with("running_var") {
                true => assert!(after.iter().all(|x| *x > 0.9), "{}", slot.name),
                false => assert!(after.iter().any(|x| *x < 0.0) && after.iter().any(|x| *x > 0.0)),
            }
        }
    }

    /// Holds each parameter's numbers to others'. Where a ReLU or a maximum is nearly undecided, rounding decides: so
    /// it is their lengths that are compared.
    fn assert_close(slots: &[Slot], ours: &Tensor<1>, theirs: &Tensor<1>, arch: &str) {
        let [ours, theirs] = [ours, theirs].map(|vector| to_vec(vector.clone()));
        let length = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert_eq!(ours.len(), theirs.len(), "{arch}");
        for slot in slots {
            let range = slot.offset - slots[0].offset..slot.range().end - slots[0].offset;
            let off: Vec<f32> =
                ours[range.clone()].iter().zip(&theirs[range.clone()]).map(|(a, b)| a - b).collect();
            let limit = 1e-2 * length(&theirs[range]) + 1e-5 * length(&theirs);
            assert!(length(&off) <= limit, "{arch} {}: {} {limit}", slot.name, length(&off));
        }
    }

    #[test]
    fn the_cpus_own_pass_is_what_autodiff_makes_of_every_operation() {
        for arch in test_support::archs() {
            let computation = Computation::of(&arch);
            let names: Vec<String> = computation.shapes().into_keys().collect();
            // A row in the middle whose norms go by what they remember, and the first rows, behind which nothing is learnt.
            let frozen = names
                .into_iter()
                .filter(|name| ["model.0.", "model.3."].iter().any(|row| name.starts_with(row)));
            let frozen: BTreeSet<String> = frozen.filter(|name| !name.contains("running")).collect();
            let layout = Arc::new(Layout::new(&computation.shapes(), frozen));
            let parameters = Parameters::from_weights(layout, &test_support::weights(&arch), &Device::flex());
            let network = Network::new(computation);
            let dimmed =
                |i| test_support::pixels(64).into_iter().map(move |x| x * (1.0 - 0.2 * i as f32) + 0.1);
            let pixels: Vec<f32> = (0..3).flat_map(dimmed).collect();
            let mask: Vec<f32> = (0..3 * FEATURES).map(|i| if i % 3 == 0 { 0.0 } else { 1.5 }).collect();
            let [ours, theirs] = [true, false].map(|ours| {
                let images =
                    Tensor::from_data(TensorData::new(pixels.clone(), [3, 3, 64, 64]), &Device::flex());
                let mask = Tensor::from_data(TensorData::new(mask.clone(), [3, FEATURES]), &Device::flex());
                let loss = |logits: Tensor<2>| logits.powi_scalar(2).sum();
                match ours {
                    true => pass(&network, &parameters, images, Some(mask), loss),
                    false => autodiff::pass(&network, &parameters, images, Some(mask), loss),
                }
            });
            let slots = |range| parameters.layout.slots_in(&range);
            let [learnt, followed] = [parameters.layout.learnt(), parameters.layout.statistics()].map(slots);
            assert_close(learnt, &ours.gradient, &theirs.gradient, &arch.name);
            assert_close(followed, &ours.statistics, &theirs.statistics, &arch.name);
        }
    }

    #[test]
    fn what_is_frozen_gets_no_gradient_and_moves_no_statistic() {
        let frozen = ["model.0.bn.weight", "model.0.bn.bias", "model.10.linear.weight"];
        let [whole, less] = [&[][..], &frozen].map(|frozen| squared(&fresh_network(frozen)).1);
        let missing = 16 + 16 + 1280 * 2;
        assert_eq!(less.gradient.dims()[0] + missing, whole.gradient.dims()[0]);
        assert_eq!(less.statistics.dims()[0] + 32, whole.statistics.dims()[0]);
    }
}
