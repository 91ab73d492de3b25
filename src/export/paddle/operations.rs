//! A lowered network's operators as operations of a program.

use super::{
    IMAGES, PROBABILITIES,
    program::{
        Attribute::{self, Flag, Float, LongWholes, Place, Sizes, Text, Whole, Wholes},
        Holds, Kind, NAME, Operation, Output, PARAMETER, Tensor,
    },
};
use crate::{
    arch::Window,
    export::lowered::{Constant, ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
};

/// The program of a lowered network, and its parameters.
pub(super) fn program(lowered: &Lowered) -> (Vec<Operation>, Vec<Constant>) {
    let mut writing =
        Writing { lowered, made: Vec::new(), next: 1, parameters: Vec::new(), operations: Vec::new() };
    let images = writing.images();
    writing.made.push(images);
    for instruction in &lowered.instructions {
        let inputs: Vec<u64> = instruction.inputs.iter().map(|input| writing.made[input.0]).collect();
        let outputs = writing.operator(instruction, &inputs);
        writing.made.extend(outputs);
    }
    let (probabilities, dims) = (writing.made[lowered.probabilities.0], lowered.dims(lowered.probabilities));
    let attributes = vec![(NAME, Text(PROBABILITIES.to_owned())), ("col", Whole(0))];
    writing.one("1.fetch", attributes, &[probabilities], Kind::F32, dims);
    (writing.operations, writing.parameters)
}

/// What belongs to an operation, by name.
type Attributes = Vec<(&'static str, Attribute)>;

/// A program on its way.
struct Writing<'a> {
    lowered: &'a Lowered,
    /// The value that each tensor is, by its number.
    made: Vec<u64>,
    /// The number of the next value.
    next: u64,
    parameters: Vec<Constant>,
    operations: Vec<Operation>,
}

impl Writing<'_> {
    /// Adds an operation; the values that it gives.
    fn add(&mut self, kind: &str, attributes: Attributes, inputs: &[u64], gives: Vec<Holds>) -> Vec<u64> {
        let outputs: Vec<Output> = (self.next..).zip(gives).map(|(id, holds)| Output { id, holds }).collect();
        let ids: Vec<u64> = outputs.iter().map(|output| output.id).collect();
        self.next += outputs.len() as u64;
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.operations.push(Operation {
            kind: kind.to_owned(),
            attributes,
            inputs: inputs.to_vec(),
            outputs,
        });
        ids
    }

    /// Adds an operation that gives one tensor.
    fn one(
        &mut self,
        kind: &str,
        attributes: Attributes,
        inputs: &[u64],
        numbers: Kind,
        dims: Vec<i64>,
    ) -> u64 {
        self.add(kind, attributes, inputs, vec![Holds::Tensor(Tensor { kind: numbers, dims })])[0]
    }

    fn images(&mut self) -> u64 {
        let (dims, name) = (self.lowered.dims(INPUT), Text(IMAGES.to_owned()));
        let attributes = vec![
            (NAME, name),
            ("shape", Sizes(dims.clone())),
            ("dtype", Attribute::Kind(Kind::F32)),
            ("place", Place(0)),
        ];
        self.one("1.data", attributes, &[], Kind::F32, dims)
    }

    /// Adds what an instruction does with these values; those that it gives.
    fn operator(
        &mut self,
        Instruction { operator, inputs: tensors, outputs, .. }: &Instruction,
        inputs: &[u64],
    ) -> Vec<u64> {
        let (x, dims) = (inputs[0], self.lowered.dims(outputs[0]));
        let (kind, attributes, inputs): (&str, Attributes, Vec<u64>) = match operator {
            Operator::Convolution { weight, bias, window } => {
                let channels = self.lowered.shape(tensors[0])[0];
                return vec![self.convolution(x, [*weight, *bias], *window, channels, dims)];
            }
            Operator::Silu => ("1.silu", vec![], vec![x]),
            Operator::Relu => ("1.relu", vec![], vec![x]),
            Operator::Add => ("1.add", vec![], inputs.to_vec()),
            Operator::Scale(factor) => {
                let factor = self.lowered.constant(*factor);
                // A single number in a dimension, since not every part of Paddle knows tensors without one.
                let shape = if factor.shape.is_empty() { vec![1] } else { factor.shape.clone() };
                ("1.multiply", vec![], vec![x, self.parameter(Constant { shape, ..factor.clone() })])
            }
            Operator::Concat { axis } => ("1.concat", vec![], self.joined(tensors, inputs, *axis)),
            Operator::Split { axis, sizes } => return self.split(x, *axis, sizes, outputs),
            Operator::EverySecond { row, column } => {
                let ends = self.lowered.shape(tensors[0])[1..].to_vec();
                let places = [vec![*row, *column], ends, vec![2, 2]].map(|sizes| self.sizes(&sizes));
                ("1.strided_slice", vec![("axes", Wholes(vec![2, 3]))], [&[x], &places[..]].concat())
            }
            Operator::MaxPool(window) => {
                let kernel = self.sizes(&[window.kernel; 2]);
                ("1.pool2d", pooled(*window), vec![x, kernel])
            }
            Operator::Reshape(shape) => {
                let shape = self.sizes(&[&[0], &shape[..]].concat());
                ("1.reshape", vec![], vec![x, shape])
            }
            Operator::Transpose { order } => ("1.transpose", vec![("perm", Wholes(whole(order)))], vec![x]),
            Operator::MatMul { transpose_a, transpose_b } => {
                let flags = vec![("transpose_x", Flag(*transpose_a)), ("transpose_y", Flag(*transpose_b))];
                ("1.matmul", flags, inputs.to_vec())
            }
            Operator::Softmax => ("1.softmax", vec![("axis", Whole(-1))], vec![x]),
            Operator::GlobalAverage => {
                let axes = self.sizes(&[2, 3]);
                ("1.mean", vec![("keepdim", Flag(false))], vec![x, axes])
            }
            Operator::Linear { weight, bias } => return vec![self.linear(x, [*weight, *bias], dims)],
        };
        vec![self.one(kind, attributes, &inputs, Kind::F32, dims)]
    }

    /// The value of numbers that are known beforehand.
    fn parameter(&mut self, constant: Constant) -> u64 {
        let dims = whole(&constant.shape);
        let id = self.one(PARAMETER, vec![(NAME, Text(constant.name.clone()))], &[], Kind::F32, dims);
        self.parameters.push(constant);
        id
    }

    /// The value of whole numbers in a row.
    fn sizes(&mut self, sizes: &[usize]) -> u64 {
        let (kind, dims) = (Kind::I64, vec![sizes.len() as i64]);
        let attributes =
            vec![("value", LongWholes(whole(sizes))), ("dtype", Attribute::Kind(kind)), ("place", Place(1))];
        self.one("1.full_int_array", attributes, &[], kind, dims)
    }

    /// The value of an axis.
    fn axis(&mut self, axis: usize) -> u64 {
        let kind = Attribute::Kind(Kind::I32);
        let attributes = vec![
            ("shape", Sizes(vec![1])),
            ("value", Float(axis as f64)),
            ("dtype", kind),
            ("place", Place(1)),
        ];
        self.one("1.full", attributes, &[], Kind::I32, vec![1])
    }

    /// `y` plus a bias, which gets this shape.
    fn plus(&mut self, y: u64, bias: ConstantId, shape: Vec<usize>, dims: Vec<i64>) -> u64 {
        let bias = self.parameter(Constant { shape, ..self.lowered.constant(bias).clone() });
        self.one("1.add", vec![], &[y, bias], Kind::F32, dims)
    }

    fn convolution(
        &mut self,
        x: u64,
        [weight, bias]: [ConstantId; 2],
        window: Window,
        channels: usize,
        dims: Vec<i64>,
    ) -> u64 {
        let (outputs, weight) =
            (self.lowered.constant(bias).data.len(), self.lowered.constant(weight).clone());
        let weight = self.parameter(weight);
        let each_by_itself = window.groups > 1 && window.groups == channels;
        let kind = if each_by_itself { "1.depthwise_conv2d" } else { "1.conv2d" };
        let y = self.one(kind, convolved(window), &[x, weight], Kind::F32, dims.clone());
        self.plus(y, bias, vec![1, outputs, 1, 1], dims)
    }

    /// Rows of numbers times a matrix, which Paddle has the other way round.
    fn linear(&mut self, x: u64, [weight, bias]: [ConstantId; 2], dims: Vec<i64>) -> u64 {
        let weight = self.parameter(self.lowered.constant(weight).transposed());
        let outputs = self.lowered.constant(bias).data.len();
        let flags = vec![("transpose_x", Flag(false)), ("transpose_y", Flag(false))];
        let y = self.one("1.matmul", flags, &[x, weight], Kind::F32, dims.clone());
        self.plus(y, bias, vec![outputs], dims)
    }

    /// What a concatenation takes: several tensors as one value, and the axis.
    fn joined(&mut self, tensors: &[TensorId], inputs: &[u64], axis: usize) -> Vec<u64> {
        let axis = self.axis(axis);
        let several = tensors.iter().map(|tensor| self.floats(*tensor)).collect();
        let joined = self.add("0.combine", vec![], inputs, vec![Holds::Several(several)]);
        vec![joined[0], axis]
    }

    /// The parts of a tensor: first as one value, which is then taken apart.
    fn split(&mut self, x: u64, axis: usize, sizes: &[usize], outputs: &[TensorId]) -> Vec<u64> {
        let (sizes, axis) = (self.sizes(sizes), self.axis(axis));
        let parts: Vec<Tensor> = outputs.iter().map(|tensor| self.floats(*tensor)).collect();
        let several = self.add("1.split", vec![], &[x, sizes, axis], vec![Holds::Several(parts.clone())]);
        self.add("0.split", vec![], &several, parts.into_iter().map(Holds::Tensor).collect())
    }

    /// What a tensor of the network holds.
    fn floats(&self, tensor: TensorId) -> Tensor {
        Tensor { kind: Kind::F32, dims: self.lowered.dims(tensor) }
    }
}

