//! What holds of every lowered network.

use std::collections::BTreeSet;

use super::*;
use crate::{
    arch::{self, Arch, Shapes},
    export::lowered::Instruction,
    network::test_support,
};

/// The lowered network of `arch`, all of whose parameters are 0.
fn lowered(arch: &Arch, size: usize) -> Lowered {
    let computation = Computation::of(arch);
    let zeros = |shape: Vec<usize>| Array { data: vec![0.0; shape.iter().product()], shape };
    let weights = computation.folded().shapes().into_iter().map(|(name, shape)| (name, zeros(shape)));
    lower(&computation.merged(), weights.collect(), BatchDimension::Fixed(1), size).unwrap()
}

fn archs() -> Vec<Arch> {
    let built_in = arch::names().into_iter().map(|name| Arch::built_in(&name, 6).unwrap());
    built_in.chain(test_support::archs()).collect()
}

/// Checks an instruction's shapes by what its operator is, not by how they were found.
fn check(lowered: &Lowered, Instruction { operator, at, inputs, outputs }: &Instruction) {
    let [x, y] = [inputs, outputs].map(|tensors| lowered.shape(tensors[0]));
    let constant = |id: &ConstantId| lowered.constant(*id).shape.as_slice();
    let right = match operator {
        Operator::Convolution { weight, bias, window } => {
            let weight = constant(weight);
            weight == [y[0], x[0] / window.groups, window.kernel, window.kernel]
                && constant(bias) == [y[0]]
                && y[1] == y[2]
                && (y[1] - 1) * window.stride + window.kernel <= x[1] + 2 * (window.kernel / 2)
        }
        Operator::Silu | Operator::Relu | Operator::Softmax => x == y,
        Operator::Add => inputs.len() == 2 && x == y && lowered.shape(inputs[1]) == y,
        Operator::Scale(factor) => x == y && [&[][..], &[x[0], 1, 1]].contains(&constant(factor)),
        Operator::Concat { axis } => {
            let shapes = || inputs.iter().map(|tensor| lowered.shape(*tensor));
            let rest = |shape: &[usize]| [&shape[..axis - 1], &shape[*axis..]].concat();
            shapes().all(|shape| rest(shape) == rest(y))
                && shapes().map(|shape| shape[axis - 1]).sum::<usize>() == y[axis - 1]
        }
        Operator::Split { axis, sizes } => {
            let parts = outputs.iter().map(|part| lowered.shape(*part)[axis - 1]);
            parts.eq(sizes.iter().copied()) && sizes.iter().sum::<usize>() == x[axis - 1]
        }
        Operator::EverySecond { row, column } => {
            row.max(column) < &2 && x[0] == y[0] && [2 * y[1], 2 * y[2]] == x[1..]
        }
        Operator::MaxPool(window) => x[0] == y[0] && window.groups == 1 && y[1] == y[2],
        Operator::Reshape(shape) => shape == y && x.iter().product::<usize>() == y.iter().product::<usize>(),
        Operator::Transpose { order } => {
            let all: BTreeSet<usize> = order.iter().copied().collect();
            order[0] == 0 && all.len() == y.len() + 1 && (1..=y.len()).all(|i| x[order[i] - 1] == y[i - 1])
        }
        Operator::MatMul { transpose_a, transpose_b } => {
            let swapped = |tensor: usize, swapped: bool| {
                let mut shape = lowered.shape(inputs[tensor]).to_vec();
                let last = shape.len() - 1;
                if swapped {
                    shape.swap(last - 1, last);
                }
                shape
            };
            let (a, b, last) = (swapped(0, *transpose_a), swapped(1, *transpose_b), x.len() - 1);
            a[last] == b[last - 1] && a[..last - 1] == b[..last - 1] && y == [&a[..last], &b[last..]].concat()
        }
        Operator::GlobalAverage => y == [x[0]],
        Operator::Linear { weight, bias } => constant(weight) == [y[0], x[0]] && constant(bias) == y,
    };
    assert!(right, "{at}: {operator:?} of {x:?} gives {y:?}");
}

