//! A network as formats write it: plain operators on tensors whose sizes are all known, and the numbers they need.
//!
//! It lies between a [`Computation`](crate::arch::Computation) and the formats. Norms are folded into their
//! convolutions, attention is taken apart, and the probabilities come out at its end. What many formats say in one
//! word stays whole: SiLU, a linear layer, the global average, a product with a transposed factor.

use crate::{arch::Window, error::Result};

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
    /// Maps joined by their channels, one after another.
    Concat,
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
    /// The dimensions in another order: the first given is input dimension `order[0]`, which is the batch's.
    Transpose {
        /// A permutation of the input's axes, beginning with 0.
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
    /// A network that does nothing yet, for square images of `size` pixels of so many `channels`.
    pub(super) fn new(batch: BatchDimension, channels: usize, size: usize) -> Self {
        Self {
            batch,
            instructions: Vec::new(),
            shapes: vec![vec![channels, size, size]],
            constants: Vec::new(),
            probabilities: INPUT,
        }
    }

    /// The sizes of a tensor behind the batch's dimension.
    pub fn shape(&self, tensor: TensorId) -> &[usize] {
        &self.shapes[tensor.0]
    }

    /// The constant of a number.
    pub fn constant(&self, id: ConstantId) -> &Constant {
        &self.constants[id.0]
    }

    /// Adds a constant.
    pub(super) fn add_constant(&mut self, constant: Constant) -> ConstantId {
        self.constants.push(constant);
        ConstantId(self.constants.len() - 1)
    }

    /// Adds an instruction with one result, whose shape follows from what it takes.
    ///
    /// # Errors
    /// If a window does not fit once.
    pub(super) fn push(&mut self, at: &str, operator: Operator, inputs: &[TensorId]) -> Result<TensorId> {
        self.push_all(at, operator, inputs).map(|outputs| outputs[0])
    }

    /// Adds an instruction; all its results.
    ///
    /// # Errors
    /// If a window does not fit once.
    pub(super) fn push_all(
        &mut self,
        at: &str,
        operator: Operator,
        inputs: &[TensorId],
    ) -> Result<Vec<TensorId>> {
        let shapes = self.results(at, &operator, inputs)?;
        let first = self.shapes.len();
        let outputs: Vec<TensorId> = (first..first + shapes.len()).map(TensorId).collect();
        self.shapes.extend(shapes);
        let (at, inputs) = (at.to_owned(), inputs.to_vec());
        self.instructions.push(Instruction { operator, at, inputs, outputs: outputs.clone() });
        Ok(outputs)
    }

    /// The shapes of what `operator` gives.
    fn results(&self, at: &str, operator: &Operator, inputs: &[TensorId]) -> Result<Vec<Vec<usize>>> {
        let x = self.shape(inputs[0]);
        Ok(vec![match operator {
            Operator::Convolution { bias, window, .. } => {
                let side = window.side(x[1], at)?;
                vec![self.constant(*bias).shape[0], side, side]
            }
            Operator::Silu | Operator::Relu | Operator::Add | Operator::Scale(_) | Operator::Softmax => {
                x.to_vec()
            }
            Operator::Concat => vec![inputs.iter().map(|map| self.shape(*map)[0]).sum(), x[1], x[2]],
            Operator::Split { axis, sizes } => return Ok(parts(x, *axis, sizes)),
            Operator::EverySecond { .. } => vec![x[0], x[1] / 2, x[2] / 2],
            Operator::MaxPool(window) => {
                let side = window.side(x[1], at)?;
                vec![x[0], side, side]
            }
            Operator::Reshape(shape) => shape.clone(),
            Operator::Transpose { order } => order[1..].iter().map(|axis| x[axis - 1]).collect(),
            Operator::MatMul { transpose_a, transpose_b } => {
                product([x, self.shape(inputs[1])], [*transpose_a, *transpose_b])
            }
            Operator::GlobalAverage => vec![x[0]],
            Operator::Linear { bias, .. } => self.constant(*bias).shape.clone(),
        }])
    }
}

/// The shapes of the parts that `shape` is cut into along `axis`, which counts the batch.
fn parts(shape: &[usize], axis: usize, sizes: &[usize]) -> Vec<Vec<usize>> {
    let part = |size: &usize| {
        let mut part = shape.to_vec();
        part[axis - 1] = *size;
        part
    };
    sizes.iter().map(part).collect()
}

/// The shape of a matrix product of factors of these shapes.
fn product([a, b]: [&[usize]; 2], [transpose_a, transpose_b]: [bool; 2]) -> Vec<usize> {
    let last = a.len() - 1;
    let rows = if transpose_a { a[last] } else { a[last - 1] };
    let columns = if transpose_b { b[last - 1] } else { b[last] };
    [&a[..last - 1], &[rows, columns]].concat()
}
