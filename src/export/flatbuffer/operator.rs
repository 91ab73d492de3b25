//! An operator in a file, of whichever format: what it takes and gives, and a table of what else it says.

use super::{Number, Record};
use crate::error::{Error, Result};

/// An operator of one of the `Kind`s that a format has.
#[derive(Debug)]
pub(in crate::export) struct Operator<'a, Kind> {
    /// What it is called in messages.
    pub(in crate::export) at: String,
    /// What it does.
    pub(in crate::export) kind: Kind,
    /// The tensors that it takes.
    pub(in crate::export) inputs: Vec<i32>,
    /// The tensors that it gives.
    pub(in crate::export) outputs: Vec<i32>,
    /// What else it says, if it says anything.
    pub(in crate::export) options: Option<Record<'a>>,
}

impl<'a, Kind> Operator<'a, Kind> {
    /// A number of its options.
    ///
    /// # Errors
    /// If the file ends before it.
    pub(in crate::export) fn number<T: Number>(&self, field: usize, default: T) -> Result<T> {
        match self.options {
            Some(options) => options.number(field, default),
            None => Ok(default),
        }
    }

    /// Several; none if they are left out.
    ///
    /// # Errors
    /// If they are not whole.
    pub(in crate::export) fn numbers<T: Number>(&self, field: usize) -> Result<Vec<T>> {
        self.options.map_or_else(|| Ok(Vec::new()), |options| options.numbers(field))
    }

    /// A table of its options.
    ///
    /// # Errors
    /// If it is not there, or not whole; `what` says what it is.
    pub(in crate::export) fn table(&self, what: &str, field: usize) -> Result<Record<'a>> {
        let table = self.options.map_or(Ok(None), |options| options.record(field))?;
        table.map_or_else(|| self.unknown(what), Ok)
    }

    /// Whether one of its options says so.
    ///
    /// # Errors
    /// If the file ends before it.
    pub(in crate::export) fn holds(&self, field: usize) -> Result<bool> {
        Ok(self.number(field, 0_u8)? != 0)
    }

    /// Refuses it unless a number of its options is this one.
    ///
    /// # Errors
    /// If it is another one.
    pub(in crate::export) fn must_be(&self, what: &str, field: usize, wanted: i32) -> Result<()> {
        self.hold(what, self.number(field, wanted)? == wanted)
    }

    /// Refuses it unless something about it is as it should be.
    ///
    /// # Errors
    /// If it is not.
    pub(in crate::export) fn hold(&self, what: &str, holds: bool) -> Result<()> {
        if holds { Ok(()) } else { self.unknown(what) }
    }

    /// Refuses it for something about it.
    ///
    /// # Errors
    /// Always.
    pub(in crate::export) fn unknown<T>(&self, what: &str) -> Result<T> {
        Err(Error::new(format!("{}: Kiln doesn't know this {what}", self.at)))
    }
}
