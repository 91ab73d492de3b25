//! What the operators of a file give, one after another.

use std::collections::BTreeMap;

use super::{
    super::schema::{self, Format, blob, field},
    operator::Operator,
};
use crate::{
    error::{Error, Result},
    export::{
        flatbuffer::Budget,
        lowered::{INPUT, Lowered, Operator as Plain, TensorId},
    },
};

/// More dimensions than any tensor of an image classifier has, and more parts than one is cut into.
const MOST_WHOLES: usize = 8;

/// A network on its way.
pub(super) struct Reader {
    pub(super) lowered: Lowered,
    /// What of the numbers may still be read.
    pub(super) budget: Budget,
    given: BTreeMap<i32, Given>,
}

/// What an operator gave.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// A tensor, in this format.
    Tensor(TensorId, Format),
    /// Whole numbers that are known beforehand.
    Wholes(Vec<i32>),
    /// A number that is known beforehand.
    Number(f32),
}

impl Reader {
    /// A network that does nothing yet with what the input gives.
    pub(super) fn new(images: &Operator<'_>, lowered: Lowered, budget: Budget) -> Result<Self> {
        let mut reader = Self { lowered, budget, given: BTreeMap::new() };
        reader.give(images, vec![Given::Tensor(INPUT, Format::Plain)])?;
        Ok(reader)
    }

    /// The network, which gives the tensor of this number; the file calls it `name`.
    pub(super) fn finish(self, name: &str, number: i32) -> Result<Lowered> {
        match self.given.get(&number) {
            Some(Given::Tensor(tensor, Format::Plain)) => self.lowered.giving(name, *tensor),
            _ => Err(Error::new(format!("{name} is not made, or packed"))),
        }
    }

    /// Adds what an operator does.
    pub(super) fn operator(&mut self, operator: &Operator<'_>) -> Result<()> {
        self.budget.take(size_of::<i32>() * (operator.inputs.len() + operator.outputs.len()))?;
        let given = match operator.kind {
            schema::CONST => vec![self.known(operator)?],
            schema::CONVERT => vec![self.converted(operator)?],
            _ => self.added(operator)?,
        };
        self.give(operator, given)
    }

    /// Says what the numbers stand for that an operator gives.
    fn give(&mut self, operator: &Operator<'_>, given: Vec<Given>) -> Result<()> {
        operator.hold("number of outputs", operator.outputs.len() == given.len())?;
        for (number, given) in operator.outputs.iter().zip(given) {
            if self.given.insert(*number, given).is_some() {
                return Err(Error::new(format!("tensor {number} is made twice")));
            }
        }
        Ok(())
    }

    /// What an operator takes.
    pub(super) fn inputs(&self, operator: &Operator<'_>) -> Result<Vec<Given>> {
        let given = |number: &i32| self.given.get(number).cloned();
        let missing =
            |number: &i32| Error::new(format!("{}: nothing made its input {number} before", operator.at));
        operator.inputs.iter().map(|number| given(number).ok_or_else(|| missing(number))).collect()
    }

    /// Numbers that are known beforehand.
    fn known(&mut self, operator: &Operator<'_>) -> Result<Given> {
        let wholes: Vec<i32> = operator.numbers(blob::INT32S)?;
        let floats: Vec<f32> = operator.numbers(blob::FLOATS)?;
        self.budget.take(size_of::<i32>() * wholes.len())?;
        match (operator.number(blob::TYPE, schema::FLOAT)?, &floats[..]) {
            (schema::INT32, []) if wholes.len() <= MOST_WHOLES => Ok(Given::Wholes(wholes)),
            (schema::FLOAT, [number]) if wholes.is_empty() => Ok(Given::Number(*number)),
            _ => operator.unknown("constant"),
        }
    }

    /// A tensor in the other format.
    fn converted(&self, operator: &Operator<'_>) -> Result<Given> {
        let format = |field| operator.number(field, 0_i8).map(Format::of);
        match (&self.inputs(operator)?[..], format(field::FROM)?, format(field::TO)?) {
            (&[Given::Tensor(tensor, is)], Some(from), Some(to)) if is == from => {
                Ok(Given::Tensor(tensor, to))
            }
            _ => operator.unknown("format"),
        }
    }

    /// Adds a plain operator on tensors, which must be in this format, or all in one if it does not matter. What it
    /// gives is in the same.
    pub(super) fn push(
        &mut self,
        operator: &Operator<'_>,
        plain: Plain,
        inputs: &[(TensorId, Format)],
        format: Option<Format>,
    ) -> Result<Vec<Given>> {
        let Some(format) = format.or(inputs.first().map(|(_, format)| *format)) else {
            return operator.unknown("number of inputs");
        };
        operator.hold("format of its input", inputs.iter().all(|(_, is)| *is == format))?;
        let tensors: Vec<TensorId> = inputs.iter().map(|(tensor, _)| *tensor).collect();
        let outputs = self.lowered.push_all(&operator.at, plain, &tensors)?;
        Ok(outputs.into_iter().map(|tensor| Given::Tensor(tensor, format)).collect())
    }
}
