//! What the files look like.

use super::*;
use crate::export::{
    Precision,
    lowered::{BatchDimension, Constant},
    test_support::every_operator,
};

#[test]
fn an_operation_reads_like_this() {
    let (operations, _) = operations::program(&every_operator(BatchDimension::Any));
    let text = json::text(&operations);
    let start = text.find("{\"#\":\"1.softmax\"").unwrap();
    let end = start + text[start..].find("},{\"#\":\"1.").unwrap();
    let softmax = &text[start..=end];
    insta::assert_snapshot!(softmax);
}

#[test]
fn parameters_lie_in_the_order_of_their_names() {
    let constant = |name: &str, x: f32| Constant {
        name: name.to_owned(),
        shape: vec![1, 300],
        data: vec![x; 300],
        precision: Precision::Fp32,
    };
    let bytes = parameters::bytes(&[constant("b", 1.0), constant("a", 0.0)]);
    let head = [&[0; 16][..], &[7, 0, 0, 0, 8, 5, 16, 1, 16, 0xac, 2]].concat();
    let expected = [&head[..], &[0; 1200], &head, &1.0_f32.to_le_bytes().repeat(300)].concat();
    assert_eq!(bytes, expected);
}
