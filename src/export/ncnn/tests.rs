//! What the files look like.

use std::collections::BTreeSet;

use super::*;
use crate::export::{
    Precision,
    lowered::{BatchDimension, INPUT, Lowered, Operator},
    test_support::every_operator,
};

#[test]
fn nothing_is_taken_twice_and_no_two_layers_have_one_name() {
    let (layers, _) = layers::layers(&every_operator(BatchDimension::Fixed(1))).unwrap();
    let taken: Vec<&String> = layers.iter().flat_map(|layer| &layer.inputs).collect();
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
    assert_eq!(layers.iter().map(|layer| &layer.name).collect::<BTreeSet<_>>().len(), layers.len());
}

#[test]
fn the_text_reads_like_this() {
    let (layers, _) = layers::layers(&every_operator(BatchDimension::Fixed(1))).unwrap();
    insta::assert_snapshot!(param::text(&layers));
}

#[test]
fn in_half_the_bits_the_weights_are_half_as_long() {
    let constant = |count| crate::export::lowered::Constant {
        name: String::new(),
        shape: vec![count],
        data: vec![0.5; count],
        precision: Precision::Fp16,
    };
    assert_eq!(weights::weights(&constant(2)), [0x47, 0x6b, 0x30, 0x01, 0, 0x38, 0, 0x38]);
    assert_eq!(weights::weights(&constant(1)), [0x47, 0x6b, 0x30, 0x01, 0, 0x38, 0, 0]);
}

#[test]
fn what_it_has_no_word_for_is_refused() {
    let mut lowered = Lowered::new(BatchDimension::Fixed(1), 4, 8);
    lowered.push("here", Operator::Reshape(vec![2, 2, 2, 2, 16]), &[INPUT]).unwrap();
    let refused = layers::layers(&lowered).unwrap_err().to_string();
    assert_eq!(refused, "ncnn has no tensors of 5 dimensions, as here gives");
}
