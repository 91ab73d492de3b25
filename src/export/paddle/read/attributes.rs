//! The attributes of an operation. Each must be asked for: one that nobody knows might mean anything.

use std::{cell::RefCell, collections::BTreeMap};

use super::super::program::{Attribute, Operation};
use crate::error::{Error, Result};

/// An operation's attributes that were not asked for yet.
pub(super) struct Attributes<'a> {
    operation: &'a Operation,
    left: RefCell<BTreeMap<&'a str, &'a Attribute>>,
}

impl<'a> Attributes<'a> {
    /// All of an operation's.
    pub(super) fn of(operation: &'a Operation) -> Self {
        let left = operation.attributes.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Self { operation, left: RefCell::new(left) }
    }

    fn take(&self, name: &str) -> Option<&'a Attribute> {
        self.left.borrow_mut().remove(name)
    }

    /// Takes note of an attribute that means nothing for what is computed.
    pub(super) fn skip(&self, name: &str) {
        self.take(name);
    }

    /// A whole number.
    ///
    /// # Errors
    /// If it is not there, or something else.
    pub(super) fn whole(&self, name: &str) -> Result<i64> {
        match self.take(name) {
            Some(Attribute::Whole(number)) => Ok(*number),
            Some(Attribute::Float(number)) if number.fract() == 0.0 => Ok(*number as i64),
            _ => Err(self.unknown(name)),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// If it is not there, or something else.
    pub(super) fn text(&self, name: &str) -> Result<&'a str> {
        if let Some(Attribute::Text(text)) = self.take(name) { Ok(text) } else { Err(self.unknown(name)) }
    }

    /// Whether something holds.
    ///
    /// # Errors
    /// If that is not said.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        if let Some(Attribute::Flag(flag)) = self.take(name) { Ok(*flag) } else { Err(self.unknown(name)) }
    }

    /// Whole numbers in a row.
    ///
    /// # Errors
    /// If they are not there, or something else.
    pub(super) fn wholes(&self, name: &str) -> Result<&'a [i64]> {
        match self.take(name) {
            Some(Attribute::Wholes(all) | Attribute::LongWholes(all) | Attribute::Sizes(all)) => Ok(all),
            _ => Err(self.unknown(name)),
        }
    }

    /// Refuses any attribute but this one.
    pub(super) fn must_be(&self, name: &str, wanted: &Attribute) -> Result<()> {
        self.hold(name, self.take(name) == Some(wanted))
    }

    /// Refuses any text but this one.
    pub(super) fn must_say(&self, name: &str, wanted: &str) -> Result<()> {
        self.hold(name, self.text(name)? == wanted)
    }

    /// Refuses the operation unless its attribute is as it should be.
    pub(super) fn hold(&self, name: &str, holds: bool) -> Result<()> {
        if holds { Ok(()) } else { Err(self.unknown(name)) }
    }

    fn unknown(&self, name: &str) -> Error {
        let kind = &self.operation.kind;
        Error::new(format!("Kiln doesn't know {kind} with such a value of {name}"))
    }

    /// Refuses the operation if it has more attributes than were asked for.
    pub(super) fn finish(self) -> Result<()> {
        let left = self.left.borrow().keys().next().copied();
        left.map_or(Ok(()), |name| Err(self.unknown(name)))
    }
}
