//! The parameters beside a program, which have no names there: they lie in their order.

use std::collections::BTreeMap;

use prost::Message as _;

use super::super::parameters::{Description, FLOATS, HEAD};
use crate::{
    error::{Error, Result},
    export::{Precision, lowered::Constant},
};

/// Parameters by their names.
pub(super) type Parameters = BTreeMap<String, Constant>;

/// The parameters of these names in some bytes.
///
/// # Errors
/// If there are not as many, or one is not of 32-bit floats.
pub(super) fn parameters<'a>(names: impl Iterator<Item = &'a str>, mut bytes: &[u8]) -> Result<Parameters> {
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    let mut parameters = Parameters::new();
    for name in sorted {
        let (parameter, rest) = parameter(name, bytes).ok_or_else(|| {
            Error::new(format!("the parameter {name} is of another kind or size than it should be"))
        })?;
        bytes = rest;
        if parameters.insert(name.to_owned(), parameter).is_some() {
            return Err(Error::new(format!("two parameters are called {name}")));
        }
    }
    if bytes.is_empty() {
        Ok(parameters)
    } else {
        Err(Error::new("there are more parameters than the program has"))
    }
}

/// The parameter that the bytes begin with, and what is behind it.
fn parameter<'a>(name: &str, bytes: &'a [u8]) -> Option<(Constant, &'a [u8])> {
    let (length, bytes) = bytes.strip_prefix(&HEAD)?.split_first_chunk()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    let (description, bytes) = bytes.split_at_checked(length)?;
    let Description { dims, .. } = Description::decode(description).ok().filter(|it| it.kind == FLOATS)?;
    let shape: Vec<usize> = dims.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<_>>()?;
    let numbers = shape
        .iter()
        .try_fold(4_usize, |bytes, size| bytes.checked_mul(*size))
        .filter(|length| *length > 0)?;
    let (numbers, bytes) = bytes.split_at_checked(numbers)?;
    let data = numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Some((Constant { name: name.to_owned(), shape, data, precision: Precision::Fp32 }, bytes))
}
