//! What a network learns from: its parameters as leaves of a recorded pass, and their gradients.

use std::collections::BTreeSet;

use burn::tensor::{Gradients as Backward, Tensor};

use super::optimizer::Gradients;
use crate::network::{Parameters, Role, Values};

/// The parameters on the device that records; all but running statistics and the `frozen` want gradients.
pub fn leaves(parameters: &Parameters, frozen: &BTreeSet<String>) -> Values {
    let leaf = |(name, parameter): (&String, &crate::network::Parameter)| {
        let values = Tensor::from_inner(parameter.values.clone());
        let learnt = Role::of(name, parameter.shape.len()) != Role::Statistic && !frozen.contains(name);
        (name.clone(), if learnt { values.require_grad() } else { values })
    };
    parameters.iter().map(leaf).collect()
}

/// Adds a micro-batch's gradients to those that wait: summed, not averaged, as in the reference.
pub fn gather(leaves: &Values, backward: &Backward, mut waiting: Gradients) -> Gradients {
    for (name, leaf) in leaves {
        let Some(gradient) = leaf.grad(backward) else { continue };
        let sum = match waiting.remove(name) {
            Some(waiting) => waiting + gradient,
            None => gradient,
        };
        waiting.insert(name.clone(), sum);
    }
    waiting
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        arch::{Arch, Computation},
        network::{
            Mode, Network,
            parameters::{from_weights, to_vec},
        },
        weights::fresh,
    };

    /// The gradients of a squared sum for two images, the same every time for the same `scale`.
    fn backward(network: &Network, leaves: &Values, scale: f32, device: &Device) -> Backward {
        let pixels = (0..2 * 3 * 32 * 32).map(|i| (i as f32 * 0.7).sin() * scale).collect();
        let images = Tensor::<4>::from_data(TensorData::new(pixels, [2, 3, 32, 32]), device);
        let mode = Mode::Train { mask: None, frozen: &BTreeSet::new() };
        network.forward(leaves, images, &mode).logits.powi_scalar(2).sum().backward()
    }

    #[test]
    fn gradients_of_micro_batches_are_summed() {
        let device = Device::flex().autodiff();
        let network = Network::new(Computation::of(&Arch::built_in("yolo11n-cls", 2).unwrap()));
        let parameters = from_weights(&fresh(network.computation(), 0), &Device::flex());
        let leaves = leaves(&parameters, &BTreeSet::new());
        let add = |scale, waiting| gather(&leaves, &backward(&network, &leaves, scale, &device), waiting);
        let (first, second) = (add(1.0, Gradients::new()), add(2.0, Gradients::new()));
        let both = add(2.0, first.clone());
        assert!(both.len() > 50 && both.keys().eq(first.keys()));
        for (name, sum) in &both {
            let expected = to_vec(first[name].clone() + second[name].clone());
            assert!(to_vec(sum.clone()) == expected, "{name}");
        }
        let some = |gradients: &Gradients| to_vec(gradients["model.10.linear.bias"].clone());
        assert!(some(&first).iter().all(|x| *x != 0.0) && some(&first) != some(&second));
    }
}
