//! The values that a program holds, by their names. Each is taken once.

use std::collections::BTreeMap;

use half::f16;

use super::sizes;
use crate::{
    error::{Error, Result},
    export::{
        Precision,
        coreml::{
            blobs::{BlobFile, numbers},
            proto::{Elements, Immediate, Kind, Operation, Place, TensorType, Value},
            values::{FLOAT16, FLOAT32, Literal},
        },
        lowered::Constant,
    },
};

/// A program's values that were not taken yet.
pub(super) struct Constants<'a> {
    values: BTreeMap<&'a str, &'a Value>,
    weights: BlobFile<'a>,
}

impl<'a> Constants<'a> {
    /// None yet, of a program whose file of weights has these bytes.
    pub(super) fn new(weights: &'a [u8]) -> Self {
        Self { values: BTreeMap::new(), weights: BlobFile::new(weights) }
    }

    /// Adds what an operation `const` says.
    pub(super) fn add(&mut self, operation: &'a Operation) -> Result<()> {
        let (Some(value), [output]) = (operation.attributes.get("val"), &operation.outputs[..]) else {
            return Err(Error::new("a constant has no value or no name"));
        };
        match self.values.insert(&output.name, value) {
            Some(_) => Err(Error::new(format!("two constants are called {}", output.name))),
            None => Ok(()),
        }
    }

    fn take(&mut self, name: &str) -> Result<&'a Value> {
        let value = self.values.remove(name);
        value.ok_or_else(|| Error::new(format!("{name} is not known beforehand, or is used twice")))
    }

    /// The small value of this name.
    pub(super) fn literal(&mut self, name: &str) -> Result<Literal> {
        let value = self.take(name)?;
        let literal = tensor(value).zip(here(value)).and_then(|(of, elements)| literal(of, elements));
        literal.ok_or_else(|| wrong(name))
    }

    /// The numbers of this name.
    pub(super) fn constant(&mut self, name: &str) -> Result<Constant> {
        let value = self.take(name)?;
        let tensor = tensor(value).ok_or_else(|| wrong(name))?;
        let shape = sizes(tensor).ok_or_else(|| wrong(name))?;
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let count = count.ok_or_else(|| wrong(name))?;
        let data = match &value.place {
            Some(Place::File(place)) => self.weights.numbers(place.offset, tensor.data_type, count)?,
            _ => here(value).and_then(|elements| floats(elements, count)).ok_or_else(|| wrong(name))?,
        };
        let precision = if tensor.data_type == FLOAT16 { Precision::Fp16 } else { Precision::Fp32 };
        Ok(Constant { name: name.to_owned(), shape, data, precision })
    }
}

/// What a value is, if it is a tensor.
fn tensor(value: &Value) -> Option<&TensorType> {
    match value.r#type.as_ref()?.kind.as_ref()? {
        Kind::Tensor(tensor) => Some(tensor),
        _ => None,
    }
}

/// The elements of a tensor that stands in the program itself.
fn here(value: &Value) -> Option<&Elements> {
    match value.place.as_ref()? {
        Place::Here(Immediate { tensor: Some(tensor), .. }) => tensor.elements.as_ref(),
        _ => None,
    }
}

fn floats(elements: &Elements, count: usize) -> Option<Vec<f32>> {
    match elements {
        Elements::Floats(floats) => (floats.values.len() == count).then(|| floats.values.clone()),
        Elements::Bytes(bytes) => numbers(&bytes.values, count, |number| f16::from_le_bytes(number).to_f32()),
        _ => None,
    }
}

fn literal(of: &TensorType, elements: &Elements) -> Option<Literal> {
    let literal = match (elements, of.rank) {
        (Elements::Bools(it), 0) => Literal::Bool(*it.values.first()?),
        (Elements::Bools(it), 1) => Literal::Bools(it.values.clone()),
        (Elements::Ints(it), 0) => Literal::Int(*it.values.first()?),
        (Elements::Ints(it), 1) => Literal::Ints(it.values.clone()),
        (Elements::Texts(it), 0) => Literal::Text(it.values.first()?.clone()),
        (Elements::Floats(it), 0) if of.data_type == FLOAT32 => Literal::Float(*it.values.first()?),
        _ => return None,
    };
    // Its type and its elements say the same, as the writer would.
    let same = literal.clone().value();
    (tensor(&same) == Some(of) && here(&same) == Some(elements)).then_some(literal)
}

fn wrong(name: &str) -> Error {
    Error::new(format!("the constant {name} is of another kind or size than it should be"))
}
