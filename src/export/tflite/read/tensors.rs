//! The tensors of a file by their numbers, and what is known of them beforehand.

use half::f16;

use super::super::schema::{Type, buffer, model, subgraph, tensor};
use crate::{
    error::{Error, Result},
    export::{
        Precision,
        flatbuffer::{Budget, List, Record, numbers},
        lowered::Constant,
    },
};

/// More dimensions than any tensor of an image classifier has.
const MOST_DIMENSIONS: usize = 8;

/// A file's tensors.
pub(super) struct Tensors<'a> {
    tensors: List<'a>,
    buffers: List<'a>,
    /// What of the constants may still be read.
    budget: Budget,
}

impl<'a> Tensors<'a> {
    /// Those of a graph in a file of so many bytes.
    pub(super) fn of(graph: Record<'a>, file: Record<'a>, size: usize) -> Result<Self> {
        let (tensors, buffers) = (graph.list(subgraph::TENSORS)?, file.list(model::BUFFERS)?);
        Ok(Self { tensors, buffers, budget: Budget::new(size) })
    }

    fn tensor(&self, number: i32) -> Result<Record<'a>> {
        let place = usize::try_from(number).map_err(|_| Error::new("an operator lacks an input"))?;
        self.tensors.record(place)
    }

    /// The sizes of a tensor.
    pub(super) fn shape(&self, number: i32) -> Result<Vec<usize>> {
        let sizes: Vec<i32> = self.tensor(number)?.numbers(tensor::SHAPE)?;
        let shape: Option<Vec<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
        shape
            .filter(|shape| shape.len() <= MOST_DIMENSIONS)
            .ok_or_else(|| Error::new(format!("tensor {number} has a shape that none can have")))
    }

    /// The bytes of a tensor that is known beforehand, if it is.
    fn data(&self, number: i32) -> Result<Option<&'a [u8]>> {
        let buffer = self.tensor(number)?.number(tensor::BUFFER, 0_u32)? as usize;
        let data = self.buffers.record(buffer)?.bytes(buffer::DATA)?;
        Ok((!data.is_empty()).then_some(data))
    }

    fn is(&self, number: i32, of: Type) -> Result<bool> {
        Ok(self.tensor(number)?.number(tensor::TYPE, 0_i8)? == of as i8)
    }

    /// The whole numbers that a tensor is known to be.
    pub(super) fn whole(&self, number: i32) -> Result<Vec<i32>> {
        let bytes = self.data(number)?.filter(|_| self.is(number, Type::Int32).unwrap_or(false));
        let bytes = bytes.filter(|bytes| bytes.len() <= size_of::<[[i32; 2]; MOST_DIMENSIONS]>());
        bytes.and_then(numbers).ok_or_else(|| unknown(number))
    }

    /// The same, where none is negative.
    pub(super) fn sizes(&self, number: i32) -> Result<Vec<usize>> {
        let sizes = self.whole(number)?.into_iter().map(|size| usize::try_from(size).ok()).collect();
        Option::ok_or_else(sizes, || Error::new(format!("tensor {number} has a negative number")))
    }

    /// The numbers that a tensor is known to be.
    pub(super) fn floats(&mut self, number: i32) -> Result<Constant> {
        let (shape, bytes) = (self.shape(number)?, self.data(number)?.ok_or_else(|| unknown(number))?);
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let (precision, data) = if self.is(number, Type::Float32)? {
            (Precision::Fp32, numbers(bytes))
        } else if self.is(number, Type::Float16)? {
            let widened = |bytes: &[u8]| numbers(bytes).map(|data| data.into_iter().map(widened).collect());
            (Precision::Fp16, widened(bytes))
        } else {
            (Precision::Fp32, None)
        };
        self.budget.take(bytes.len())?;
        let data = data.filter(|data: &Vec<f32>| Some(data.len()) == count);
        let data = data.ok_or_else(|| unknown(number))?;
        Ok(Constant { name: format!("tensor {number}"), shape, data, precision })
    }
}

fn widened(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

fn unknown(number: i32) -> Error {
    Error::new(format!("tensor {number} is not known beforehand, or of another kind than it should be"))
}
