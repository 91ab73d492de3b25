//! What the calls of a program give, one after another.

use std::collections::BTreeMap;

use super::{super::schema, alive::Alive, values::Values};
use crate::{
    error::{Error, Result},
    export::lowered::{BatchDimension, ConstantId, INPUT, Lowered, Operator, TensorId},
};

/// A network on its way.
pub(super) struct Reader<'a> {
    pub(super) values: Values<'a>,
    pub(super) lowered: Lowered,
    given: BTreeMap<i32, Given>,
    alive: Alive,
}

/// What a call gave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given {
    /// A tensor.
    Tensor(TensorId),
    /// A tensor of one image, whose batch of 1 the program leaves out: as many matrices.
    Matrices(TensorId),
    /// The sigmoid of a tensor: what is multiplied by its own becomes a SiLU.
    Gate(TensorId),
    /// Every second row of a map, from this one on: of those, every second pixel is taken.
    Rows(TensorId, usize),
}

impl<'a> Reader<'a> {
    /// A network that does nothing yet with these images.
    pub(super) fn new(values: Values<'a>, images: i32) -> Result<Self> {
        let shape = values.tensor(images).transpose()?.map_or(Vec::new(), |tensor| tensor.shape);
        let sizes: Vec<Option<usize>> = shape.into_iter().map(Some).collect();
        let lowered = Lowered::of_images("its images", &sizes)?;
        let mut reader = Self { values, lowered, given: BTreeMap::new(), alive: Alive::default() };
        reader.remember(&[images])?;
        reader.give(images, Given::Tensor(INPUT))?;
        Ok(reader)
    }

    /// The network, which gives this value.
    pub(super) fn finish(self, probabilities: i32) -> Result<Lowered> {
        self.alive.must_have(probabilities)?;
        let tensor = self.tensor(probabilities)?;
        self.lowered.giving("what it gives", tensor)
    }

    /// Puts the tensors into memory that a call fills; those that it takes must still be there.
    pub(super) fn remember(&mut self, arguments: &[i32]) -> Result<()> {
        let mut tensors = Vec::new();
        for value in arguments {
            match self.values.tensors(*value) {
                Some(list) => tensors.extend(list?),
                None => tensors.push(*value),
            }
        }
        let (taken, filled): (Vec<i32>, Vec<i32>) =
            tensors.into_iter().partition(|value| self.given.contains_key(value));
        for value in filled {
            let bytes = self.values.tensor(value).transpose()?.and_then(|tensor| tensor.bytes);
            bytes.into_iter().for_each(|bytes| self.alive.put(value, bytes));
        }
        taken.into_iter().try_for_each(|value| self.alive.must_have(value))
    }

    /// What a value is.
    pub(super) fn given(&self, value: i32) -> Option<Given> {
        self.given.get(&value).copied()
    }

    /// The tensor that a value is, its batch included.
    pub(super) fn tensor(&self, value: i32) -> Result<TensorId> {
        match self.given(value) {
            Some(Given::Tensor(tensor)) => Ok(tensor),
            Some(_) => Err(Error::new(format!("value {value} is used in a way that Kiln doesn't know"))),
            None => Err(Error::new(format!("nothing made value {value} before"))),
        }
    }

    /// The constant that a value is, with its number.
    pub(super) fn constant(&mut self, value: i32) -> Result<ConstantId> {
        let constant = self.values.constant(value);
        let constant = constant.ok_or_else(|| Error::new(format!("value {value} is no constant")))??;
        Ok(self.lowered.add_constant(constant))
    }

    /// Says what a value is; the program must think of the same shape, and of a place in memory.
    pub(super) fn give(&mut self, value: i32, given: Given) -> Result<()> {
        let wrong = |what: &str| Error::new(format!("value {value} {what}"));
        let told = self.values.tensor(value).transpose()?.ok_or_else(|| wrong("is no tensor"))?;
        if told.shape != self.shape(given) || told.of != schema::FLOAT || told.bytes.is_none() {
            return Err(wrong("is of another type or shape than what is put there"));
        }
        match self.given.insert(value, given) {
            Some(_) => Err(wrong("is made twice")),
            None => Ok(()),
        }
    }

    /// The shape that a program sees.
    fn shape(&self, given: Given) -> Vec<usize> {
        let with_batch = |shape: &[usize]| [&[self.batch()], shape].concat();
        match given {
            Given::Tensor(tensor) | Given::Gate(tensor) => with_batch(self.lowered.shape(tensor)),
            Given::Matrices(tensor) => self.lowered.shape(tensor).to_vec(),
            Given::Rows(tensor, _) => {
                let mut shape = with_batch(self.lowered.shape(tensor));
                shape.iter_mut().skip(2).take(1).for_each(|rows| *rows /= 2);
                shape
            }
        }
    }

    /// How many images the program takes at once.
    pub(super) fn batch(&self) -> usize {
        match self.lowered.batch {
            BatchDimension::Fixed(images) => images,
            BatchDimension::Any => 1,
        }
    }

    /// Adds an operator with one result.
    pub(super) fn push(&mut self, at: &str, operator: Operator, inputs: &[TensorId]) -> Result<Given> {
        self.lowered.push(at, operator, inputs).map(Given::Tensor)
    }
}
