//! What the operators of a file give, one after another.

use std::collections::BTreeMap;

use super::{super::schema, operator::Operator, tensors::Tensors};
use crate::{
    error::{Error, Result},
    export::{
        channels_last::{Restored, Seen},
        lowered::{BatchDimension, Lowered, Operator as Plain},
    },
};

/// A network on its way.
pub(super) struct Reader<'a> {
    pub(super) tensors: Tensors<'a>,
    pub(super) restored: Restored,
    given: BTreeMap<i32, Given>,
}

/// What an operator gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given {
    /// A tensor.
    Tensor(Seen),
    /// The sigmoid of a tensor: what is multiplied by its own becomes a SiLU.
    Gate(Seen),
    /// A map with so many pixels on each side, for the window that comes.
    Padded(Seen, usize, Outside),
    /// The constant of this number, in more bits.
    Widened(i32),
}

/// What lies around a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// Zeros.
    Zeros,
    /// What is less than anything in the map.
    Lowest,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tensors: Tensors<'a>, restored: Restored) -> Self {
        Self { tensors, restored, given: BTreeMap::new() }
    }

    /// The network, which gives this tensor.
    pub(super) fn finish(self, probabilities: i32) -> Result<Lowered> {
        let seen = self.tensor(probabilities)?;
        self.restored.finish(seen)
    }

    /// What was given under this number.
    pub(super) fn given(&self, number: i32) -> Option<Given> {
        self.given.get(&number).copied()
    }

    /// The tensor of this number.
    pub(super) fn tensor(&self, number: i32) -> Result<Seen> {
        match self.given(number) {
            Some(Given::Tensor(seen)) => Ok(seen),
            Some(_) => Err(Error::new(format!("tensor {number} is used in a way that Kiln doesn't know"))),
            None => Err(Error::new(format!("nothing made tensor {number} before"))),
        }
    }

    /// Says what a number stands for.
    pub(super) fn give_all(&mut self, number: i32, given: Given) -> Result<()> {
        match self.given.insert(number, given) {
            Some(_) => Err(Error::new(format!("tensor {number} is made twice"))),
            None => Ok(()),
        }
    }

    /// Says which tensor a number stands for; the file must think of the same shape.
    pub(super) fn give(&mut self, number: i32, seen: Seen) -> Result<()> {
        let (shape, told) = (self.with_batch(&self.restored.shape(seen)), self.tensors.shape(number)?);
        if shape != told {
            return Err(Error::new(format!("tensor {number} has the shape {shape:?}, not {told:?}")));
        }
        self.give_all(number, Given::Tensor(seen))
    }

    /// The sizes with that of the batch before them.
    pub(super) fn with_batch(&self, shape: &[usize]) -> Vec<usize> {
        let batch = match self.restored.batch() {
            BatchDimension::Fixed(images) => images,
            BatchDimension::Any => 1,
        };
        [&[batch], shape].concat()
    }

    /// Adds what an operator does.
    pub(super) fn operator(&mut self, operator: &Operator<'_>) -> Result<()> {
        let &[output] = operator.outputs.as_slice() else { return operator.hold("number of outputs", false) };
        let seen = match (operator.kind, operator.inputs.as_slice()) {
            (schema::DEQUANTIZE, &[x]) => return self.give_all(output, Given::Widened(x)),
            (schema::LOGISTIC, &[x]) => return self.give_all(output, Given::Gate(self.tensor(x)?)),
            (schema::PAD, &[x, sides]) => return self.pad(operator, [x, sides], None),
            (schema::PADV2, &[x, sides, with]) => {
                return self.pad(operator, [x, sides], Some(with));
            }
            (schema::CONV_2D | schema::DEPTHWISE_CONV_2D, &[x, weight, bias]) => {
                self.convolution(operator, [x, weight, bias])?
            }
            (schema::MAX_POOL_2D, &[x]) => self.max_pool(operator, x)?,
            (schema::AVERAGE_POOL_2D, &[x]) => self.average(operator, x)?,
            (schema::MUL, &[a, b]) => self.product(operator, [a, b])?,
            (schema::FULLY_CONNECTED, &[x, weight, bias]) => self.linear(operator, [x, weight, bias])?,
            (schema::SLICE, &[x, first, size]) => self.slice(operator, [x, first, size])?,
            (schema::STRIDED_SLICE, &[x, first, end, step]) => {
                self.every_second(operator, x, [first, end, step])?
            }
            (schema::RESHAPE, &[x, ..]) => self.reshape(operator, x)?,
            (schema::TRANSPOSE, &[x, order]) => self.transpose(operator, [x, order])?,
            _ => self.plain(operator)?,
        };
        self.give(output, seen)
    }

    /// Adds a plain operator with one result.
    pub(super) fn push(&mut self, operator: &Operator<'_>, plain: Plain, inputs: &[Seen]) -> Result<Seen> {
        Ok(self.restored.push(&operator.at, plain, inputs)?[0])
    }
}
