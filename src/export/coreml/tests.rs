//! What is written of a small network, what is read of it again, and what is refused.

use proptest::prelude::*;

use super::{
    proto::{Bound, Operation},
    *,
};
use crate::export::{
    Engine as _, Precision,
    lowered::{BatchDimension, Lowered},
    test_support::{every_operator, probabilities},
    verify::largest_difference,
};

fn network(half: bool) -> Lowered {
    let lowered = every_operator(BatchDimension::Fixed(1));
    if half { lowered.in_half().unwrap() } else { lowered }
}

fn files(half: bool) -> (ModelProto, Vec<u8>) {
    let names = ["a", "b", "c"].map(str::to_owned);
    package(&network(half), &names, Metadata::default()).unwrap()
}

#[test]
fn what_is_read_is_what_was_written() {
    for half in [false, true] {
        let (model, weights) = files(half);
        let read = exported(&model.encode_to_vec(), &weights).unwrap().network;
        assert!(read.constants.iter().all(|constant| half == (constant.precision == Precision::Fp16)));
        // In 16 bits, the other numbers than weights are rounded too.
        let limit = if half { 1e-3 } else { 0.0 };
        assert!(largest_difference(&probabilities(read), &probabilities(network(half))) <= limit);
    }
}

/// The operations in the order in which they are done.
fn operations(model: &mut ModelProto) -> &mut Vec<Operation> {
    let main = model.program.as_mut().unwrap().functions.get_mut(MAIN).unwrap();
    &mut main.blocks.get_mut(OPSET).unwrap().operations
}

#[test]
fn half_the_bits_are_computed_with_between_two_casts() {
    let (mut model, _) = files(true);
    let types = |operation: &Operation| operation.r#type.clone();
    let casts = operations(&mut model).iter().map(types).filter(|kind| kind == "cast").count();
    assert_eq!(casts, 2);
}

/// Why a model is refused after `change` of its first operation of a kind.
fn reason(kind: &str, change: impl FnOnce(&mut Operation)) -> String {
    let (mut model, weights) = files(false);
    let operation = operations(&mut model).iter_mut().find(|operation| operation.r#type == kind);
    change(operation.unwrap());
    exported(&model.encode_to_vec(), &weights).unwrap_err().to_string()
}

/// Gives an operation the value of another name.
fn bind(operation: &mut Operation, key: &str, name: &str) {
    operation.inputs.get_mut(key).unwrap().arguments[0].bound = Some(Bound::Name(name.to_owned()));
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(reason("silu", |it| it.r#type = "gelu".to_owned()), "a_act: Kiln doesn't know gelu");
    let more = reason("silu", |it| {
        it.inputs.insert("alpha".to_owned(), it.inputs["x"].clone());
    });
    assert_eq!(more, "a_act: Kiln doesn't know silu with such a value of alpha, or without one");
    let less = reason("conv", |it| drop(it.inputs.remove("groups")));
    assert_eq!(less, "a: Kiln doesn't know conv with such a value of groups, or without one");
    let input = reason("relu", |it| bind(it, "x", "y"));
    assert_eq!(input, "nothing that is called \"y\" was made before");
    let weight = reason("conv", |it| bind(it, "weight", "images"));
    assert_eq!(weight, "images is not known beforehand, or is used twice");
    let image = reason("silu", |it| bind(it, "x", "images"));
    assert_eq!(image, "nothing that is called \"images\" was made before");
    let shape = reason("silu", |it| it.outputs[0].r#type = Some(tensor_type(FLOAT32, &[1, 4, 8, 9])));
    assert_eq!(shape, "a_act: silu gives tensors of other shapes than it says");
    assert_eq!(exported(b"\xff", &[]).unwrap_err().to_string(), "it is no Core ML model");
    assert_eq!(exported(b"", &[]).unwrap_err().to_string(), "it is no ML program");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens to the files, they are refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool, of_weights: bool) {
        let (model, mut weights) = files(false);
        let mut model = model.encode_to_vec();
        let damaged = if of_weights { &mut weights } else { &mut model };
        let at = at.index(damaged.len());
        damaged[at] = byte;
        damaged.truncate(if cut { at } else { damaged.len() });
        if let Ok(Exported { network, .. }) = exported(&model, &weights) {
            let _ = COREML.engine(network).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}
