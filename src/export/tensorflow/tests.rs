//! What is written of a small network, what is read of it again, and what is refused.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::{
    error::Error,
    export::{
        Engine as _,
        interpreter::Interpreter,
        lowered::{BatchDimension, Lowered},
        test_support::{every_operator, probabilities},
        verify::largest_difference,
    },
};

fn lowered(batch: BatchDimension, half: bool) -> Lowered {
    let lowered = every_operator(batch);
    if half { lowered.in_half().unwrap() } else { lowered }
}

fn written(batch: BatchDimension, half: bool) -> Graph {
    graph(lowered(batch, half)).unwrap()
}

/// The network in the bytes of a graph.
fn read(bytes: &[u8]) -> Result<Lowered> {
    let graph = GraphProto::decode(bytes).map_err(|error| Error::new("it is no graph").because(error))?;
    network(graph.graph()?)
}

#[test]
fn what_is_read_is_what_was_written() {
    for (batch, half) in
        [(BatchDimension::Fixed(1), false), (BatchDimension::Any, false), (BatchDimension::Fixed(1), true)]
    {
        let read = read(&GraphProto::of(written(batch, half)).encode_to_vec()).unwrap();
        assert_eq!(read.batch, batch);
        let (given, expected) = (probabilities(read), probabilities(lowered(batch, half)));
        assert!(largest_difference(&given, &expected) < 1e-6, "{given:?} {expected:?}");
    }
}

/// Why a graph is refused after `change` of its first node of a kind.
fn reason(op: &str, change: impl FnOnce(&mut Node)) -> String {
    let mut graph = written(BatchDimension::Fixed(1), false);
    change(graph.nodes.iter_mut().find(|node| node.op == op).unwrap());
    network(graph).unwrap_err().to_string()
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    let kind = reason("Relu", |it| it.op = "Relu6".to_owned());
    assert_eq!(kind, "c_1: Kiln doesn't know Relu6 of 1 inputs");
    let more = reason("Relu", |it| drop(it.attributes.insert("alpha".to_owned(), Attribute::Int(1))));
    assert_eq!(more, "c_1: Kiln doesn't know Relu with such a value of alpha, or without one");
    let less = reason("Conv2D", |it| drop(it.attributes.remove("strides")));
    assert_eq!(less, "a_Conv2D: Kiln doesn't know Conv2D with such a value of strides, or without one");
    let padding = reason("Conv2D", |it| {
        it.attributes.insert("padding".to_owned(), Attribute::Word(Word::Same));
    });
    assert_eq!(padding, "a_Conv2D: Kiln doesn't know Conv2D with such a value of padding, or without one");
    let twice = reason("BiasAdd", |it| it.inputs[1] = "images".to_owned());
    assert_eq!(twice, "\"images\" is not known beforehand, or is used twice");
    let input = reason("Relu", |it| it.inputs[0] = "c:9".to_owned());
    assert_eq!(input, "no tensor that is called \"c:9\" was made before");
    let images = reason("Placeholder", |it| drop(it.attributes.remove("shape")));
    assert_eq!(images, "it takes no images");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens to a graph, it is refused, or read and run.
    #[test]
    fn damaged_graphs_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = GraphProto::of(written(BatchDimension::Fixed(1), false)).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(lowered) = read(&bytes) {
            let _ = Interpreter::new(String::new(), lowered).probabilities(&[0.5; 4 * 8 * 8], 8);
        }
    }
}
