//! The weights beside the layers, taken one after another.

use half::f16;

use super::super::weights::{ALIGNMENT, FULL, HALF};
use crate::{
    error::{Error, Result},
    export::{Precision, lowered::Constant},
};

/// Weights that were not taken yet.
pub(super) struct Weights<'a>(&'a [u8]);

impl<'a> Weights<'a> {
    /// All of them.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next weights, of this shape; before them stands of how many bits they are.
    ///
    /// # Errors
    /// If there are not as many, or they are of a kind that is not known.
    pub(super) fn weights(&mut self, name: &str, shape: Vec<usize>) -> Result<Constant> {
        let (flag, rest) = self.0.split_first_chunk().ok_or_else(|| missing(name))?;
        self.0 = rest;
        let (data, precision) = match *flag {
            FULL => (self.take(name, &shape, f32::from_le_bytes)?, Precision::Fp32),
            HALF => (self.take(name, &shape, |bytes| f16::from_le_bytes(bytes).to_f32())?, Precision::Fp16),
            _ => {
                return Err(Error::new(format!("Kiln doesn't know of which kind the weights of {name} are")));
            }
        };
        Ok(Constant { name: format!("{name}.weight"), shape, data, precision })
    }

    /// The next numbers, of this shape.
    ///
    /// # Errors
    /// If there are not as many.
    pub(super) fn numbers(&mut self, name: &str, shape: Vec<usize>) -> Result<Constant> {
        let data = self.take(name, &shape, f32::from_le_bytes)?;
        Ok(Constant { name: format!("{name}.bias"), shape, data, precision: Precision::Fp32 })
    }

    fn take<T, const N: usize>(
        &mut self,
        name: &str,
        shape: &[usize],
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let missing = || missing(name);
        let bytes = shape.iter().try_fold(N, |bytes, size| bytes.checked_mul(*size)).ok_or_else(missing)?;
        let end = bytes.checked_next_multiple_of(ALIGNMENT).ok_or_else(missing)?;
        let (taken, rest) = self.0.split_at_checked(end).ok_or_else(missing)?;
        self.0 = rest;
        Ok(taken[..bytes].as_chunks().0.iter().copied().map(number).collect())
    }

    /// Whether all were taken.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn missing(name: &str) -> Error {
    Error::new(format!("there are not as many weights as {name} has"))
}
