//! Forward and backward through a network whose parameters are one vector.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param, ParamId},
    tensor::{Device, Gradients, Tensor},
};

use super::{
    Builder, Network, Parameter, Parameters,
    flat::FlatParameters,
    layout::Slot,
    parameters::{Path, parameters},
};
use crate::arch::Arch;

/// What a batch says about a network.
pub struct Pass {
    /// Of the loss, as long as what is learnt.
    pub gradient: Tensor<1>,
    /// The running statistics after the batch, as long as those in the vector.
    pub statistics: Tensor<1>,
}

/// Sends images `[batch, 3, height, width]` forward and the loss, which `loss` makes of the logits `[batch, classes]`,
/// backward. The head's features are multiplied by `mask` `[batch, FEATURES]`, if there is one.
///
/// The parameters are leaves of their own: the gradient of a part of a longer vector would be as long as that.
pub fn pass(
    arch: &Arch,
    flat: &FlatParameters,
    images: Tensor<4>,
    mask: Option<Tensor<2>>,
    loss: impl FnOnce(Tensor<2>) -> Tensor<1>,
) -> Pass {
    let recording = flat.values.device().autodiff();
    let network = network(arch, flat, &recording);
    let mask = mask.map(Tensor::from_inner);
    let backward = loss(network.forward_masked(Tensor::from_inner(images), mask)).backward();
    let new = parameters(&network);
    let statistic = |slot: &Slot| new[&slot.name].values.clone();
    Pass {
        gradient: gather(flat, &network, &backward),
        statistics: joined(flat.layout.slots_in(&flat.layout.statistics()), &flat.values.device(), statistic),
    }
}

fn network(arch: &Arch, flat: &FlatParameters, recording: &Device) -> Network {
    let learnt = flat.layout.learnt().end;
    let slots = flat.layout.slots().iter();
    let parameter = |slot: &Slot| Parameter {
        shape: slot.shape.clone(),
        values: flat.range(slot.range()),
        id: ParamId::new(),
    };
    let values: Parameters = slots.clone().map(|slot| (slot.name.clone(), parameter(slot))).collect();
    let frozen = slots.filter(|slot| slot.offset >= learnt).map(|slot| slot.name.clone()).collect();
    Network::new(arch, &Builder::with_values(&values, 0, recording).frozen(&frozen))
}

/// What `part` gives for each of the slots, one after another.
fn joined(slots: &[Slot], device: &Device, part: impl Fn(&Slot) -> Tensor<1>) -> Tensor<1> {
    match slots.is_empty() {
        true => Tensor::empty([0], device),
        false => Tensor::cat(slots.iter().map(part).collect(), 0),
    }
}

fn gather(flat: &FlatParameters, network: &Network, backward: &Gradients) -> Tensor<1> {
    let mut gather = Gather { name: Path::default(), backward, found: BTreeMap::new() };
    network.visit(&mut gather);
    joined(flat.layout.slots_in(&flat.layout.learnt()), &flat.values.device(), |slot| {
        gather.found[&slot.name].clone()
    })
}

struct Gather<'a> {
    name: Path,
    backward: &'a Gradients,
    found: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for Gather<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.name.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.name.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let Some(gradient) = tensor.grad(self.backward) else { return };
        let count = tensor.dims().iter().product::<usize>();
        self.found.insert(self.name.name(), gradient.reshape([count]));
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use burn::tensor::TensorData;

    use super::*;
    use crate::{
        arch::shapes,
        network::{
            layout::Layout,
            parameters::{to_vec, to_weights},
            test_support,
        },
    };

    fn flat(frozen: &[&str]) -> (Arch, FlatParameters) {
        let arch = Arch::built_in("yolo11n-cls", 2).unwrap();
        let fresh = Network::new(&arch, &Builder::fresh(0, &Device::flex()));
        let frozen: BTreeSet<String> = frozen.iter().map(ToString::to_string).collect();
        let layout = Arc::new(Layout::new(&shapes(&arch), &frozen));
        (arch, FlatParameters::from_weights(layout, &to_weights(&parameters(&fresh)), &Device::flex()))
    }

    /// The logits of two images, and the pass of their squares' sum.
    fn squared((arch, flat): &(Arch, FlatParameters)) -> (Vec<f32>, Pass) {
        let pixels = [test_support::pixels(32), vec![0.5; 3 * 32 * 32]].concat();
        let images = Tensor::from_data(TensorData::new(pixels, [2, 3, 32, 32]), &Device::flex());
        let mut seen = Vec::new();
        let pass = pass(arch, flat, images, None, |logits| {
            seen = to_vec(logits.clone().inner());
            logits.powi_scalar(2).sum()
        });
        (seen, pass)
    }

    #[test]
    fn gradients_lie_where_their_parameters_do() {
        let network = flat(&[]);
        let (logits, Pass { gradient, .. }) = squared(&network);
        let layout = &network.1.layout;
        let bias = layout.slots().iter().find(|slot| slot.name == "model.10.linear.bias").unwrap();
        let given = to_vec(gradient.clone().slice(bias.range()));
        for (class, given) in given.iter().enumerate() {
            let slope = 2.0 * (logits[class] + logits[2 + class]);
            assert!((given - slope).abs() < 1e-5 * slope.abs().max(1.0), "{given} {slope}");
        }
        assert_eq!(gradient.dims(), [layout.learnt().end]);
        let flat: Vec<f32> = to_vec(gradient);
        let idle = |slot: &&Slot| flat[slot.range()].iter().all(|x| *x == 0.0);
        assert_eq!(layout.slots_in(&layout.learnt()).iter().filter(idle).count(), 0);
    }

    #[test]
    fn statistics_follow_the_batch() {
        let network = flat(&[]);
        let before = to_vec(network.1.range(network.1.layout.statistics()));
        let after = to_vec(squared(&network).1.statistics);
        assert!(before.len() == after.len() && before.iter().zip(&after).all(|(old, new)| old != new));
    }

    #[test]
    fn what_is_frozen_gets_no_gradient_and_moves_no_statistic() {
        let frozen = ["model.0.bn.weight", "model.0.bn.bias", "model.10.linear.weight"];
        let (all, part) = (flat(&[]), flat(&frozen));
        let [whole, less] = [&all, &part].map(|network| squared(network).1);
        let missing = 16 + 16 + 1280 * 2;
        assert_eq!(less.gradient.dims()[0] + missing, whole.gradient.dims()[0]);
        assert_eq!(less.statistics.dims()[0] + 32, whole.statistics.dims()[0]);
    }
}
