//! Gradients by burn's autodiff, on any device: for those that have no engine of their own, and for tests, which hold the
//! CPU's to it.

use burn::tensor::Tensor;

use super::{Pass, joined};
use crate::network::{Mode, Network, Parameters, layout::Slot};

/// [`super::pass`], every operation of which burn records.
pub(super) fn pass(
    network: &Network,
    parameters: &Parameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    let (leaves, mask) = (parameters.leaves(), mask.map(Tensor::from_inner));
    let mode = Mode::Train { mask: mask.as_ref(), frozen: parameters.layout.frozen() };
    let output = network.forward(&leaves, Tensor::from_inner(images), &mode);
    let statistics = joined(parameters, output.statistics);
    let gradients = loss(output.logits).backward();
    let learnt = parameters.layout.slots_in(&parameters.layout.learnt()).iter();
    let of_leaf =
        |slot: &Slot| leaves[&slot.name].grad(&gradients).expect("the loss depends on all parameters");
    Pass { gradient: Tensor::cat(learnt.map(of_leaf).collect(), 0), statistics }
}
