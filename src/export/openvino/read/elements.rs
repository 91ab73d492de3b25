//! The attributes of an element, and what they make of it.

use std::{borrow::Cow, str::FromStr};

use quick_xml::{XmlVersion, events::BytesStart};

use super::super::ir::{Edge, Layer, Port};
use crate::error::{Error, Result};

/// The most attributes of an element.
const MOST: usize = 64;

/// An element's attributes.
pub(super) struct Attributes<'a> {
    element: &'a str,
    values: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Attributes<'a> {
    /// All of an element's.
    ///
    /// # Errors
    /// If they are broken, or too many, or name an entity that XML itself does not know.
    pub(super) fn of(element: &'a BytesStart<'_>) -> Result<Self> {
        let name = element.name().into_inner();
        let broken = |error| Error::new(format!("the attributes of {name} are broken")).because(error);
        let mut values = Vec::new();
        for attribute in element.attributes().take(MOST + 1) {
            let attribute = attribute.map_err(|error| broken(error.into()))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(broken)?;
            values.push((attribute.key.into_inner(), value));
        }
        if values.len() > MOST {
            return Err(Error::new(format!("{name} has more than {MOST} attributes")));
        }
        Ok(Self { element: name, values })
    }

    /// The text of one of them.
    ///
    /// # Errors
    /// If it is not there.
    pub(super) fn text(&self, name: &str) -> Result<&str> {
        let found = self.values.iter().find(|(key, _)| *key == name).map(|(_, value)| &**value);
        found.ok_or_else(|| Error::new(format!("the element {} has no {name}", self.element)))
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        self.values.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into_owned())).collect()
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T> {
        let text = self.text(name)?;
        text.parse().map_err(|_| Error::new(format!("{name}={text:?} of {} is no number", self.element)))
    }

    /// What an element says that is a layer.
    pub(super) fn layer(&self) -> Result<Layer> {
        let text = |name| self.text(name).map(str::to_owned);
        let (id, version) = (self.number("id")?, text("version")?);
        Ok(Layer { id, name: text("name")?, kind: text("type")?, version, ..Layer::default() })
    }

    /// What an element says that is a port.
    pub(super) fn port(&self) -> Result<Port> {
        let precision = self.text("precision").unwrap_or_default().to_owned();
        Ok(Port { id: self.number("id")?, precision, ..Port::default() })
    }

    /// What an element says that is an edge.
    pub(super) fn edge(&self) -> Result<Edge> {
        let end = |[layer, port]: [&str; 2]| Ok((self.number(layer)?, self.number(port)?));
        Ok(Edge { from: end(["from-layer", "from-port"])?, to: end(["to-layer", "to-port"])? })
    }
}
