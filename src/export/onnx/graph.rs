//! A graph under construction: operations are added one by one, each gives the names of its results.

use half::f16;

use super::proto::{
    AttributeProto, Dimension, DimensionProto, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::export::{free_names::Names, lowered::BatchDimension};

/// ONNX's number for 32-bit floats.
pub(super) const FLOAT: i32 = 1;
/// ONNX's number for 16-bit floats.
pub(super) const FLOAT16: i32 = 10;
/// ONNX's number for bytes.
pub(super) const UINT8: i32 = 2;
/// ONNX's number for 64-bit whole numbers.
pub(super) const INT64: i32 = 7;

/// A constant of an operation.
pub(super) enum Attribute<'a> {
    /// A whole number.
    Int(&'a str, i64),
    /// Several.
    Ints(&'a str, &'a [i64]),
    /// A number.
    Float(&'a str, f32),
    /// A text.
    Text(&'a str, &'a str),
}

/// Operations so far.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    /// What they are called.
    names: Names,
    initializers: Vec<TensorProto>,
}

impl Graph {
    /// Adds an operation with one result, named after `scope` and the operation.
    pub(super) fn op(
        &mut self,
        scope: &str,
        kind: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
    ) -> String {
        let output = self.free_name(scope, kind);
        self.node(&output, kind, inputs, vec![format!("{output}_output_0")], attributes);
        format!("{output}_output_0")
    }

    /// Cuts `input` along `axis` into parts of these sizes.
    pub(super) fn split(&mut self, scope: &str, input: &str, axis: i64, sizes: &[usize]) -> Vec<String> {
        let name = self.free_name(scope, "Split");
        let outputs: Vec<String> = (0..sizes.len()).map(|i| format!("{name}_output_{i}")).collect();
        let sizes = self.sizes(sizes);
        self.node(&name, "Split", &[input, &sizes], outputs.clone(), &[Attribute::Int("axis", axis)]);
        outputs
    }

    /// Every second pixel of every second row of `input`, from these first ones on.
    pub(super) fn every_second(&mut self, scope: &str, input: &str, first: [usize; 2]) -> String {
        let (first, end) = (self.sizes(&first), self.sizes(&[i32::MAX as usize; 2]));
        let (axes, steps) = (self.sizes(&[2, 3]), self.sizes(&[2, 2]));
        self.op(scope, "Slice", &[input, &first, &end, &axes, &steps], &[])
    }

    /// Gives `input` another shape; a size of 0 stays as it was.
    pub(super) fn reshape(&mut self, scope: &str, input: &str, shape: &[usize]) -> String {
        let shape = self.sizes(shape);
        self.op(scope, "Reshape", &[input, &shape], &[])
    }

    /// Reorders the dimensions of `input`.
    pub(super) fn transpose(&mut self, scope: &str, input: &str, order: &[usize]) -> String {
        let order: Vec<i64> = order.iter().map(|axis| *axis as i64).collect();
        self.op(scope, "Transpose", &[input], &[Attribute::Ints("perm", &order)])
    }

    /// Adds constant numbers under a name of their own, which it gives back.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], data: &[f32]) -> String {
        let raw_data = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, FLOAT, raw_data);
        name.to_owned()
    }

    /// Adds constant numbers in 16 bits, which are widened before they are used; the wide ones' name.
    pub(super) fn halves(&mut self, name: &str, shape: &[usize], data: &[f32]) -> String {
        let raw_data = data.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        self.constant(name, shape, FLOAT16, raw_data);
        self.op(name, "Cast", &[name], &[Attribute::Int("to", i64::from(FLOAT))])
    }

    /// The constant that holds these sizes; equal ones are shared.
    pub(super) fn sizes(&mut self, sizes: &[usize]) -> String {
        let text: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let name = format!("sizes.{}", text.join("x"));
        if !self.initializers.iter().any(|known| known.name == name) {
            let raw_data = sizes.iter().flat_map(|size| (*size as i64).to_le_bytes()).collect();
            self.constant(&name, &[sizes.len()], INT64, raw_data);
        }
        name
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) {
        let dims = shape.iter().map(|size| *size as i64).collect();
        let name = name.to_owned();
        self.initializers.push(TensorProto { dims, data_type, name, raw_data, ..TensorProto::default() });
    }

    fn node(
        &mut self,
        name: &str,
        kind: &str,
        inputs: &[&str],
        output: Vec<String>,
        attributes: &[Attribute<'_>],
    ) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output,
            name: name.to_owned(),
            op_type: kind.to_owned(),
            attribute: attributes.iter().map(AttributeProto::from).collect(),
        });
    }

    /// `/model.0/Conv`, or `/model.0/Conv_1` if that is taken.
    fn free_name(&mut self, scope: &str, kind: &str) -> String {
        let slash = if scope.is_empty() { "" } else { "/" };
        self.names.free(&format!("{slash}{scope}/{kind}"))
    }

    /// What was added so far: the operations, and the constants.
    pub(super) fn parts(&self) -> (&[NodeProto], &[TensorProto]) {
        (&self.nodes, &self.initializers)
    }

    /// The finished graph, from one input to one output, which the operation added last gives.
    pub(super) fn finish(mut self, name: &str, input: ValueInfoProto, output: ValueInfoProto) -> GraphProto {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![output.name.clone()];
        }
        GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.initializers,
            input: vec![input],
            output: vec![output],
        }
    }
}

impl From<&Attribute<'_>> for AttributeProto {
    fn from(attribute: &Attribute<'_>) -> Self {
        match *attribute {
            Attribute::Int(name, i) => {
                Self { name: name.to_owned(), i: Some(i), r#type: 2, ..Self::default() }
            }
            Attribute::Ints(name, ints) => {
                Self { name: name.to_owned(), ints: ints.to_vec(), r#type: 7, ..Self::default() }
            }
            Attribute::Float(name, f) => {
                Self { name: name.to_owned(), f: Some(f), r#type: 1, ..Self::default() }
            }
            Attribute::Text(name, text) => {
                Self { name: name.to_owned(), s: text.into(), r#type: 3, ..Self::default() }
            }
        }
    }
}

/// A float tensor of the graph's interface; its first dimension is `batch`.
pub(super) fn value(name: &str, batch: BatchDimension, rest: &[usize]) -> ValueInfoProto {
    let rest = rest.iter().map(|size| Dimension::Value(*size as i64));
    of_type(FLOAT, name, batch, rest.collect())
}

/// Pixels of the graph's interface, bytes `[batch, height, width, 3]`.
pub(super) fn pixels(name: &str, batch: BatchDimension) -> ValueInfoProto {
    let side = |name: &str| Dimension::Param(name.to_owned());
    of_type(UINT8, name, batch, vec![side("height"), side("width"), Dimension::Value(3)])
}

fn of_type(elem_type: i32, name: &str, batch: BatchDimension, rest: Vec<Dimension>) -> ValueInfoProto {
    let batch = match batch {
        BatchDimension::Fixed(images) => Dimension::Value(images as i64),
        BatchDimension::Any => Dimension::Param("batch".to_owned()),
    };
    let dim = std::iter::once(batch).chain(rest);
    let shape = TensorShapeProto { dim: dim.map(|value| DimensionProto { value: Some(value) }).collect() };
    let tensor_type = TensorTypeProto { elem_type, shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
