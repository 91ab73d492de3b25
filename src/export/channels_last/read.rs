//! A network with its channels last becomes one with its channels first, operator by operator, as a reader meets them.

use super::{Layout, TO_FIRST, TO_LAST, first_axis, taken, turned, with_axis};
use crate::{
    error::Result,
    export::lowered::{BatchDimension, Constant, ConstantId, INPUT, Lowered, Operator, TensorId},
};

/// A network with its channels first on its way.
#[derive(Debug)]
pub(in crate::export) struct Restored {
    lowered: Lowered,
}

/// A tensor as a file has it. A map that has its channels last there has them first here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::export) struct Seen {
    tensor: TensorId,
    layout: Layout,
}

impl Restored {
    /// A network that does nothing yet, whose images lie as `images` says in the file; and those images.
    pub(in crate::export) fn new(lowered: Lowered, images: Layout) -> (Self, Seen) {
        (Self { lowered }, Seen { tensor: INPUT, layout: images })
    }

    /// How many images it takes at once.
    pub(in crate::export) fn batch(&self) -> BatchDimension {
        self.lowered.batch
    }

    /// The sizes of a tensor behind the batch's dimension, as in the file.
    pub(in crate::export) fn shape(&self, Seen { tensor, layout }: Seen) -> Vec<usize> {
        turned(self.lowered.shape(tensor), layout)
    }

    /// What gives a tensor the shape that the file asks for ([`Operator::reshape`]).
    pub(in crate::export) fn reshape(&self, seen: Seen, wanted: &[i64]) -> Option<Operator> {
        Operator::reshape(self.batch(), &self.shape(seen), wanted)
    }

    /// Adds a constant, as it is for channels first.
    pub(in crate::export) fn add_constant(&mut self, constant: Constant) -> ConstantId {
        self.lowered.add_constant(constant)
    }

    /// Adds an instruction, whose axes are meant as in the file; all its results.
    ///
    /// # Errors
    /// If the operator can't take these tensors.
    pub(in crate::export) fn push(
        &mut self,
        at: &str,
        operator: Operator,
        inputs: &[Seen],
    ) -> Result<Vec<Seen>> {
        if let Some(seen) = self.turning(&operator, inputs) {
            return Ok(vec![seen]);
        }
        let lies_last = inputs.iter().any(|seen| seen.layout == Layout::ChannelsLast);
        let layout = taken(&operator, &self.lowered.constants, lies_last);
        let tensors: Result<Vec<TensorId>> =
            inputs.iter().map(|input| self.tensor(at, *input, layout)).collect();
        // One number for each channel is no map.
        let given = if operator == Operator::GlobalAverage { Layout::ChannelsFirst } else { layout };
        let outputs = self.lowered.push_all(at, with_axis(operator, layout, first_axis), &tensors?)?;
        Ok(outputs.into_iter().map(|tensor| Seen { tensor, layout: given }).collect())
    }

    /// The network, which gives these probabilities.
    ///
    /// # Errors
    /// If they are not one number for each class.
    pub(in crate::export) fn finish(mut self, probabilities: Seen) -> Result<Lowered> {
        let probabilities = self.tensor("", probabilities, Layout::ChannelsFirst)?;
        self.lowered.giving("what it gives", probabilities)
    }

    /// What a transposition gives that only moves the channels: the same tensor, seen otherwise.
    fn turning(&self, operator: &Operator, inputs: &[Seen]) -> Option<Seen> {
        let (Operator::Transpose { order }, &[Seen { tensor, layout }]) = (operator, inputs) else {
            return None;
        };
        let layout = match layout {
            Layout::ChannelsFirst if order == &TO_LAST => Layout::ChannelsLast,
            Layout::ChannelsLast if order == &TO_FIRST => Layout::ChannelsFirst,
            _ => return None,
        };
        (self.lowered.shape(tensor).len() == 3).then_some(Seen { tensor, layout })
    }

    /// The tensor that stands for what the file has, where that is understood as `layout`.
    fn tensor(&mut self, at: &str, seen: Seen, layout: Layout) -> Result<TensorId> {
        if seen.layout == layout {
            return Ok(seen.tensor);
        }
        // What the file has with its channels first is a map with its channels last, and must be turned to lie here as
        // such; what lies here turned is turned back to what the file has.
        let order = match layout {
            Layout::ChannelsLast => TO_FIRST,
            Layout::ChannelsFirst => TO_LAST,
        };
        self.lowered.push(at, Operator::Transpose { order: order.to_vec() }, &[seen.tensor])
    }
}
