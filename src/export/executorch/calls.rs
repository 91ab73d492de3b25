//! The operators of a lowered network, as calls of portable kernels.

use super::program::{Kernel, Program};
use crate::{
    arch::Window,
    error::Result,
    export::lowered::{ConstantId, INPUT, Instruction, Lowered, Operator, TensorId},
};

pub(super) const ADD: Kernel = ("aten::add", "out");
pub(super) const ADD_PRODUCT: Kernel = ("aten::addmm", "out");
pub(super) const CAT: Kernel = ("aten::cat", "out");
pub(super) const CONVOLUTION: Kernel = ("aten::convolution", "out");
pub(super) const MAX_POOL: Kernel = ("aten::max_pool2d_with_indices", "out");
pub(super) const MEAN: Kernel = ("aten::mean", "out");
pub(super) const MUL: Kernel = ("aten::mul", "out");
pub(super) const PERMUTE: Kernel = ("aten::permute_copy", "out");
pub(super) const PRODUCTS: Kernel = ("aten::bmm", "out");
pub(super) const RELU: Kernel = ("aten::relu", "out");
pub(super) const SIGMOID: Kernel = ("aten::sigmoid", "out");
pub(super) const SLICE: Kernel = ("aten::slice_copy", "Tensor_out");
pub(super) const SOFTMAX: Kernel = ("aten::_softmax", "out");
pub(super) const SPLIT: Kernel = ("aten::split_with_sizes_copy", "out");
pub(super) const VIEW: Kernel = ("aten::view_copy", "out");

/// The bytes of a file of this network, which takes a fixed number of images.
///
/// # Errors
/// If it is too large for such a file.
pub(super) fn write(lowered: &Lowered) -> Result<Vec<u8>> {
    let mut calls = Calls { lowered, program: Program::default(), values: Vec::new() };
    let images = calls.program.tensor(&lowered.dims(INPUT));
    calls.values.push(images);
    for instruction in &lowered.instructions {
        let given = calls.instruction(instruction);
        calls.values.extend(given);
    }
    let ends = [INPUT, lowered.probabilities].map(|tensor| calls.values[tensor.0]);
    calls.program.finish(ends)
}

/// Calls on their way.
struct Calls<'a> {
    lowered: &'a Lowered,
    program: Program,
    /// The value of each tensor, by its number.
    values: Vec<i32>,
}