/// The constants that an operator names.
fn constants(operator: &Operator) -> Vec<ConstantId> {
    match operator {
        Operator::Convolution { weight, bias, .. } | Operator::Linear { weight, bias } => {
            vec![*weight, *bias]
        }
        Operator::Scale(factor) => vec![*factor],
        _ => Vec::new(),
    }
}

#[test]
fn all_shapes_fit() {
    for arch in archs() {
        let lowered = lowered(&arch, 64);
        lowered.instructions.iter().for_each(|instruction| check(&lowered, instruction));
        assert_eq!(lowered.shape(INPUT), [3, 64, 64]);
        assert_eq!(lowered.shape(lowered.probabilities), [6]);
    }
}

#[test]
fn every_tensor_is_made_before_it_is_used_and_used_at_all() {
    for arch in archs() {
        let lowered = lowered(&arch, 64);
        let (mut made, mut used) = (BTreeSet::from([INPUT]), BTreeSet::from([lowered.probabilities]));
        for instruction in &lowered.instructions {
            assert!(instruction.inputs.iter().all(|input| made.contains(input)), "{}", instruction.at);
            assert!(instruction.outputs.iter().all(|output| made.insert(*output)), "{}", instruction.at);
            used.extend(&instruction.inputs);
        }
        assert_eq!((made.len(), &made), (lowered.shapes.len(), &used), "{}", arch.name);
    }
}

#[test]
fn every_parameter_becomes_one_constant_that_is_used_once() {
    for arch in archs() {
        let lowered = lowered(&arch, 64);
        let parameters: Shapes = Computation::of(&arch).folded().shapes();
        let constants: Vec<ConstantId> =
            lowered.instructions.iter().flat_map(|instruction| constants(&instruction.operator)).collect();
        let names: BTreeSet<&str> = constants.iter().map(|id| &*lowered.constant(*id).name).collect();
        assert_eq!((constants.len(), names.len()), (lowered.constants.len(), lowered.constants.len()));
        let own: BTreeSet<&str> = names.into_iter().filter(|name| !name.ends_with(".scale")).collect();
        assert_eq!(own, parameters.keys().map(String::as_str).collect(), "{}", arch.name);
        let whole = |it: &Constant| it.data.len() == it.shape.iter().product::<usize>();
        assert!(lowered.constants.iter().all(whole), "{}", arch.name);
    }
}

/// What attention in four areas becomes.
#[test]
fn areas_are_a_dimension_of_their_own() {
    let text = "backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 2, A2C2f, [64, true, 4]]\nhead:\n  - [-1, 1, Classify, [nc]]\n";
    let lowered = lowered(&Arch::parse("areas", text, 6).unwrap(), 32);
    let attention: Vec<String> = lowered
        .instructions
        .iter()
        .filter(|instruction| instruction.at == "model.1.m.0.0.attn")
        .map(|instruction| {
            let name = format!("{:?}", instruction.operator);
            let name: String = name.chars().take_while(|char| char.is_alphabetic()).collect();
            format!("{name} {:?}", lowered.shape(instruction.outputs[0]))
        })
        .collect();
    insta::assert_snapshot!(attention.join("\n"), @r"
    Reshape [1, 96, 4, 64]
    Transpose [4, 1, 96, 64]
    Split [4, 1, 32, 64]
    Scale [4, 1, 32, 64]
    MatMul [4, 1, 64, 64]
    Softmax [4, 1, 64, 64]
    MatMul [4, 1, 32, 64]
    Transpose [1, 32, 4, 64]
    Reshape [32, 16, 16]
    Transpose [1, 32, 4, 64]
    Reshape [32, 16, 16]
    Add [32, 16, 16]
    ");
}
