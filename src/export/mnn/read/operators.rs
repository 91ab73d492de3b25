//! Operators one by one: what each takes, and what it is to us.

use super::{
    super::schema::{self, Format, Kind, field},
    operator::Operator,
    parameters::pooling,
    reader::{Given, Reader},
};
use crate::{
    error::Result,
    export::{
        Precision,
        lowered::{Constant, Operator as Plain, TensorId},
    },
};

impl Reader {
    /// Adds an operator on tensors; what it gives.
    pub(super) fn added(&mut self, operator: &Operator<'_>) -> Result<Vec<Given>> {
        let inputs = self.inputs(operator)?;
        let tensor = |given: &Given| match given {
            Given::Tensor(tensor, format) => Some((*tensor, *format)),
            Given::Wholes(_) | Given::Number(_) => None,
        };
        let tensors: Vec<(TensorId, Format)> = inputs.iter().filter_map(tensor).collect();
        let plain = self.plain(operator, &inputs)?;
        let averages = plain == Plain::GlobalAverage;
        let given = self.push(operator, plain, &tensors, taken(operator.kind))?;
        match given[..] {
            // There is a map of one pixel in the file.
            [Given::Tensor(means, format)] if averages => {
                let shape = [self.lowered.shape(means), &[1, 1]].concat();
                self.push(operator, Plain::Reshape(shape), &[(means, format)], None)
            }
            _ => Ok(given),
        }
    }

    /// The plain operator that an operator is.
    fn plain(&mut self, operator: &Operator<'_>, inputs: &[Given]) -> Result<Plain> {
        Ok(match (operator.kind, inputs) {
            (schema::CONVOLUTION | schema::DEPTHWISE, &[Given::Tensor(x, _)]) => {
                self.convolution(operator, x)?
            }
            (schema::POOLING, [Given::Tensor(..)]) => pooling(operator)?,
            (schema::SCALE, [Given::Tensor(..)]) => self.scale(operator)?,
            (schema::UNARY, [Given::Tensor(..)]) => {
                does(operator, schema::SILU)?;
                Plain::Silu
            }
            (schema::RELU, [Given::Tensor(..)]) => {
                operator.hold("slope", operator.number(field::SLOPE, 0.0_f32)? == 0.0)?;
                Plain::Relu
            }
            (schema::BINARY, [Given::Tensor(..), Given::Tensor(..)]) => {
                does(operator, schema::ADD)?;
                Plain::Add
            }
            (schema::BINARY, &[Given::Tensor(..), Given::Number(factor)]) => {
                does(operator, schema::MUL)?;
                self.times(operator, factor)
            }
            (schema::CONCAT, [Given::Tensor(x, _), ..]) => {
                let tensors = inputs.iter().all(|given| matches!(given, Given::Tensor(..)));
                operator.hold("kind of inputs", tensors)?;
                Plain::Concat { axis: self.axis(operator, *x)? }
            }
            (schema::SLICE, [Given::Tensor(x, _), Given::Wholes(sizes)]) => {
                let source = operator.number(field::SLICE_SOURCE, 0_i8)?;
                operator.hold("part", source == schema::TORCH)?;
                Plain::Split { axis: self.axis(operator, *x)?, sizes: sizes_of(operator, sizes)? }
            }
            (
                schema::STRIDED_SLICE,
                [Given::Tensor(..), Given::Wholes(first), Given::Wholes(end), Given::Wholes(step)],
            ) => every_second(operator, [first, end, step])?,
            (schema::RESHAPE, [Given::Tensor(x, _), Given::Wholes(shape)]) => {
                let format = operator.number(field::RESHAPE_FORMAT, 0_i8)?;
                operator.hold("format", Format::of(format) == Some(Format::Plain))?;
                let shape: Vec<i64> = shape.iter().copied().map(i64::from).collect();
                self.lowered.reshaped(*x, &shape).map_or_else(|| operator.unknown("shape"), Ok)?
            }
            (schema::PERMUTE, [Given::Tensor(..)]) => {
                Plain::Transpose { order: sizes_of(operator, &operator.numbers(field::ORDER)?)? }
            }
            (schema::BATCH_MATMUL, [Given::Tensor(..), Given::Tensor(..)]) => Plain::MatMul {
                transpose_a: operator.holds(field::TRANSPOSE_A)?,
                transpose_b: operator.holds(field::TRANSPOSE_B)?,
            },
            (schema::SOFTMAX, [Given::Tensor(x, _)]) => {
                operator.hold("axis", self.axis(operator, *x)? == self.lowered.shape(*x).len())?;
                Plain::Softmax
            }
            _ => return operator.unknown("kind of inputs"),
        })
    }

    /// All numbers times one.
    fn times(&mut self, operator: &Operator<'_>, factor: f32) -> Plain {
        let (name, data) = (format!("{}.factor", operator.at), vec![factor]);
        let factor = Constant { name, shape: Vec::new(), data, precision: Precision::Fp32 };
        Plain::Scale(self.lowered.add_constant(factor))
    }

    /// The axis of a tensor that an operator works along; a negative one counts from the end.
    fn axis(&self, operator: &Operator<'_>, x: TensorId) -> Result<usize> {
        let (axis, dimensions) = (operator.number(field::AXIS, 0_i32)?, self.lowered.shape(x).len() + 1);
        let axis = i64::from(axis) + if axis < 0 { dimensions as i64 } else { 0 };
        usize::try_from(axis).or_else(|_| operator.unknown("axis"))
    }
}

/// The format in which an operator of a kind wants its inputs, if it does not take either.
fn taken(kind: Kind) -> Option<Format> {
    match kind {
        schema::CONVOLUTION | schema::DEPTHWISE | schema::POOLING | schema::SCALE => Some(Format::Packed),
        schema::UNARY | schema::RELU | schema::BINARY | schema::CONCAT | schema::SLICE => None,
        _ => Some(Format::Plain),
    }
}

/// Refuses an operator that does anything else with numbers of 32 bits.
fn does(operator: &Operator<'_>, wanted: i32) -> Result<()> {
    operator.must_be("type", field::OPERATION_TYPE, schema::FLOAT)?;
    operator.hold("function", operator.number(field::OPERATION, 0_i32)? == wanted)
}

/// Every second pixel of every second row, by where that begins and ends and in which steps.
fn every_second(operator: &Operator<'_>, [first, end, step]: [&[i32]; 3]) -> Result<Plain> {
    for mask in field::MASKS {
        operator.must_be("mask", mask, 0)?;
    }
    let sizes = sizes_of(operator, first)?;
    match (&sizes[..], end, step) {
        (&[0, 0, row, column], [i32::MAX, i32::MAX, i32::MAX, i32::MAX], [1, 1, 2, 2]) => {
            Ok(Plain::EverySecond { row, column })
        }
        _ => operator.unknown("part"),
    }
}

/// The same numbers, where none is negative.
fn sizes_of(operator: &Operator<'_>, numbers: &[i32]) -> Result<Vec<usize>> {
    let sizes = numbers.iter().map(|number| usize::try_from(*number).ok()).collect();
    Option::map_or_else(sizes, || operator.unknown("size"), Ok)
}
