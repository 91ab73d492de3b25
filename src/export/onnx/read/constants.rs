//! The numbers that a file holds, by their names.

use std::collections::BTreeMap;

use super::super::{
    graph::{FLOAT, INT64},
    proto::TensorProto,
};
use crate::{
    error::{Error, Result},
    export::{Precision, lowered::Constant},
};

/// A file's constants.
#[derive(Default)]
pub(super) struct Constants<'a> {
    floats: BTreeMap<&'a str, Constant>,
    whole: BTreeMap<&'a str, Vec<i64>>,
}

impl<'a> Constants<'a> {
    /// Those of `tensors`.
    ///
    /// # Errors
    /// If one has not as many numbers as its shape says, or of a kind that is not known.
    pub(super) fn of(tensors: &'a [TensorProto]) -> Result<Self> {
        let mut constants = Self::default();
        for tensor in tensors {
            let TensorProto { name, raw_data, .. } = tensor;
            let shape = shape(tensor).ok_or_else(|| wrong(name))?;
            match tensor.data_type {
                FLOAT => {
                    let data = numbers(raw_data, &shape, f32::from_le_bytes).ok_or_else(|| wrong(name))?;
                    constants.floats.insert(
                        name,
                        Constant { name: name.clone(), shape, data, precision: Precision::Fp32 },
                    );
                }
                INT64 => {
                    let data = numbers(raw_data, &shape, i64::from_le_bytes).ok_or_else(|| wrong(name))?;
                    constants.whole.insert(name, data);
                }
                _ => return Err(wrong(name)),
            }
        }
        Ok(constants)
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.floats.contains_key(name) || self.whole.contains_key(name)
    }

    /// The constant of this name, if it has one and holds numbers.
    pub(super) fn floats(&self, name: &str) -> Option<&Constant> {
        self.floats.get(name)
    }

    /// The whole numbers of this name.
    ///
    /// # Errors
    /// If there are none.
    pub(super) fn whole(&self, name: &str) -> Result<&[i64]> {
        let whole = self.whole.get(name).map(Vec::as_slice);
        whole.ok_or_else(|| Error::new(format!("{name:?} is not known beforehand")))
    }

    /// The sizes or places of this name.
    ///
    /// # Errors
    /// If there are none, or one is negative.
    pub(super) fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let sizes = self.whole(name)?.iter().map(|size| usize::try_from(*size).ok()).collect();
        Option::ok_or_else(sizes, || Error::new(format!("{name} has a negative number")))
    }
}

fn shape(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|size| usize::try_from(*size).ok()).collect()
}

/// The numbers in these bytes, if there are as many as the shape says.
fn numbers<T, const N: usize>(bytes: &[u8], shape: &[usize], number: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks();
    let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
    (rest.is_empty() && count == chunks.len()).then(|| chunks.iter().copied().map(number).collect())
}

fn wrong(name: &str) -> Error {
    Error::new(format!("the constant {name} is of another kind or size than it should be"))
}
