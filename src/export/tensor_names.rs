//! The tensors of a network by the names that a file gives them.

use std::collections::BTreeMap;

use super::lowered::TensorId;
use crate::error::{Error, Result};

/// The tensors that were made so far.
#[derive(Debug, Default)]
pub(super) struct TensorNames<'a>(BTreeMap<&'a str, TensorId>);

impl<'a> TensorNames<'a> {
    /// Says what the file calls a tensor.
    ///
    /// # Errors
    /// If it calls another one so.
    pub(super) fn name(&mut self, name: &'a str, tensor: TensorId) -> Result<()> {
        match self.0.insert(name, tensor) {
            Some(_) => Err(Error::new(format!("two tensors are called {name}"))),
            None => Ok(()),
        }
    }

    /// The tensor of this name.
    ///
    /// # Errors
    /// If none was made.
    pub(super) fn tensor(&self, name: &str) -> Result<TensorId> {
        let tensor = self.0.get(name).copied();
        tensor.ok_or_else(|| Error::new(format!("nothing that is called {name:?} was made before")))
    }
}
