//! Gradients taken from burn's graph, by the name of their parameter.

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Gradients as Backward, Tensor},
};

use super::optimizer::Gradients;
use crate::zoo::{Network, parameters::Path};

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
