//! Runs a lowered network operator by operator, in the plainest way that is quick enough: the second opinion on a file.
//!
//! It shares the matrix product with the training on the CPU, and nothing with the network that it is compared with. An
//! image goes through by itself, so that no result depends on others, nor on the number of threads.

mod convolution;
mod max_pool;
mod rearrange;

use std::borrow::Cow;

use rayon::prelude::*;

use self::convolution::Convolution;
use super::{
    Engine,
    lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
};
use crate::{
    error::{Error, Result},
    matrix::{Left, Rows, product, row_by_row},
    softmax::softmax,
};

/// A network that was read from a file.
#[derive(Debug)]
pub(super) struct Interpreter {
    name: String,
    lowered: Lowered,
    /// By number of the instruction, the tensors that nobody takes after it.
    done_with: Vec<Vec<TensorId>>,
}

impl Interpreter {
    /// A network as an engine of this name.
    pub(super) fn new(name: String, lowered: Lowered) -> Self {
        let mut last = vec![None; lowered.shapes.len()];
        for (place, instruction) in lowered.instructions.iter().enumerate() {
            let tensors = instruction.inputs.iter().chain(&instruction.outputs);
            tensors.for_each(|tensor| last[tensor.0] = Some(place));
        }
        last[lowered.probabilities.0] = None;
        let mut done_with = vec![Vec::new(); lowered.instructions.len()];
        for (tensor, place) in last.iter().enumerate() {
            place.iter().for_each(|place| done_with[*place].push(TensorId(tensor)));
        }
        Self { name, lowered, done_with }
    }

    /// What it gives of images `[batch, 3, size, size]` of its own size: row by row.
    pub(super) fn rows(&self, images: &[f32]) -> Vec<f32> {
        let images = images.par_chunks_exact(self.lowered.shape(INPUT).iter().product());
        let rows: Vec<Vec<f32>> = images.map(|image| self.image(image)).collect();
        rows.concat()
    }

    /// The probabilities of an image `[3, size, size]`.
    fn image(&self, image: &[f32]) -> Vec<f32> {
        let mut tensors = vec![Vec::new(); self.lowered.shapes.len()];
        tensors[INPUT.0] = image.to_vec();
        for (instruction, done_with) in self.lowered.instructions.iter().zip(&self.done_with) {
            let given = self.instruction(instruction, &tensors);
            for (tensor, given) in instruction.outputs.iter().zip(given) {
                tensors[tensor.0] = given;
            }
            done_with.iter().for_each(|tensor| tensors[tensor.0] = Vec::new());
        }
        std::mem::take(&mut tensors[self.lowered.probabilities.0])
    }

    /// What an instruction gives.
    fn instruction(&self, instruction: &Instruction, tensors: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let Instruction { operator, inputs, outputs, .. } = instruction;
        let numbers: Vec<&[f32]> = inputs.iter().map(|input| tensors[input.0].as_slice()).collect();
        let shapes: Vec<&[usize]> = inputs.iter().map(|input| self.lowered.shape(*input)).collect();
        let (x, shape, out) = (numbers[0], shapes[0], self.lowered.shape(outputs[0]));
        vec![match operator {
            Operator::Convolution { weight, bias, window } => {
                let [weight, bias] = [weight, bias].map(|id| self.constant(*id));
                Convolution { map: x, shape, weight, bias, window: *window, out }.run()
            }
            Operator::Silu => x.iter().map(|x| x / (1.0 + (-x).exp())).collect(),
            // What is not a number stays so, to be seen in the end.
            Operator::Relu => x.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect(),
            Operator::Add => x.iter().zip(numbers[1]).map(|(x, y)| x + y).collect(),
            Operator::Scale(factor) => scaled(x, self.constant(*factor)),
            Operator::Concat { axis } => rearrange::joined(&numbers, &shapes, *axis),
            Operator::Split { axis, sizes } => return rearrange::parts(x, shape, *axis, sizes),
            Operator::EverySecond { row, column } => rearrange::every_second(x, shape, *row, *column),
            Operator::MaxPool(window) => max_pool::max_pool(x, shape, *window, out),
            Operator::Reshape(_) => x.to_vec(),
            Operator::Transpose { order } => rearrange::transposed(x, shape, order),
            Operator::MatMul { transpose_a, transpose_b } => {
                products([x, numbers[1]], [shape, shapes[1]], [*transpose_a, *transpose_b])
            }
            Operator::Softmax => x.chunks_exact(shape[shape.len() - 1]).flat_map(softmax).collect(),
            Operator::GlobalAverage => x.chunks_exact(shape[1] * shape[2]).map(mean).collect(),
            Operator::Linear { weight, bias } => linear(x, self.constant(*weight), self.constant(*bias)),
        }]
    }

    fn constant(&self, id: ConstantId) -> &[f32] {
        &self.lowered.constant(id).data
    }
}

impl Engine for Interpreter {
    fn name(&self) -> &str {
        &self.name
    }

    fn probabilities(&self, images: &[f32], size: usize) -> Result<Vec<f32>> {
        let shape = self.lowered.shape(INPUT);
        if shape[1..] != [size, size] {
            return Err(Error::new(format!("the file takes images of {} pixels, not {size}", shape[1])));
        }
        Ok(self.rows(images))
    }
}

/// All numbers by one factor, or those of each channel by one of its own.
fn scaled(x: &[f32], factors: &[f32]) -> Vec<f32> {
    let planes = x.chunks_exact(x.len() / factors.len()).zip(factors);
    planes.flat_map(|(plane, factor)| plane.iter().map(move |x| x * factor)).collect()
}

/// The mean, whose sum is exact.
fn mean(plane: &[f32]) -> f32 {
    (plane.iter().map(|x| f64::from(*x)).sum::<f64>() / plane.len() as f64) as f32
}

/// `weight` `[outputs, inputs]` times `x` `[inputs]`, plus `bias` `[outputs]`.
fn linear(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let rows = weight.chunks_exact(x.len()).zip(bias);
    let dot = |row: &[f32]| row.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    rows.map(|(row, bias)| (dot(row) + f64::from(*bias)) as f32).collect()
}

/// Products of the matrices in the last two dimensions.
fn products([a, b]: [&[f32]; 2], shapes: [&[usize]; 2], [transpose_a, transpose_b]: [bool; 2]) -> Vec<f32> {
    let [(rows, inner), (other, columns)] =
        shapes.map(|shape| (shape[shape.len() - 2], shape[shape.len() - 1]));
    let (depth, width) = (if transpose_a { rows } else { inner }, if transpose_b { other } else { columns });
    let height = rows * inner / depth;
    let (pairs, starts) =
        (a.chunks_exact(rows * inner).zip(b.chunks_exact(other * columns)), row_by_row(depth, width));
    let product = |(a, b): (&[f32], &[f32])| {
        let left = if transpose_a { Left::Columns(a) } else { Left::Rows(a) };
        let right: Cow<'_, [f32]> = match transpose_b {
            true => rearrange::transposed(b, &[other, columns], &[0, 2, 1]).into(),
            false => b.into(),
        };
        let mut out = vec![0.0; height * width];
        product(left, Rows { numbers: &right, starts: &starts, width }, &mut out);
        out
    };
    pairs.flat_map(product).collect()
}
