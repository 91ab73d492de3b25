//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{
        IR_VERSION, ONNX, OPSET, exported,
        graph::value,
        nodes,
        proto::{AttributeProto, NodeProto, OperatorSetIdProto},
        rten::Rten,
    },
    *,
};
use crate::{
    arch::Window,
    export::{
        Engine, Precision,
        interpreter::Interpreter,
        lowered::{BatchDimension, Constant, INPUT, Operator, TensorId},
        verify::largest_difference,
    },
    random::Random,
};
use prost::Message as _;

fn numbers(name: &str, shape: &[usize]) -> Constant {
    let mut random = Random::new(name, &[]);
    let data = (0..shape.iter().product()).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
    Constant { name: name.to_owned(), shape: shape.to_vec(), data, precision: Precision::Fp32 }
}

/// A file of a lowered network, which takes one image.
fn file(lowered: &Lowered) -> ModelProto {
    let input = value("images", Some(1), lowered.shape(INPUT));
    let output = value("output0", Some(1), lowered.shape(lowered.probabilities));
    ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        graph: Some(nodes::graph(lowered, "images").finish("test", input, output)),
        ..ModelProto::default()
    }
}

/// A convolution of images of so many channels, in a row of numbers.
fn convolution(channels: [usize; 2], side: usize, window: Window) -> Lowered {
    let mut lowered = Lowered::new(BatchDimension::Fixed(1), channels[0], side);
    let weight = [channels[1], channels[0] / window.groups, window.kernel, window.kernel];
    let weight = lowered.add_constant(numbers("weight", &weight));
    let bias = lowered.add_constant(numbers("bias", &channels[1..]));
    let operator = Operator::Convolution { weight, bias, window };
    let map = lowered.push("conv", operator, &[INPUT]).unwrap();
    in_a_row(lowered, map)
}

fn in_a_row(mut lowered: Lowered, map: TensorId) -> Lowered {
    let count = lowered.shape(map).iter().product();
    lowered.probabilities = lowered.push("row", Operator::Reshape(vec![count]), &[map]).unwrap();
    lowered
}

/// The network in the bytes of a file.
fn lowered_of(bytes: &[u8]) -> Result<Lowered> {
    exported(bytes).map(|exported| exported.network)
}

/// What runs the bytes of a file.
fn engine(bytes: &[u8]) -> Result<impl Engine + use<>> {
    lowered_of(bytes).map(|network| ONNX.engine(network))
}

/// What Kiln's reader and `rten` make of a network, and the network itself run without a file.
fn hold_to_rten(lowered: Lowered) {
    let (shape, bytes) = (lowered.shape(INPUT).to_vec(), file(&lowered).encode_to_vec());
    let images = numbers("images", &shape).data;
    let given = |engine: &dyn Engine| engine.probabilities(&images, shape[1]).unwrap();
    let ours = given(&engine(&bytes).unwrap());
    assert_eq!(ours, given(&Interpreter::new(String::new(), lowered)));
    assert!(largest_difference(&ours, &given(&Rten::load(bytes))) < 1e-4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn convolutions_are_what_others_take_them_for(
        groups in prop::sample::select(vec![1, 3]), c2 in 1..4_usize, side in 3..20_usize, kernel in 1..6_usize, stride in 1..4_usize,
    ) {
        let window = Window { kernel, stride, groups };
        hold_to_rten(convolution([3, groups * c2], side, window));
    }

    #[test]
    fn poolings_are_what_others_take_them_for(
        side in 3..20_usize, kernel in prop::sample::select(vec![1, 3, 5]), stride in 1..4_usize,
    ) {
        let mut lowered = Lowered::new(BatchDimension::Fixed(1), 3, side);
        let window = Window { kernel, stride, groups: 1 };
        let map = lowered.push("pool", Operator::MaxPool(window), &[INPUT]).unwrap();
        hold_to_rten(in_a_row(lowered, map));
    }

    /// Whatever happens to a file, it is refused, or read and run.
    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = file(&convolution([2, 4], 6, Window::square(3).groups(2))).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(engine) = engine(&bytes) {
            let _ = engine.probabilities(&[0.5; 2 * 6 * 6], 6);
        }
    }
}

/// Why a file is refused after `change`.
fn reason(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut file = file(&convolution([2, 4], 6, Window::square(3)));
    change(&mut file);
    lowered_of(&file.encode_to_vec()).unwrap_err().to_string()
}

/// The graph's first node, a convolution, changed.
fn reason_of_node(change: impl FnOnce(&mut NodeProto)) -> String {
    reason(|file| change(&mut file.graph.as_mut().unwrap().node[0]))
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    assert_eq!(lowered_of(b"\xff").unwrap_err().to_string(), "it is no ONNX file");
    assert_eq!(lowered_of(b"").unwrap_err().to_string(), "it is no ONNX file");
    let old = reason(|file| file.opset_import[0].version = 9);
    assert_eq!(old, "its operations are of version 9, older than 13");
    let kind = reason_of_node(|node| node.op_type = "Einsum".to_owned());
    assert_eq!(kind, "/conv/Conv: Kiln doesn't know Einsum of 3 inputs");
    let more = AttributeProto { name: "auto_pad".to_owned(), ..AttributeProto::default() };
    let attribute = reason_of_node(|node| node.attribute.push(more));
    assert_eq!(attribute, "/conv/Conv: Kiln doesn't know Conv with such a value of auto_pad");
    for (name, ints) in [("pads", vec![0, 1, 1, 1]), ("dilations", vec![2, 2]), ("kernel_shape", vec![3, 1])]
    {
        let changed = reason_of_node(|node| {
            node.attribute.iter_mut().filter(|it| it.name == name).for_each(|it| it.ints.clone_from(&ints));
        });
        assert_eq!(changed, format!("/conv/Conv: Kiln doesn't know Conv with such a value of {name}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let groups = reason_of_node(|node| {
        node.attribute.iter_mut().filter(|it| it.name == "group").for_each(|it| it.i = Some(3));
    });
    assert_eq!(groups, "/conv/Conv can't take tensors of the shapes [[2, 6, 6]]");
    let input = reason_of_node(|node| node.input[0] = "x".to_owned());
    assert_eq!(input, "nothing that is called \"x\" was made before");
    let weight = reason_of_node(|node| node.input[1] = "w".to_owned());
    assert_eq!(weight, "\"w\" is not known beforehand");
    let twice = reason_of_node(|node| node.output[0] = "images".to_owned());
    assert_eq!(twice, "two tensors are called images");
    let short = reason(|file| file.graph.as_mut().unwrap().initializer[0].raw_data.truncate(8));
    assert_eq!(short, "the constant weight is of another kind or size than it should be");
    let output =
        reason(|file| file.graph.as_mut().unwrap().output[0].name = "/conv/Conv_output_0".to_owned());
    assert_eq!(output, "/conv/Conv_output_0 is not one number for each class");
    let sizes = reason(|file| file.graph.as_mut().unwrap().input[0] = value("images", Some(1), &[2, 6, 7]));
    assert_eq!(sizes, "images are not square images of one size");
}

#[test]
fn images_of_another_size_are_refused() {
    let bytes = file(&convolution([2, 4], 6, Window::square(3))).encode_to_vec();
    let error = engine(&bytes).unwrap().probabilities(&[0.5; 2 * 5 * 5], 5).unwrap_err();
    assert_eq!(error.to_string(), "the file takes images of 6 pixels, not 5");
}