fn whole(numbers: &[usize]) -> Vec<i64> {
    numbers.iter().map(|number| *number as i64).collect()
}

/// How a convolution goes over a map, which is padded by half its kernel.
fn convolved(Window { kernel, stride, groups }: Window) -> Attributes {
    let [strides, paddings] = [stride, kernel / 2].map(|size| Wholes(whole(&[size; 2])));
    vec![
        ("strides", strides),
        ("paddings", paddings),
        ("padding_algorithm", Text("EXPLICIT".to_owned())),
        ("dilations", Wholes(vec![1, 1])),
        ("groups", Whole(groups as i64)),
        ("data_format", Text("NCHW".to_owned())),
    ]
}

/// How a pooling goes over a map, likewise.
fn pooled(Window { kernel, stride, .. }: Window) -> Attributes {
    let [strides, paddings] = [stride, kernel / 2].map(|size| LongWholes(whole(&[size; 2])));
    let text = |text: &str| Text(text.to_owned());
    vec![
        ("strides", strides),
        ("paddings", paddings),
        ("ceil_mode", Flag(false)),
        ("exclusive", Flag(true)),
        ("data_format", text("NCHW")),
        ("pooling_type", text("max")),
        ("global_pooling", Flag(false)),
        ("adaptive", Flag(false)),
        ("padding_algorithm", text("EXPLICIT")),
    ]
}
