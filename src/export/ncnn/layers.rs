//! A lowered network's operators as layers.

use std::slice::from_ref;

use super::{
    IMAGES, PROBABILITIES,
    param::{
        Layer,
        Parameter::{self, Float, List, Whole},
    },
    permutation,
    weights::{numbers, weights},
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{
        free_names::Names,
        lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
    },
};

/// The most dimensions of a tensor, where the batch is none.
const MOST_DIMENSIONS: usize = 4;

/// The layers of a lowered network, and the bytes of their weights.
///
/// # Errors
/// If a tensor has too many dimensions.
pub(super) fn layers(lowered: &Lowered) -> Result<(Vec<Layer>, Vec<u8>)> {
    let mut uses = vec![0; lowered.shapes.len()];
    let taken = lowered.instructions.iter().flat_map(|instruction| &instruction.inputs);
    taken.for_each(|tensor| uses[tensor.0] += 1);
    let (blobs, names) = (vec![Vec::new(); uses.len()], Names::default());
    let mut writing = Writing { lowered, uses, blobs, names, layers: Vec::new(), bytes: Vec::new() };
    writing.layer(IMAGES, "Input", &[], &[writing.blob(INPUT)], sizes(lowered.shape(INPUT)));
    writing.made(INPUT);
    lowered.instructions.iter().try_for_each(|instruction| writing.instruction(instruction))?;
    Ok((writing.layers, writing.bytes))
}

/// Layers on their way.
struct Writing<'a> {
    lowered: &'a Lowered,
    /// How many times each tensor is taken, by its number.
    uses: Vec<usize>,
    /// By tensor, what it is called for each that takes it, the first last.
    blobs: Vec<Vec<String>>,
    names: Names,
    layers: Vec<Layer>,
    bytes: Vec<u8>,
}

