//! There and back, a network is the same.

use super::*;
use crate::{
    arch::Arch,
    export::{Engine as _, Model, Options, Precision, interpreter::Interpreter, lowered::BatchDimension},
    network::test_support,
};
use serde_json::json;

const SIZE: usize = 64;

fn lowered(arch: &Arch) -> Lowered {
    let (weights, eval) = (test_support::weights(arch), json!([]));
    let names: Vec<String> = (0..6).map(|class| class.to_string()).collect();
    let options = Options::default();
    Model { arch, weights: &weights, names: &names, size: SIZE, eval: &eval, options }.lowered().unwrap()
}

/// The network again, its shapes compared on the way.
fn restored(ChannelsLast(turned): &ChannelsLast, images: Layout) -> Lowered {
    let (mut restored, input) = Restored::new(Lowered::new(turned.batch, 3, SIZE), images);
    turned.constants.iter().for_each(|constant| _ = restored.add_constant(constant.clone()));
    let mut seen = vec![None; turned.shapes.len()];
    seen[INPUT.0] = Some(input);
    for Instruction { operator, at, inputs, outputs } in &turned.instructions {
        let inputs: Vec<Seen> = inputs.iter().map(|input| seen[input.0].unwrap()).collect();
        for (output, given) in outputs.iter().zip(restored.push(at, operator.clone(), &inputs).unwrap()) {
            assert_eq!(restored.shape(given), turned.shape(*output), "{at}: {operator:?}");
            seen[output.0] = Some(given);
        }
    }
    restored.finish(seen[turned.probabilities.0].unwrap()).unwrap()
}

fn run(lowered: Lowered) -> Vec<f32> {
    Interpreter::new(String::new(), lowered).probabilities(&test_support::pixels(SIZE), SIZE).unwrap()
}

#[test]
fn there_and_back_is_the_same_network() {
    for arch in test_support::archs() {
        let expected = run(lowered(&arch));
        for images in [Layout::ChannelsFirst, Layout::ChannelsLast] {
            let turned = ChannelsLast::of(lowered(&arch), images);
            assert_eq!(run(restored(&turned, images)), expected, "{} {images:?}", arch.name);
        }
    }
}

/// Convolutions follow each other without a transposition; an attention has one before, and one after each of its two.
#[test]
fn there_are_few_transpositions() {
    let count = |name: &str| {
        let turned = ChannelsLast::of(lowered(&Arch::built_in(name, 6).unwrap()), Layout::ChannelsLast);
        let transposes = |it: &&Instruction| matches!(it.operator, Operator::Transpose { .. });
        turned.0.instructions.iter().filter(transposes).count()
    };
    assert_eq!(count("yolov8n-cls"), 0);
    assert_eq!(count("yolo11n-cls"), 3);
}

/// What is no map is transposed before it is taken for one, whatever a file says.
#[test]
fn what_is_no_map_is_taken_as_it_lies() {
    let (mut restored, images) =
        Restored::new(Lowered::new(BatchDimension::Fixed(1), 3, 4), Layout::ChannelsLast);
    let rows = restored.push("rows", Operator::Reshape(vec![4, 4, 3]), &[images]).unwrap()[0];
    let data = vec![1.0, 2.0, 3.0];
    let factor = Constant { name: "factor".into(), shape: vec![3, 1, 1], data, precision: Precision::Fp32 };
    let factor = restored.add_constant(factor);
    let scaled = restored.push("scale", Operator::Scale(factor), &[rows]).unwrap()[0];
    let row = restored.push("row", Operator::Reshape(vec![48]), &[scaled]).unwrap()[0];
    let lowered = restored.finish(row).unwrap();
    let given = Interpreter::new(String::new(), lowered).probabilities(&[1.0; 48], 4).unwrap();
    assert_eq!(given, [1.0, 2.0, 3.0].repeat(16));
}
