//! Gradients taken from burn's graph, by the name of their parameter.

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Gradients as Backward, Tensor},
};

use super::optimizer::Gradients;
use crate::network::{Network, parameters::Path};

/// Adds a micro-batch's gradients to those that wait: summed, not averaged, as in the reference.
pub fn gather(network: &Network, backward: Backward, waiting: Gradients) -> Gradients {
    let mut gather = Gather { name: Path::default(), backward, gradients: waiting };
    network.visit(&mut gather);
    gather.gradients
}

struct Gather {
    name: Path,
    backward: Backward,
    gradients: Gradients,
}

impl ModuleVisitor for Gather {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.name.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.name.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let Some(gradient) = tensor.grad(&self.backward) else { return };
        let gradient = gradient.reshape([tensor.dims().iter().product::<usize>()]);
        let name = self.name.name();
        let sum = match self.gradients.remove(&name) {
            Some(waiting) => waiting + gradient,
            None => gradient,
        };
        self.gradients.insert(name, sum);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        arch::Arch,
        network::{Builder, parameters::to_vec},
    };

    /// The gradients of a squared sum for two images, the same every time for the same `scale`.
    fn backward(network: &Network, scale: f32, device: &Device) -> Backward {
        let pixels = (0..2 * 3 * 32 * 32).map(|i| (i as f32 * 0.7).sin() * scale).collect();
        let images = Tensor::<4>::from_data(TensorData::new(pixels, [2, 3, 32, 32]), device);
        network.forward(images).powi_scalar(2).sum().backward()
    }

    #[test]
    fn gradients_of_micro_batches_are_summed() {
        let device = Device::flex().autodiff();
        let network = Network::new(&Arch::built_in("yolo11n-cls", 2).unwrap(), &Builder::fresh(0, &device));
        let add = |scale, waiting| gather(&network, backward(&network, scale, &device), waiting);
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