impl Calls<'_> {
    /// Adds what an instruction does; the values that it gives.
    fn instruction(&mut self, Instruction { operator, inputs, outputs, .. }: &Instruction) -> Vec<i32> {
        let takes: Vec<i32> = inputs.iter().map(|input| self.values[input.0]).collect();
        let (x, of, dims) = (takes[0], self.lowered.dims(inputs[0]), self.lowered.dims(outputs[0]));
        vec![match operator {
            Operator::Convolution { weight, bias, window } => {
                self.convolution(x, [*weight, *bias], *window, &dims)
            }
            Operator::Silu => {
                let gate = self.program.one(SIGMOID, &[x], &dims);
                self.program.one(MUL, &[x, gate], &dims)
            }
            Operator::Relu => self.program.one(RELU, &[x], &dims),
            Operator::Add => {
                let once = self.program.whole(1);
                self.program.one(ADD, &[x, takes[1], once], &dims)
            }
            Operator::Scale(factor) => {
                let factor = self.constant(*factor);
                self.program.one(MUL, &[x, factor], &dims)
            }
            Operator::Concat { axis } => {
                let (all, axis) = (self.program.tensors(&takes), self.program.whole(*axis as i64));
                self.program.one(CAT, &[all, axis], &dims)
            }
            Operator::Split { axis, sizes } => return self.split(x, *axis, sizes, outputs),
            Operator::EverySecond { row, column } => self.every_second(x, [*row, *column], &of),
            Operator::MaxPool(window) => self.max_pool(x, *window, &dims),
            Operator::Reshape(_) => self.view(x, &dims),
            Operator::Transpose { order } => self.permuted(x, &whole(order), &dims),
            Operator::MatMul { transpose_a, transpose_b } => {
                let other = self.lowered.dims(inputs[1]);
                let a = self.matrices(x, &of, *transpose_a);
                let b = self.matrices(takes[1], &other, *transpose_b);
                let stacked = stacked(&dims);
                let products = self.program.one(PRODUCTS, &[a, b], &stacked);
                self.view(products, &dims)
            }
            Operator::Softmax => {
                let (last, no) = (self.program.whole(-1), self.program.flag(false));
                self.program.one(SOFTMAX, &[x, last, no], &dims)
            }
            Operator::GlobalAverage => {
                let (axes, no) = (self.program.wholes(&[2, 3]), self.program.flag(false));
                let same_type = self.program.null();
                self.program.one(MEAN, &[x, axes, no, same_type], &dims)
            }
            Operator::Linear { weight, bias } => self.linear(x, [*weight, *bias], &dims),
        }]
    }

    fn constant(&mut self, id: ConstantId) -> i32 {
        let constant = self.lowered.constant(id);
        self.program.constant(&whole(&constant.shape), &constant.data)
    }

    fn convolution(
        &mut self,
        x: i32,
        constants: [ConstantId; 2],
        Window { kernel, stride, groups }: Window,
        dims: &[i64],
    ) -> i32 {
        let [weight, bias] = constants.map(|id| self.constant(id));
        let [stride, padding] = [stride, kernel / 2].map(|size| self.program.wholes(&[size as i64; 2]));
        let (spread, transposed) = (self.program.wholes(&[1, 1]), self.program.flag(false));
        let (more, groups) = (self.program.wholes(&[0, 0]), self.program.whole(groups as i64));
        let takes = [x, weight, bias, stride, padding, spread, transposed, more, groups];
        self.program.one(CONVOLUTION, &takes, dims)
    }

    /// The maxima, and where each of them was, which nobody asks for.
    fn max_pool(&mut self, x: i32, Window { kernel, stride, .. }: Window, dims: &[i64]) -> i32 {
        let [kernel, stride, padding] =
            [kernel, stride, kernel / 2].map(|size| self.program.wholes(&[size as i64; 2]));
        let (spread, rounds_up) = (self.program.wholes(&[1, 1]), self.program.flag(false));
        let (maxima, places) = (self.program.tensor(dims), self.program.places(dims));
        let both = self.program.tensors(&[maxima, places]);
        let arguments = vec![x, kernel, stride, padding, spread, rounds_up, maxima, places, both];
        self.program.call(MAX_POOL, arguments);
        maxima
    }

    fn split(&mut self, x: i32, axis: usize, sizes: &[usize], outputs: &[TensorId]) -> Vec<i32> {
        let shapes = outputs.iter().map(|output| self.lowered.dims(*output)).collect::<Vec<_>>();
        let parts: Vec<i32> = shapes.iter().map(|shape| self.program.tensor(shape)).collect();
        let (sizes, axis) = (self.program.wholes(&whole(sizes)), self.program.whole(axis as i64));
        let all = self.program.tensors(&parts);
        self.program.call(SPLIT, vec![x, sizes, axis, all, all]);
        parts
    }

    /// Every second row from this one on, and of those every second pixel.
    fn every_second(&mut self, x: i32, first: [usize; 2], shape: &[i64]) -> i32 {
        let (mut x, mut shape) = (x, shape.to_vec());
        for (axis, first) in [2, 3].into_iter().zip(first) {
            let bounds = [axis as i64, first as i64, shape[axis], 2].map(|bound| self.program.whole(bound));
            shape[axis] /= 2;
            x = self.program.one(SLICE, &[&[x], &bounds[..]].concat(), &shape);
        }
        x
    }

    fn view(&mut self, x: i32, shape: &[i64]) -> i32 {
        let sizes = self.program.wholes(shape);
        self.program.one(VIEW, &[x, sizes], shape)
    }

    fn permuted(&mut self, x: i32, order: &[i64], shape: &[i64]) -> i32 {
        let order = self.program.wholes(order);
        self.program.one(PERMUTE, &[x, order], shape)
    }

    /// The last two dimensions of a tensor of this shape, swapped if that is wanted, as many matrices.
    fn matrices(&mut self, x: i32, shape: &[i64], swapped: bool) -> i32 {
        let [count, rows, columns] = stacked(shape);
        let matrices = self.view(x, &[count, rows, columns]);
        if swapped { self.permuted(matrices, &[0, 2, 1], &[count, columns, rows]) } else { matrices }
    }

    /// `bias + x · weightᵀ`, for which the weight lies transposed.
    fn linear(&mut self, x: i32, [weight, bias]: [ConstantId; 2], dims: &[i64]) -> i32 {
        let weight = self.lowered.constant(weight).transposed();
        let weight = self.program.constant(&whole(&weight.shape), &weight.data);
        let (bias, once) = (self.constant(bias), self.program.whole(1));
        self.program.one(ADD_PRODUCT, &[bias, x, weight, once, once], dims)
    }
}

fn whole(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|size| *size as i64).collect()
}

/// The shape with all dimensions but the last two as one.
fn stacked(shape: &[i64]) -> [i64; 3] {
    let (before, [rows, columns]) = shape.split_last_chunk().unwrap_or((&[], &[1, 1]));
    [before.iter().product(), *rows, *columns]
}
