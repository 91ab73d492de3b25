//! What is read again, and what is refused.

use proptest::prelude::*;

use super::{
    super::{
        ONNX, OPSET,
        graph::{FLOAT16, Graph, INT64, value},
        nodes,
        proto::{AttributeProto, NodeProto, OperatorSetIdProto, TensorProto},
        rten::Rten,
        structure, unpacked,
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
    let input = value("images", BatchDimension::Fixed(1), lowered.shape(INPUT));
    let output = value("output0", BatchDimension::Fixed(1), lowered.shape(lowered.probabilities));
    ModelProto {
        ir_version: structure(OPSET),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET.into() }],
        graph: Some(nodes::add(lowered, Graph::default(), "images").finish("test", input, output)),
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
    unpacked(bytes).map(|exported| exported.network)
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
    assert_eq!(weight, "nothing that is called \"w\" was made before");
    let twice = reason_of_node(|node| node.output[0] = "images".to_owned());
    assert_eq!(twice, "two tensors are called images");
    let short = reason(|file| file.graph.as_mut().unwrap().initializer[0].raw_data.truncate(8));
    assert_eq!(short, "the constant weight is of another kind or size than it should be");
    let output =
        reason(|file| file.graph.as_mut().unwrap().output[0].name = "/conv/Conv_output_0".to_owned());
    assert_eq!(output, "/conv/Conv_output_0 is not one number for each class");
    let sizes = reason(|file| {
        file.graph.as_mut().unwrap().input[0] = value("images", BatchDimension::Fixed(1), &[2, 6, 7]);
    });
    assert_eq!(sizes, "images are not square images of one size");
}

#[test]
fn images_of_another_size_are_refused() {
    let bytes = file(&convolution([2, 4], 6, Window::square(3))).encode_to_vec();
    let error = engine(&bytes).unwrap().probabilities(&[0.5; 2 * 5 * 5], 5).unwrap_err();
    assert_eq!(error.to_string(), "the file takes images of 6 pixels, not 5");
}

/// A file of a graph from images `[batch, 3, 4, 4]` to `output0`.
fn graph_of(batch: BatchDimension, node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let (input, output) = (value("images", batch, &[3, 4, 4]), value("output0", batch, &[2]));
    let graph =
        GraphProto { node, initializer, input: vec![input], output: vec![output], name: "test".to_owned() };
    ModelProto {
        ir_version: structure(OPSET),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET.into() }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

fn node(op_type: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto {
        input: own(input),
        output: own(&[output]),
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        attribute,
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(i), r#type: 2, ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: ints.to_vec(), r#type: 7, ..AttributeProto::default() }
}

fn whole(name: &str, dims: &[i64], numbers: &[i64]) -> TensorProto {
    let (name, dims, int64_data) = (name.to_owned(), dims.to_vec(), numbers.to_vec());
    TensorProto { name, dims, int64_data, data_type: INT64, ..TensorProto::default() }
}

/// The shapes of all tensors that a file makes, behind the batch.
fn shapes(file: &ModelProto) -> Vec<Vec<usize>> {
    lowered_of(&file.encode_to_vec()).unwrap().shapes.split_off(1)
}

#[test]
fn a_dimension_that_is_joined_with_the_batch_is_one_of_its_own() {
    let nodes = || {
        vec![
            node("Reshape", &["images", "areas"], "a", vec![]),
            node("Transpose", &["a"], "b", vec![ints("perm", &[0, 2, 1])]),
            node("Softmax", &["b"], "c", vec![int("axis", -1)]),
            node("Reshape", &["c", "row"], "output0", vec![]),
        ]
    };
    let expected = [vec![4, 2, 6], vec![4, 6, 2], vec![4, 6, 2], vec![48]];
    for batch in [1, 3] {
        let areas = whole("areas", &[3], &[4 * batch, 2, 6]);
        let file = |row: &[i64]| {
            let constants = vec![areas.clone(), whole("row", &[2], row)];
            graph_of(BatchDimension::Fixed(batch as usize), nodes(), constants)
        };
        assert_eq!(shapes(&file(&[batch, 48])), expected);
        assert_eq!(shapes(&file(&[batch, -1])), expected);
        let joined = lowered_of(&file(&[4 * batch, 12]).encode_to_vec()).unwrap_err();
        assert_eq!(joined.to_string(), "output0 is not one number for each class");
        // Images of a batch would be mixed.
        let mixed = lowered_of(&file(&[-1, 7]).encode_to_vec()).unwrap_err();
        assert_eq!(mixed.to_string(), "output0 can't take tensors of the shapes [[4, 6, 2]]");
    }
}

#[test]
fn sizes_that_are_calculated_are_known() {
    let nodes = vec![
        node("Shape", &["images"], "shape", vec![]),
        node("Gather", &["shape", "first"], "n", vec![int("axis", 0)]),
        node("Gather", &["shape", "second"], "c", vec![]),
        node("Gather", &["shape", "third"], "h", vec![]),
        node("Mul", &["h", "h"], "area", vec![]),
        node("Unsqueeze", &["n", "zero"], "n1", vec![]),
        node("Identity", &["c"], "c1", vec![]),
        node("Unsqueeze", &["area", "zero"], "a1", vec![]),
        node("Concat", &["n1", "c1", "a1"], "sizes", vec![int("axis", 0)]),
        node("Reshape", &["images", "sizes"], "rows", vec![]),
        node("Flatten", &["rows"], "output0", vec![]),
    ];
    let constants = vec![
        whole("first", &[], &[0]),
        whole("second", &[1], &[1]),
        whole("third", &[], &[2]),
        whole("zero", &[1], &[0]),
    ];
    for batch in [BatchDimension::Any, BatchDimension::Fixed(2)] {
        let file = graph_of(batch, nodes.clone(), constants.clone());
        assert_eq!(shapes(&file), [vec![3, 16], vec![48]]);
    }
}

#[test]
fn half_precision_and_constant_nodes_are_read() {
    let bytes = [1.5_f32, -2.0].iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
    let factor = TensorProto { dims: vec![1], data_type: FLOAT16, raw_data: bytes, ..TensorProto::default() };
    let mut one = factor.clone();
    one.raw_data.truncate(2);
    let attribute =
        AttributeProto { name: "value".to_owned(), t: Some(one), r#type: 4, ..AttributeProto::default() };
    let nodes = vec![
        node("Cast", &["images"], "narrow", vec![int("to", FLOAT16.into())]),
        node("Constant", &[], "factor", vec![attribute]),
        node("Mul", &["narrow", "factor"], "scaled", vec![]),
        node("Cast", &["scaled"], "wide", vec![int("to", 1)]),
        node("Flatten", &["wide"], "output0", vec![int("axis", 1)]),
    ];
    let lowered =
        lowered_of(&graph_of(BatchDimension::Fixed(1), nodes.clone(), vec![]).encode_to_vec()).unwrap();
    let Constant { shape, data, precision, .. } = &lowered.constants[0];
    assert_eq!((shape.as_slice(), data.as_slice(), *precision), (&[][..], &[1.5][..], Precision::Fp16));
    let wrong =
        graph_of(BatchDimension::Fixed(1), nodes, vec![TensorProto { name: "x".to_owned(), ..factor }]);
    let error = lowered_of(&wrong.encode_to_vec()).unwrap_err().to_string();
    assert_eq!(error, "the constant x is of another kind or size than it should be");
}
