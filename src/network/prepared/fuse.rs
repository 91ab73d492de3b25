//! Which operations become one step: a convolution with the activation and the residual sum that follow it.

use std::collections::BTreeSet;

use super::finish::Finish;
use crate::arch::{
    Activation,
    computation::{Computation, Op, Operation, ValueId},
};

/// An operation with those that follow it and are done along with it.
pub(super) struct Fused<'a> {
    pub operation: &'a Operation,
    pub finish: Finish,
    /// What is added to its output.
    pub added: Option<ValueId>,
    /// What comes out in the end, if it is one value.
    pub output: ValueId,
}

/// All operations in order, without those that are done along with a convolution.
pub(super) fn fused(computation: &Computation) -> Vec<Fused<'_>> {
    let uses = Uses::of(computation);
    let mut gone = BTreeSet::new();
    let mut all = Vec::new();
    for (place, operation) in computation.operations.iter().enumerate() {
        if !gone.contains(&place) {
            all.push(uses.follow(operation, place, &mut gone));
        }
    }
    all
}

/// Who makes and who takes each value.
struct Uses<'a> {
    computation: &'a Computation,
    /// The place of the operation that makes it; the images are there before all others.
    makers: Vec<Option<usize>>,
    takers: Vec<Vec<usize>>,
}

impl<'a> Uses<'a> {
    fn of(computation: &'a Computation) -> Self {
        let values = computation.channels.len();
        let (mut makers, mut takers) = (vec![None; values], vec![Vec::new(); values]);
        for (place, operation) in computation.operations.iter().enumerate() {
            operation.outputs.iter().for_each(|output| makers[output.0] = Some(place));
            operation.inputs.iter().for_each(|input| takers[input.0].push(place));
        }
        Self { computation, makers, takers }
    }

    /// The operation at `place`, and what follows it: those places are `gone`.
    fn follow(&self, operation: &'a Operation, place: usize, gone: &mut BTreeSet<usize>) -> Fused<'a> {
        let mut fused =
            Fused { operation, finish: Finish::default(), added: None, output: operation.outputs[0] };
        let Op::Convolution(convolution) = &operation.op else { return fused };
        fused.finish.activation = convolution.activation;
        if fused.finish.activation.is_none() {
            fused.finish.activation = self.activation(&mut fused.output, gone);
        }
        if let Some((sum, other)) = self.sum(fused.output, place) {
            gone.insert(sum);
            fused.output = self.computation.operations[sum].outputs[0];
            fused.added = Some(other);
            fused.finish.after_sum = self.activation(&mut fused.output, gone);
        }
        fused
    }

    /// The activation that alone takes `value`, which becomes what that gives.
    fn activation(&self, value: &mut ValueId, gone: &mut BTreeSet<usize>) -> Option<Activation> {
        let place = self.only_taker(*value)?;
        let Operation { op: Op::Activation(activation), outputs, .. } = &self.computation.operations[place]
        else {
            return None;
        };
        gone.insert(place);
        *value = outputs[0];
        Some(*activation)
    }

    /// The sum that alone takes `value`, and its other part, if that is there before the operation at `place`.
    fn sum(&self, value: ValueId, place: usize) -> Option<(usize, ValueId)> {
        let sum = self.only_taker(value)?;
        let Operation { op: Op::Add, inputs, .. } = &self.computation.operations[sum] else { return None };
        let other = *inputs.iter().find(|input| **input != value)?;
        (self.makers[other.0] < Some(place)).then_some((sum, other))
    }

    /// The place of the one operation that takes a value.
    fn only_taker(&self, value: ValueId) -> Option<usize> {
        match self.takers[value.0][..] {
            [place] if value != self.computation.logits => Some(place),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    #[test]
    fn residual_sums_and_activations_are_done_along_with_convolutions() {
        let text = "backbone: [[-1, 1, ResNetLayer, [3, 16, 1, true, 1]], [-1, 1, ResNetLayer, [16, 16, 1, false, 1]]]\n\
                    head: [[-1, 1, Classify, [nc]]]";
        let computation = Computation::of(&Arch::parse("test", text, 2).unwrap()).folded();
        let fused = fused(&computation);
        assert!(fused.iter().all(|it| !matches!(it.operation.op, Op::Add | Op::Activation(_))));
        let sum = fused.iter().find(|it| it.added.is_some()).unwrap();
        assert_eq!(sum.finish, Finish { activation: None, after_sum: Some(Activation::Relu) });
    }
}
