//! What the files look like.

use super::*;
use crate::export::{lowered::BatchDimension, test_support::every_operator};

/// The kinds of operators in a file of a small network, in order.
fn kinds(bytes: &[u8]) -> Vec<i32> {
    let operators = Record::root(bytes).unwrap().list(schema::net::OPERATORS).unwrap();
    operators.records().map(|operator| operator.unwrap().number(schema::op::TYPE, 0_i32).unwrap()).collect()
}

/// Between the images and the attention, and around the linear layer.
#[test]
fn few_tensors_are_put_into_the_other_format() {
    let bytes = operators::write(&every_operator(BatchDimension::Any), "{}").unwrap();
    let converted = kinds(&bytes).into_iter().filter(|kind| *kind == schema::CONVERT.code).count();
    assert_eq!(converted, 7);
}

#[test]
fn the_head_of_a_file_tells_what_it_is() {
    let bytes = operators::write(&every_operator(BatchDimension::Any), "{}").unwrap();
    assert!(is_a_net(&bytes[..HEAD as usize]));
    assert!(!is_a_net(b"") && !is_a_net(&[0; 64]));
    let marked = [&bytes[..4], b"TFL3", &bytes[8..]].concat();
    assert!(!is_a_net(&marked));
}
