//! The numbers that a file holds, by their names.

use std::collections::BTreeMap;

use half::f16;

use super::super::{
    graph::{FLOAT, FLOAT16, INT64},
    proto::TensorProto,
};
use crate::{
    error::{Error, Result},
    export::{
        Precision,
        lowered::{Constant, ConstantId, Lowered},
    },
};

/// The most dimensions of a tensor of which sizes are calculated.
const MOST_SIZES: usize = 16;

/// A file's constants. What is calculated with lies in the network, once; here are its numbers' names.
#[derive(Default)]
pub(super) struct Constants<'a> {
    floats: BTreeMap<&'a str, ConstantId>,
    whole: BTreeMap<&'a str, Vec<i64>>,
}

impl<'a> Constants<'a> {
    /// Adds a tensor under a name.
    ///
    /// # Errors
    /// If it has not as many numbers as its shape says, or of a kind that is not known.
    pub(super) fn add(
        &mut self,
        name: &'a str,
        tensor: &'a TensorProto,
        lowered: &mut Lowered,
    ) -> Result<()> {
        let wrong =
            || Error::new(format!("the constant {name} is of another kind or size than it should be"));
        let shape = shape(tensor).ok_or_else(wrong)?;
        if tensor.data_type == INT64 {
            self.whole.insert(name, whole(tensor, &shape).ok_or_else(wrong)?);
            return Ok(());
        }
        let (data, precision) = floats(tensor, &shape).ok_or_else(wrong)?;
        let constant = Constant { name: name.to_owned(), shape, data, precision };
        self.floats.insert(name, lowered.add_constant(constant));
        Ok(())
    }

    /// Says that a constant has another name, too.
    pub(super) fn call(&mut self, name: &'a str, known: &str) {
        if let Some(id) = self.floats.get(known).copied() {
            self.floats.insert(name, id);
        }
        if let Some(whole) = self.whole.get(known).filter(|whole| whole.len() <= MOST_SIZES).cloned() {
            self.whole.insert(name, whole);
        }
    }

    /// Adds whole numbers that were calculated.
    ///
    /// # Errors
    /// If there are more than a tensor has dimensions.
    pub(super) fn know(&mut self, name: &'a str, whole: Vec<i64>) -> Result<()> {
        if whole.len() > MOST_SIZES {
            return Err(Error::new(format!("{name} are more sizes than a tensor has dimensions")));
        }
        self.whole.insert(name, whole);
        Ok(())
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.floats.contains_key(name) || self.whole.contains_key(name)
    }

    /// The constant of this name.
    ///
    /// # Errors
    /// If there is none that holds numbers to calculate with.
    pub(super) fn floats(&self, name: &str) -> Result<ConstantId> {
        self.floats.get(name).copied().ok_or_else(|| unknown(name))
    }

    /// The whole numbers of this name.
    ///
    /// # Errors
    /// If there are none.
    pub(super) fn whole(&self, name: &str) -> Result<&[i64]> {
        self.whole.get(name).map(Vec::as_slice).ok_or_else(|| unknown(name))
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

fn unknown(name: &str) -> Error {
    Error::new(format!("{name:?} is not known beforehand"))
}

fn shape(tensor: &TensorProto) -> Option<Vec<usize>> {
    tensor.dims.iter().map(|size| usize::try_from(*size).ok()).collect()
}

/// A tensor's whole numbers, if there are as many as the shape says.
fn whole(tensor: &TensorProto, shape: &[usize]) -> Option<Vec<i64>> {
    match tensor.raw_data.as_slice() {
        [] => counted(tensor.int64_data.clone(), shape),
        raw => counted(unpacked(raw, i64::from_le_bytes)?, shape),
    }
}

/// A tensor's numbers, if there are as many as the shape says, and in how many bits it holds them.
fn floats(tensor: &TensorProto, shape: &[usize]) -> Option<(Vec<f32>, Precision)> {
    let raw = tensor.raw_data.as_slice();
    let (data, precision) = match (tensor.data_type, raw) {
        (FLOAT, []) => (tensor.float_data.clone(), Precision::Fp32),
        (FLOAT, _) => (unpacked(raw, f32::from_le_bytes)?, Precision::Fp32),
        (FLOAT16, _) => (unpacked(raw, |bytes| f16::from_le_bytes(bytes).to_f32())?, Precision::Fp16),
        _ => return None,
    };
    Some((counted(data, shape)?, precision))
}

/// The numbers in these bytes, if they are whole.
fn unpacked<T, const N: usize>(bytes: &[u8], number: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks();
    rest.is_empty().then(|| chunks.iter().copied().map(number).collect())
}

/// The numbers, if there are as many as the shape says.
fn counted<T>(numbers: Vec<T>, shape: &[usize]) -> Option<Vec<T>> {
    let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
    (count == numbers.len()).then_some(numbers)
}
