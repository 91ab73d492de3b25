//! Instructions are added one by one; the shape of what each gives follows from what it takes.

use super::{BatchDimension, Constant, ConstantId, INPUT, Instruction, Lowered, Operator, TensorId};
use crate::error::Result;

impl Lowered {
    /// A network that does nothing yet, for square images of `size` pixels of so many `channels`.
    pub(in crate::export) fn new(batch: BatchDimension, channels: usize, size: usize) -> Self {
        Self {
            batch,
            instructions: Vec::new(),
            shapes: vec![vec![channels, size, size]],
            constants: Vec::new(),
            probabilities: INPUT,
        }
    }

    /// Adds a constant.
    pub(in crate::export) fn add_constant(&mut self, constant: Constant) -> ConstantId {
        self.constants.push(constant);
        ConstantId(self.constants.len() - 1)
    }

    /// Adds an instruction with one result, whose shape follows from what it takes.
    ///
    /// # Errors
    /// If a window does not fit once.
    pub(in crate::export) fn push(
        &mut self,
        at: &str,
        operator: Operator,
        inputs: &[TensorId],
    ) -> Result<TensorId> {
        self.push_all(at, operator, inputs).map(|outputs| outputs[0])
    }

    /// Adds an instruction; all its results.
    ///
    /// # Errors
    /// If a window does not fit once.
    pub(in crate::export) fn push_all(
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
            Operator::Concat { axis } => {
                let mut shape = x.to_vec();
                shape[axis - 1] = inputs.iter().map(|tensor| self.shape(*tensor)[axis - 1]).sum();
                shape
            }
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
