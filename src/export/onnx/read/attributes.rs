//! The attributes of a node. Each must be asked for: one that nobody knows might mean anything.

use std::{cell::RefCell, collections::BTreeMap};

use super::super::proto::{AttributeProto, NodeProto, TensorProto};
use crate::error::{Error, Result};

/// A node's attributes that were not asked for yet.
pub(super) struct Attributes<'a> {
    node: &'a NodeProto,
    left: RefCell<BTreeMap<&'a str, &'a AttributeProto>>,
}

impl<'a> Attributes<'a> {
    /// All of a node's.
    pub(super) fn of(node: &'a NodeProto) -> Self {
        let left = node.attribute.iter().map(|attribute| (attribute.name.as_str(), attribute)).collect();
        Self { node, left: RefCell::new(left) }
    }

    fn take(&self, name: &str) -> Option<&'a AttributeProto> {
        self.left.borrow_mut().remove(name)
    }

    /// A whole number, if it is there.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.take(name)?.i
    }

    /// Whole numbers, if they are there.
    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.take(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A tensor, if it is there.
    pub(super) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.take(name)?.t.as_ref()
    }

    /// Refuses any whole number but this one, which is also meant where there is none.
    pub(super) fn must_be(&self, name: &str, wanted: i64) -> Result<()> {
        self.hold(name, self.take(name).is_none_or(|attribute| attribute.i == Some(wanted)))
    }

    /// Refuses any number but 1, which is also meant where there is none.
    pub(super) fn must_be_one(&self, name: &str) -> Result<()> {
        self.hold(name, self.take(name).is_none_or(|attribute| attribute.f == Some(1.0)))
    }

    /// Refuses any whole numbers but 1, which are also meant where there are none.
    pub(super) fn must_be_ones(&self, name: &str) -> Result<()> {
        self.hold(name, self.ints(name).is_none_or(|ints| ints.iter().all(|int| *int == 1)))
    }

    /// Refuses the node unless its attribute is as it should be.
    pub(super) fn hold(&self, name: &str, holds: bool) -> Result<()> {
        if holds {
            return Ok(());
        }
        let NodeProto { name: node, op_type, .. } = self.node;
        Err(Error::new(format!("{node}: Kiln doesn't know {op_type} with such a value of {name}")))
    }

    /// Refuses the node if it has more attributes than were asked for.
    pub(super) fn finish(self) -> Result<()> {
        let left = self.left.borrow().keys().next().copied();
        left.map_or(Ok(()), |name| self.hold(name, false))
    }
}
