//! What belongs to a layer. Each entry must be asked for: one that nobody knows might mean anything.

use std::{cell::RefCell, collections::BTreeMap};

use super::super::ir::Layer;
use crate::error::{Error, Result};

/// A layer's data that were not asked for yet.
pub(super) struct Data<'a> {
    layer: &'a Layer,
    left: RefCell<BTreeMap<&'a str, &'a str>>,
}

impl<'a> Data<'a> {
    /// All of a layer's.
    pub(super) fn of(layer: &'a Layer) -> Self {
        let left = layer.data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Self { layer, left: RefCell::new(left) }
    }

    /// The text of an entry, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.left.borrow_mut().remove(name)
    }

    /// Numbers in a row, none if it is empty.
    ///
    /// # Errors
    /// If it is not there, or has anything else.
    pub(super) fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let text = self.text(name).unwrap_or(",");
        let parts = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        let sizes: Result<Vec<usize>, _> = parts.map(str::parse).collect();
        sizes.or_else(|_| self.hold(name, false).map(|()| Vec::new()))
    }

    /// A whole number.
    ///
    /// # Errors
    /// If it is not there, or something else.
    pub(super) fn whole(&self, name: &str) -> Result<i64> {
        let number = self.text(name).and_then(|text| text.parse().ok());
        self.hold(name, number.is_some()).map(|()| number.unwrap_or_default())
    }

    /// Whether an entry says `true`; `false` where it is not there.
    ///
    /// # Errors
    /// If it says something else.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        let text = self.text(name).unwrap_or("false");
        self.hold(name, ["true", "false", "1", "0"].contains(&text)).map(|()| ["true", "1"].contains(&text))
    }

    /// Refuses any entry but this one, which is also meant where there is none.
    pub(super) fn must_be(&self, name: &str, wanted: &str) -> Result<()> {
        self.hold(name, self.text(name).is_none_or(|text| text == wanted))
    }

    /// Refuses the layer unless its entry is as it should be.
    pub(super) fn hold(&self, name: &str, holds: bool) -> Result<()> {
        if holds {
            return Ok(());
        }
        let Layer { name: layer, kind, .. } = self.layer;
        Err(Error::new(format!("{layer}: Kiln doesn't know {kind} with such a value of {name}")))
    }

    /// Refuses the layer if it has more entries than were asked for.
    pub(super) fn finish(self) -> Result<()> {
        let left = self.left.borrow().keys().next().copied();
        left.map_or(Ok(()), |name| self.hold(name, false))
    }
}
