//! Forward and backward through a network whose parameters are one vector.
//!
//! An engine is one file; the device decides which one works.

mod autodiff;
#[cfg(feature = "libtorch")]
mod libtorch;

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::{Network, Parameters, Statistics};
#[cfg(feature = "libtorch")]
use crate::device;

/// What a batch says about a network.
pub struct Pass {
    /// Of the loss, as long as what is learnt.
    pub gradient: Tensor<1>,
    /// The running statistics after the batch, as long as those in the vector.
    pub statistics: Tensor<1>,
}

/// How much of a batch's statistics enters the running ones, PyTorch's default.
const MOMENTUM: f64 = 0.1;

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
    #[cfg(feature = "libtorch")]
    if device::is_libtorch(&parameters.values.device()) {
        return libtorch::pass(network, parameters, images, mask, loss);
    }
    autodiff::pass(network, parameters, images, mask, loss)
}

/// The running statistics of the layout's norms after a batch with these: 0.9 of the old, 0.1 of the new.
fn followed(parameters: &Parameters, seen: Vec<Statistics>) -> Tensor<1> {
    let old = parameters.range(parameters.layout.statistics());
    let parts = seen.into_iter().flat_map(|Statistics { norm, mean, variance }| {
        [(format!("{norm}.running_mean"), mean), (format!("{norm}.running_var"), variance)]
    });
    let parts: BTreeMap<String, Tensor<1>> = parts.collect();
    let slots = parameters.layout.slots_in(&parameters.layout.statistics()).iter();
    let new: Vec<Tensor<1>> = slots.map(|slot| parts[&slot.name].clone()).collect();
    if new.is_empty() {
        return old;
    }
    old.mul_scalar(1.0 - MOMENTUM) + Tensor::cat(new, 0).mul_scalar(MOMENTUM)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        arch::{Arch, Computation},
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
        let fresh = fresh_network(&[]);
        let parameters = &fresh.1;
        let after = to_vec(squared(&fresh).1.statistics);
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

    #[test]
    fn what_is_frozen_gets_no_gradient_and_moves_no_statistic() {
        let frozen = ["model.0.bn.weight", "model.0.bn.bias", "model.10.linear.weight"];
        let [whole, less] = [&[][..], &frozen].map(|frozen| squared(&fresh_network(frozen)).1);
        let missing = 16 + 16 + 1280 * 2;
        assert_eq!(less.gradient.dims()[0] + missing, whole.gradient.dims()[0]);
        assert_eq!(less.statistics.dims()[0] + 32, whole.statistics.dims()[0]);
    }
}
