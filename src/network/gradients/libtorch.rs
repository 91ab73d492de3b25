//! Gradients by LibTorch's own autograd, on its devices.
//!
//! The forward pass is that of every device. All that is learnt is one leaf, cut into the parameters, so that its
//! gradient is the vector that is wanted. The loss is about a few numbers an image: burn records it, and LibTorch goes
//! on from its slope.
#![expect(deprecated, reason = "burn 0.22 deprecates burn-tch, which the project is asked to use")]

use burn::{
    backend::{LibTorch, tensor::FloatTensor},
    tensor::Tensor,
};

use super::{Pass, followed};
use crate::network::{
    Mode, Network, Output, Parameters, Values, kernels::libtorch::channels_last, layout::Slot,
};

/// A tensor of the backend.
type Array = FloatTensor<LibTorch>;

/// [`super::pass`] on one of LibTorch's devices.
pub(super) fn pass(
    network: &Network,
    parameters: &Parameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    let leaf = leaf(parameters);
    let images = Array::new(channels_last(&array(images).tensor));
    let mode = Mode::Train { mask: mask.as_ref(), frozen: parameters.layout.frozen() };
    let values = values(parameters, &leaf);
    let Output { logits, statistics } =
        network.forward(&values, Tensor::from_primitive::<LibTorch>(images), &mode);
    let logits = array(logits).tensor;
    let slope = slope(logits.detach(), loss);
    let gradient = backward(&logits, &slope, &leaf);
    Pass { gradient, statistics: followed(parameters, statistics) }
}

/// All that is learnt.
fn leaf(parameters: &Parameters) -> tch::Tensor {
    let learnt = parameters.layout.learnt();
    let values = array(parameters.values.clone()).tensor;
    values.narrow(0, learnt.start as i64, learnt.len() as i64).detach().set_requires_grad(true)
}

/// The parameters by name: parts of `leaf` where they are learnt.
fn values(parameters: &Parameters, leaf: &tch::Tensor) -> Values {
    let whole = array(parameters.values.clone());
    let (learnt, all) = (parameters.layout.learnt(), 0..parameters.layout.count());
    let learnt_slots = parameters.layout.slots_in(&learnt);
    let sizes: Vec<i64> = learnt_slots.iter().map(|slot| slot.count() as i64).collect();
    let others = parameters.layout.slots_in(&(learnt.end..all.end));
    let part = |slot: &Slot| whole.tensor.narrow(0, slot.offset as i64, slot.count() as i64);
    let parts = leaf.split_with_sizes(sizes, 0).into_iter().chain(others.iter().map(part));
    // They share the vector's memory, which nobody may write to.
    let parts = parts.map(|part| Array::partial(part, whole.storage.clone()));
    let parts = parts.map(Tensor::from_primitive::<LibTorch>);
    parameters.layout.slots().iter().map(|slot| slot.name.clone()).zip(parts).collect()
}

/// How the loss changes with the logits: `[batch, classes]`.
fn slope(logits: tch::Tensor, loss: impl FnOnce(Tensor<2>) -> Tensor<1>) -> tch::Tensor {
    let logits = Tensor::from_primitive::<LibTorch>(Array::new(logits));
    let logits = Tensor::from_inner(logits).require_grad();
    let gradients = loss(logits.clone()).backward();
    array(logits.grad(&gradients).expect("the loss depends on the logits")).tensor
}

/// The gradient of what `leaf` holds, given that of the logits.
fn backward(logits: &tch::Tensor, slope: &tch::Tensor, leaf: &tch::Tensor) -> Tensor<1> {
    // The slope of this sum at the logits is the loss's.
    let sum = (logits * slope).sum(tch::Kind::Float);
    let mut gradients = tch::Tensor::run_backward(&[sum], &[leaf], false, false);
    Tensor::from_primitive::<LibTorch>(Array::new(gradients.remove(0)))
}

/// The tensor below burn's.
fn array<const D: usize>(tensor: Tensor<D>) -> Array {
    tensor.try_into_primitive::<LibTorch>().expect("the device is LibTorch's")
}