impl Writing<'_> {
    /// Adds a layer of the module `at`.
    fn layer(
        &mut self,
        at: &str,
        kind: &'static str,
        inputs: &[String],
        outputs: &[String],
        parameters: Vec<(i32, Parameter)>,
    ) {
        let name = self.names.free(if at.is_empty() { kind } else { at });
        let (inputs, outputs) = (inputs.to_vec(), outputs.to_vec());
        self.layers.push(Layer { kind, name, inputs, outputs, parameters });
    }

    /// What a tensor is called where it is made.
    fn blob(&self, tensor: TensorId) -> String {
        match tensor {
            INPUT => IMAGES.to_owned(),
            tensor if tensor == self.lowered.probabilities => PROBABILITIES.to_owned(),
            TensorId(number) => number.to_string(),
        }
    }

    /// A tensor was made. Where several layers take it, each must have one of its own.
    fn made(&mut self, tensor: TensorId) {
        let (blob, uses) = (self.blob(tensor), self.uses[tensor.0]);
        if uses < 2 {
            return self.blobs[tensor.0].push(blob);
        }
        let copies: Vec<String> = (0..uses).map(|copy| format!("{blob}_{copy}")).collect();
        self.layer(&format!("split_{blob}"), "Split", &[blob], &copies, Vec::new());
        self.blobs[tensor.0] = copies.into_iter().rev().collect();
    }

    fn instruction(&mut self, instruction: &Instruction) -> Result<()> {
        let Instruction { at, inputs, outputs, .. } = instruction;
        let of = |tensor: &TensorId| self.lowered.shape(*tensor).len();
        if let Some(dimensions) = outputs.iter().map(of).find(|dimensions| *dimensions > MOST_DIMENSIONS) {
            return Err(Error::new(format!("ncnn has no tensors of {dimensions} dimensions, as {at} gives")));
        }
        let mut take = |tensor: &TensorId| self.blobs[tensor.0].pop().expect("there is one for each use");
        let takes: Vec<String> = inputs.iter().map(&mut take).collect();
        let gives: Vec<String> = outputs.iter().map(|tensor| self.blob(*tensor)).collect();
        self.operator(instruction, &takes, &gives);
        outputs.iter().for_each(|tensor| self.made(*tensor));
        Ok(())
    }

    /// Adds what an operator does with blobs of these names.
    fn operator(&mut self, instruction: &Instruction, takes: &[String], gives: &[String]) {
        let Instruction { operator, at, inputs, outputs } = instruction;
        let (x, y) = (self.lowered.shape(inputs[0]), self.lowered.shape(outputs[0]));
        let (kind, parameters) = match operator {
            Operator::Convolution { weight, bias, window } => self.convolution(*weight, *bias, *window),
            Operator::Silu => ("Swish", Vec::new()),
            Operator::Relu => ("ReLU", Vec::new()),
            Operator::Add => ("BinaryOp", vec![(0, Whole(0))]),
            Operator::Scale(factor) => self.scale(*factor),
            Operator::Concat { axis } => ("Concat", vec![(0, whole(axis - 1))]),
            Operator::Split { axis, sizes } => {
                ("Slice", vec![(0, List(sizes.clone())), (1, whole(axis - 1))])
            }
            Operator::EverySecond { row, column } => {
                return self.every_second(at, 2 * row + column, x[0], takes, &gives[0]);
            }
            Operator::MaxPool(window) => ("Pooling", pooled(*window)),
            Operator::Reshape(_) => ("Reshape", sizes(y)),
            Operator::Transpose { order } => ("Permute", permuted(order)),
            Operator::MatMul { transpose_a, transpose_b } => {
                let takes = if *transpose_a { &self.swapped(at, takes) } else { takes };
                return self.layer(at, "MatMul", takes, gives, vec![(0, Whole((*transpose_b).into()))]);
            }
            Operator::Softmax => ("Softmax", vec![(0, whole(x.len() - 1)), (1, Whole(1))]),
            Operator::GlobalAverage => ("Pooling", vec![(0, Whole(1)), (4, Whole(1))]),
            Operator::Linear { weight, bias } => self.linear(*weight, *bias),
        };
        self.layer(at, kind, takes, gives, parameters);
    }

    /// The weights of a constant; how many there are.
    fn weights(&mut self, id: ConstantId) -> usize {
        let constant = self.lowered.constant(id);
        self.bytes.extend(weights(constant));
        constant.data.len()
    }

    /// The numbers of a constant; how many there are.
    fn numbers(&mut self, id: ConstantId) -> usize {
        let constant = self.lowered.constant(id);
        self.bytes.extend(numbers(constant));
        constant.data.len()
    }

    fn convolution(
        &mut self,
        weight: ConstantId,
        bias: ConstantId,
        window: Window,
    ) -> (&'static str, Vec<(i32, Parameter)>) {
        let (count, outputs) = (self.weights(weight), self.numbers(bias));
        let counts = vec![(5, Whole(1)), (6, whole(count))];
        let parameters = [vec![(0, whole(outputs))], convolved(window), counts].concat();
        match window.groups {
            1 => ("Convolution", parameters),
            groups => ("ConvolutionDepthWise", [parameters, vec![(7, whole(groups))]].concat()),
        }
    }

    fn linear(&mut self, weight: ConstantId, bias: ConstantId) -> (&'static str, Vec<(i32, Parameter)>) {
        let (count, outputs) = (self.weights(weight), self.numbers(bias));
        ("InnerProduct", vec![(0, whole(outputs)), (1, Whole(1)), (2, whole(count))])
    }

    /// Times a number, or one for each channel.
    fn scale(&mut self, factor: ConstantId) -> (&'static str, Vec<(i32, Parameter)>) {
        let constant = self.lowered.constant(factor);
        match (&constant.shape[..], &constant.data[..]) {
            ([], [number]) => ("BinaryOp", vec![(0, Whole(2)), (1, Whole(1)), (2, Float(*number))]),
            _ => ("Scale", vec![(0, whole(self.numbers(factor))), (1, Whole(0))]),
        }
    }

    /// Squares of four pixels become channels, in four runs by their place in the square; one of them is taken.
    fn every_second(&mut self, at: &str, place: usize, channels: usize, takes: &[String], gives: &str) {
        let squares = format!("{gives}_squares");
        let one = |part| if part == place { gives.to_owned() } else { format!("{gives}_{part}_unused") };
        self.layer(at, "Reorg", takes, from_ref(&squares), vec![(0, Whole(2)), (1, Whole(1))]);
        let parameters = vec![(0, List(vec![channels; 4])), (1, Whole(0))];
        self.layer(at, "Slice", &[squares], &(0..4).map(one).collect::<Vec<_>>(), parameters);
    }

    /// The factors of a product, the first with its last two dimensions swapped.
    fn swapped(&mut self, at: &str, takes: &[String]) -> Vec<String> {
        let swapped = format!("{}_swapped", takes[0]);
        self.layer(at, "Permute", &takes[..1], from_ref(&swapped), vec![(0, Whole(1))]);
        [&[swapped], &takes[1..]].concat()
    }
}

fn whole(number: usize) -> Parameter {
    Whole(number as i64)
}

/// Sizes, which ncnn names from the innermost: width, height, depth if there are four, channels.
fn sizes(shape: &[usize]) -> Vec<(i32, Parameter)> {
    let numbers: &[i32] = if shape.len() == MOST_DIMENSIONS { &[0, 1, 11, 2] } else { &[0, 1, 2] };
    numbers.iter().copied().zip(shape.iter().rev().map(|size| whole(*size))).collect()
}

/// How a convolution goes over a map, which is padded by half its kernel. Its pixels lie side by side.
fn convolved(Window { kernel, stride, .. }: Window) -> Vec<(i32, Parameter)> {
    let by_number = [
        (1, kernel),
        (11, kernel),
        (2, 1),
        (12, 1),
        (3, stride),
        (13, stride),
        (4, kernel / 2),
        (14, kernel / 2),
    ];
    by_number.map(|(number, value)| (number, whole(value))).to_vec()
}

/// How a pooling goes over a map, which is padded by half its kernel on each side and no further.
fn pooled(Window { kernel, stride, .. }: Window) -> Vec<(i32, Parameter)> {
    let padding = [3, 13, 14, 15].map(|number| (number, kernel / 2));
    let by_number = [(0, 0), (1, kernel), (11, kernel), (2, stride), (12, stride)]
        .into_iter()
        .chain(padding)
        .chain([(5, 1)]);
    by_number.map(|(number, value)| (number, whole(value))).collect()
}

/// The number of an order, in which the batch is none.
fn permuted(order: &[usize]) -> Vec<(i32, Parameter)> {
    let order: Vec<usize> = order[1..].iter().map(|axis| axis - 1).collect();
    vec![(0, whole(permutation::number(&order)))]
}
