//! Numbers that are known beforehand.

use half::f16;

use super::super::{Tensor, Type};
use crate::{
    error::{Error, Result},
    export::{Precision, lowered::Constant},
};

/// A constant of these numbers.
///
/// # Errors
/// If there are not as many as its shape says, or they are not of the kind.
pub(super) fn floats(name: &str, tensor: &Tensor) -> Result<Constant> {
    let shape = shape(tensor).ok_or_else(|| wrong(name))?;
    let (data, precision) = match tensor.of {
        Type::Float => (numbers(&tensor.bytes, f32::from_le_bytes), Precision::Fp32),
        Type::Half => (numbers(&tensor.bytes, |number| f16::from_le_bytes(number).to_f32()), Precision::Fp16),
        Type::Int32 => return Err(wrong(name)),
    };
    Ok(Constant { name: name.to_owned(), shape, data, precision })
}

/// These whole numbers, of a tensor of so many dimensions.
///
/// # Errors
/// As [`floats`].
pub(super) fn whole(name: &str, tensor: &Tensor, rank: usize) -> Result<Vec<i64>> {
    let fits = tensor.of == Type::Int32 && tensor.shape.len() == rank && shape(tensor).is_some();
    let numbers = numbers(&tensor.bytes, |number| i64::from(i32::from_le_bytes(number)));
    if fits { Ok(numbers) } else { Err(wrong(name)) }
}

/// The sizes, if there are as many numbers, and any.
fn shape(tensor: &Tensor) -> Option<Vec<usize>> {
    let shape: Vec<usize> =
        tensor.shape.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<_>>()?;
    let bytes = shape.iter().try_fold(tensor.of.width(), |bytes, size| bytes.checked_mul(*size))?;
    (bytes > 0 && bytes == tensor.bytes.len()).then_some(shape)
}

fn numbers<T, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| number(*chunk)).collect()
}

fn wrong(name: &str) -> Error {
    Error::new(format!("the constant {name} is of another kind or size than it should be"))
}
