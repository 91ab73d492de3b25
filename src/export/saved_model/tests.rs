//! How a graph is called is read again, and must be right.

use super::*;
use crate::export::{
    lowered::BatchDimension,
    test_support::{every_operator, probabilities},
    verify::largest_difference,
};

/// What is read after `change` of what is written.
fn read(change: impl FnOnce(&mut MetaGraph)) -> Result<Lowered> {
    let mut saved = saved(every_operator(BatchDimension::Any)).unwrap();
    change(&mut saved.graphs[0]);
    in_bytes(&saved.encode_to_vec())
}

#[test]
fn what_is_read_is_what_was_written() {
    let (given, expected) = (read(|_| ()).unwrap(), every_operator(BatchDimension::Any));
    assert!(largest_difference(&probabilities(given), &probabilities(expected)) < 1e-6);
}

#[test]
fn what_is_called_otherwise_is_refused() {
    let reason = |change: fn(&mut MetaGraph)| read(change).unwrap_err().to_string();
    let signature = "its serving_default is not how its graph is called";
    assert_eq!(reason(|it| it.signatures.clear()), signature);
    let shape = reason(|it| {
        let images = it.signatures.get_mut(SIGNATURE).unwrap().inputs.get_mut("images").unwrap();
        images.shape = Some(crate::export::tensorflow::ShapeProto::of(&[1, 8, 8, 4]));
    });
    assert_eq!(shape, signature);
    assert_eq!(reason(|it| it.graph = None), "it has more than one graph or none");
    assert_eq!(in_bytes(b"").unwrap_err().to_string(), "it has more than one graph or none");
    assert_eq!(in_bytes(b"\xff").unwrap_err().to_string(), "it is no SavedModel");
}
