//! A network as formats write it: plain operators on tensors whose sizes are all known, and the numbers they need.
//!
//! It lies between a [`Computation`](crate::arch::Computation) and the formats. Norms are folded into their
//! convolutions, attention is taken apart, and the probabilities come out at its end. What many formats say in one
//! word stays whole: SiLU, a linear layer, the global average, a product with a transposed factor.

mod build;
mod cost;
mod read;
mod shapes;
mod transposed;
mod unbiased;

pub(super) use self::unbiased::Unbiased;
use super::Precision;
use crate::arch::Window;

/// A network of plain operators, for square images of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// How many images it takes at once.
    pub batch: BatchDimension,
    /// What is done, each after what it needs.
    pub instructions: Vec<Instruction>,
    /// Sizes of each tensor behind its first dimension, which is always the batch, by [`TensorId`].
    pub shapes: Vec<Vec<usize>>,
    /// Numbers that are known beforehand, by [`ConstantId`].
    pub constants: Vec<Constant>,
    /// What it gives: probabilities `[batch, classes]`.
    pub probabilities: TensorId,
}

/// The first dimension of every tensor: how many images a file takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchDimension {
    /// So many.
    Fixed(usize),
    /// Any number, which each run decides.
    Any,
}

/// A tensor by number: 0 are the images, the others are what instructions give, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// The images, `[batch, 3, size, size]`: RGB, from 0 to 1.
pub const INPUT: TensorId = TensorId(0);

/// A constant by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConstantId(pub usize);

/// Numbers that are known beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its parameter, e.g. `model.0.conv.weight`; no two have the same name.
    pub name: String,
    /// Sizes of the dimensions, outermost first; empty for a single number. There is no batch.
    pub shape: Vec<usize>,
    /// As many numbers as the shape has places, row-major.
    pub data: Vec<f32>,
    /// In how many bits a file holds them; they are rounded to that already.
    pub precision: Precision,
}

/// One operator in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// What is done.
    pub operator: Operator,
    /// The module that does it, e.g. `model.2.m.0`; empty for what belongs to none.
    pub at: String,
    /// What it takes.
    pub inputs: Vec<TensorId>,
    /// What it gives.
    pub outputs: Vec<TensorId>,
}

/// What is done. Axes count the batch, which is axis 0; maps are `[batch, channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// A map convolved, plus a bias. It is padded with zeros by half the kernel on each side.
    Convolution {
        /// `[channels out, channels in / groups, kernel, kernel]`
        weight: ConstantId,
        /// `[channels out]`
        bias: ConstantId,
        /// Kernel, stride and groups.
        window: Window,
    },
    /// `x · sigmoid(x)`
    Silu,
    /// `max(x, 0)`
    Relu,
    /// The sum of two tensors of the same shape.
    Add,
    /// Times a constant: one number, `[]`, or one for each channel of a map, `[channels, 1, 1]`.
    Scale(ConstantId),
    /// Tensors joined along an axis, one after another; their other sizes are equal.
    Concat {
        /// Not 0; of maps, the channels' axis 1.
        axis: usize,
    },
    /// Cut along an axis into parts of these sizes, one after another.
    Split {
        /// Not 0.
        axis: usize,
        /// They add up to the axis's size.
        sizes: Vec<usize>,
    },
    /// Every second pixel of every second row of a map, from this row and this column on; its side is even.
    EverySecond {
        /// 0 or 1.
        row: usize,
        /// 0 or 1.
        column: usize,
    },
    /// The maximum in a window. What is padded, half the kernel on each side, is never the maximum.
    MaxPool(Window),
    /// The same numbers, row-major, in this shape behind the batch's dimension.
    Reshape(Vec<usize>),
    /// The dimensions in another order.
    Transpose {
        /// The input's axis that each axis of the result is; the first is 0, since the batch stays.
        order: Vec<usize>,
    },
    /// The matrix product over the last two dimensions; the others are equal, and each has a product of its own.
    MatMul {
        /// Whether the last two dimensions of the first factor are swapped before.
        transpose_a: bool,
        /// Whether those of the second are.
        transpose_b: bool,
    },
    /// `exp(x) / Σ exp(x)` over the last dimension.
    Softmax,
    /// The mean of each channel of a map: `[batch, channels]`.
    GlobalAverage,
    /// Rows of numbers times a matrix, plus a bias: `x · weightᵀ + bias`.
    Linear {
        /// `[numbers out, numbers in]`
        weight: ConstantId,
        /// `[numbers out]`
        bias: ConstantId,
    },
}

impl Lowered {
    /// The sizes of a tensor behind the batch's dimension.
    pub fn shape(&self, tensor: TensorId) -> &[usize] {
        &self.shapes[tensor.0]
    }

    /// The constant of a number.
    pub fn constant(&self, id: ConstantId) -> &Constant {
        &self.constants[id.0]
    }
}
