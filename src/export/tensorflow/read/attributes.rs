//! The attributes of a node. Each must be asked for: one that nobody knows might mean anything.

use std::collections::BTreeMap;

use super::super::{Attribute, Node, Type};
use crate::error::{Error, Result};

/// A node's attributes that were not asked for yet.
pub(super) struct Attributes {
    /// What the node is called.
    pub(super) name: String,
    /// What it does.
    pub(super) op: String,
    left: BTreeMap<String, Attribute>,
}

impl Attributes {
    /// All of a node's, and what it takes.
    pub(super) fn of(Node { name, op, inputs, attributes }: Node) -> (Self, Vec<String>) {
        (Self { name, op, left: attributes }, inputs)
    }

    /// The value of this key, which must be there.
    pub(super) fn take(&mut self, key: &str) -> Result<Attribute> {
        self.left.remove(key).ok_or_else(|| self.wrong(key))
    }

    /// Refuses any other value.
    pub(super) fn must_be(&mut self, key: &str, wanted: &Attribute) -> Result<()> {
        if self.take(key)? == *wanted { Ok(()) } else { Err(self.wrong(key)) }
    }

    /// Refuses numbers of another type.
    pub(super) fn must_have(&mut self, key: &str, of: Type) -> Result<()> {
        self.must_be(key, &Attribute::Type(of))
    }

    /// Whether this key says so.
    pub(super) fn flag(&mut self, key: &str) -> Result<bool> {
        match self.take(key)? {
            Attribute::Flag(flag) => Ok(flag),
            _ => Err(self.wrong(key)),
        }
    }

    /// The size of what goes over a map.
    pub(super) fn over_a_map(&mut self, key: &str) -> Result<usize> {
        let side = match self.take(key)? {
            Attribute::Ints(ints) => match ints[..] {
                [1, height, width, 1] if height == width => usize::try_from(height).ok(),
                _ => None,
            },
            _ => None,
        };
        side.ok_or_else(|| self.wrong(key))
    }

    /// Says that the value of this key is not known.
    pub(super) fn wrong(&self, key: &str) -> Error {
        let Self { name, op, .. } = self;
        Error::new(format!("{name}: Kiln doesn't know {op} with such a value of {key}, or without one"))
    }

    /// Refuses the node if it has more attributes than were asked for.
    pub(super) fn finish(self) -> Result<()> {
        self.left.keys().next().map_or(Ok(()), |key| Err(self.wrong(key)))
    }
}
