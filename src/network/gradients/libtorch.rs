//! Gradients by LibTorch's own autograd, on its devices.
//!
//! The forward pass is that of every device. All that is learnt is one leaf, cut into the parameters, so that its
//! gradient is the vector that is wanted. The loss is about a few numbers an image: burn records it, and LibTorch goes
//! on from its slope.

use burn::tensor::Tensor;

use super::{Pass, joined};
use crate::network::{
    Mode, Network, Output, Parameters, Values,
    kernels::libtorch::{above, below, parts_of},
    layout::Layout,
};

/// [`super::pass`] on one of LibTorch's devices.
pub(super) fn pass(
    network: &Network,
    parameters: &Parameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    let vector = below(parameters.values.clone());
    let leaf = leaf(&vector, &parameters.layout);
    let values = values(parameters, &vector, &leaf);
    let mode = Mode::Train { mask: mask.as_ref(), frozen: parameters.layout.frozen() };
    let Output { logits, statistics } = network.forward(&values, images, &mode);
    let logits = below(logits);
    let slope = slope(logits.detach(), loss);
    let gradient = backward(&logits, &slope, &leaf);
    Pass { gradient: above(gradient), statistics: joined(parameters, statistics) }
}

/// All that is learnt.
fn leaf(vector: &tch::Tensor, layout: &Layout) -> tch::Tensor {
    let learnt = layout.learnt();
    vector.narrow(0, learnt.start as i64, learnt.len() as i64).detach().set_requires_grad(true)
}

/// The parameters by name: parts of `leaf` where they are learnt, of the whole `vector` elsewhere.
fn values(parameters: &Parameters, vector: &tch::Tensor, leaf: &tch::Tensor) -> Values {
    let layout = &parameters.layout;
    let learnt = layout.slots_in(&layout.learnt());
    let sizes: Vec<i64> = learnt.iter().map(|slot| slot.count() as i64).collect();
    let others = layout.slots()[learnt.len()..].iter();
    let others = others.map(|slot| vector.narrow(0, slot.offset as i64, slot.count() as i64));
    let parts = parts_of(&parameters.values, leaf.split_with_sizes(sizes, 0).into_iter().chain(others));
    layout.slots().iter().map(|slot| slot.name.clone()).zip(parts).collect()
}

/// How the loss changes with the logits: `[batch, classes]`.
fn slope(logits: tch::Tensor, loss: impl FnOnce(Tensor<2>) -> Tensor<1>) -> tch::Tensor {
    let logits = Tensor::from_inner(above(logits)).require_grad();
    let gradients = loss(logits.clone()).backward();
    below(logits.grad(&gradients).expect("the loss depends on the logits"))
}

/// The gradient of what `leaf` holds, given that of the logits.
fn backward(logits: &tch::Tensor, slope: &tch::Tensor, leaf: &tch::Tensor) -> tch::Tensor {
    // The slope of this sum at the logits is the loss's.
    let sum = (logits * slope).sum(tch::Kind::Float);
    tch::Tensor::run_backward(&[sum], &[leaf], false, false).remove(0)
}
