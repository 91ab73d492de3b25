//! What a network of plain operators costs, counted as [`Cost`](crate::arch::Cost) counts one whose norms are folded in.

use super::{Instruction, Lowered, Operator};

impl Lowered {
    /// How many numbers its convolutions, linear layers and scales have.
    pub(in crate::export) fn parameters(&self) -> u64 {
        let ids = self.instructions.iter().flat_map(|instruction| match &instruction.operator {
            Operator::Convolution { weight, bias, .. } | Operator::Linear { weight, bias } => {
                vec![*weight, *bias]
            }
            // A single number is no parameter: attention has one.
            Operator::Scale(factor) if !self.constant(*factor).shape.is_empty() => vec![*factor],
            _ => Vec::new(),
        });
        ids.map(|id| self.constant(id).data.len() as u64).sum()
    }

    /// Multiplications with additions for one image: of convolutions, linear layers and matrix products; and one for each
    /// number that goes into or comes out of a global average.
    pub(in crate::export) fn operations(&self) -> u64 {
        self.instructions.iter().map(|instruction| self.operations_of(instruction)).sum()
    }

    fn operations_of(&self, Instruction { operator, inputs, outputs, .. }: &Instruction) -> u64 {
        let count = |shape: &[usize]| shape.iter().product::<usize>() as u64;
        let (x, y) = (self.shape(inputs[0]), self.shape(outputs[0]));
        match operator {
            Operator::Convolution { weight, .. } => count(&self.constant(*weight).shape) * count(&y[1..]),
            Operator::Linear { weight, .. } => count(&self.constant(*weight).shape),
            Operator::MatMul { transpose_a, .. } => {
                let inner = x.len() - if *transpose_a { 2 } else { 1 };
                count(y) * x[inner] as u64
            }
            Operator::GlobalAverage => count(x) + count(y),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        arch::{Arch, Costs},
        export::{Model, Options},
        network::test_support,
    };

    const SIZE: usize = 64;

    #[test]
    fn a_network_costs_what_its_architecture_does_without_norms() {
        let (names, eval) = (["a".to_owned(), "b".to_owned()], json!([]));
        for name in ["yolov8n-cls", "yolo11n-cls", "yolo12n-cls", "yolo11-cls-resnet18"] {
            let arch = Arch::built_in(name, 2).unwrap();
            let (weights, options) = (test_support::weights(&arch), Options::default());
            let model =
                Model { arch: &arch, weights: &weights, names: &names, size: SIZE, eval: &eval, options };
            let (lowered, total) = (model.lowered().unwrap(), Costs::of(&arch, SIZE).unwrap().total);
            assert_eq!(lowered.parameters(), total.folded_parameters, "{name}");
            let numbers = |it: &Instruction| lowered.shape(it.outputs[0]).iter().product::<usize>() as u64;
            let is_map = |it: &&Instruction| matches!(it.operator, Operator::Convolution { .. });
            let norms: u64 = lowered.instructions.iter().filter(is_map).map(numbers).sum();
            assert_eq!(lowered.operations() + 4 * norms, total.operations, "{name}");
        }
    }
}
