//! Instructions are added one by one; the shape of what each gives follows from what it takes.

use super::{
    BatchDimension, Constant, ConstantId, INPUT, Instruction, Lowered, Operator, TensorId, shapes::results,
};
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
    /// If the operator can't take these tensors.
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
    /// If the operator can't take these tensors.
    pub(in crate::export) fn push_all(
        &mut self,
        at: &str,
        operator: Operator,
        inputs: &[TensorId],
    ) -> Result<Vec<TensorId>> {
        let shapes = results(self, at, &operator, inputs)?;
        let first = self.shapes.len();
        let outputs: Vec<TensorId> = (first..first + shapes.len()).map(TensorId).collect();
        self.shapes.extend(shapes);
        let (at, inputs) = (at.to_owned(), inputs.to_vec());
        self.instructions.push(Instruction { operator, at, inputs, outputs: outputs.clone() });
        Ok(outputs)
    }
}
