//! Layers one by one: what each takes, and what comes out of it.

use super::{super::PROBABILITIES, line::Line, weights::Weights};
use crate::{
    error::{Error, Result},
    export::{
        lowered::{Lowered, Operator, TensorId},
        tensor_names::TensorNames,
    },
};

/// A network on its way.
pub(super) struct Layers<'a> {
    pub(super) lowered: Lowered,
    pub(super) weights: Weights<'a>,
    /// The tensors by the names of their blobs.
    pub(super) tensors: TensorNames<'a>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(lowered: Lowered, weights: Weights<'a>) -> Self {
        Self { lowered, weights, tensors: TensorNames::default() }
    }

    /// The network, whose probabilities have the name that converters give them.
    pub(super) fn finish(self) -> Result<Lowered> {
        if !self.weights.is_empty() {
            return Err(Error::new("there are more weights than its layers have"));
        }
        let probabilities = self.tensors.tensor(PROBABILITIES)?;
        self.lowered.giving(PROBABILITIES, probabilities)
    }

    /// Adds what a layer does.
    pub(super) fn layer(&mut self, line: &Line<'a>) -> Result<()> {
        let inputs: Vec<TensorId> =
            line.inputs.iter().map(|name| self.tensors.tensor(name)).collect::<Result<_>>()?;
        let outputs = match (line.kind, &inputs[..]) {
            // Others take it from here, each by a name of its own.
            ("Split", [x]) => vec![*x; line.outputs.len()],
            ("Reorg", [x]) => vec![self.squares(line, *x)?],
            _ => {
                let operator = self.operator(line, &inputs)?;
                self.lowered.push_all(line.name, operator, &inputs)?
            }
        };
        line.finish()?;
        if outputs.len() != line.outputs.len() {
            return Err(Error::new(format!("{} gives more or fewer tensors than it names", line.name)));
        }
        line.outputs.iter().zip(outputs).try_for_each(|(name, tensor)| self.tensors.name(name, tensor))
    }

    /// Squares of four pixels as channels, in four runs by their place in the square.
    fn squares(&mut self, line: &Line<'_>, x: TensorId) -> Result<TensorId> {
        line.hold(0, line.size(0, 1)? == 2)?;
        line.hold(1, line.size(1, 0)? == 1)?;
        let places = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter();
        let runs: Result<Vec<TensorId>> = places
            .map(|(row, column)| self.lowered.push(line.name, Operator::EverySecond { row, column }, &[x]))
            .collect();
        self.lowered.push(line.name, Operator::Concat { axis: 1 }, &runs?)
    }
}
