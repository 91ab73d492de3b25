//! XML as layers and edges.
//!
//! The text goes by once, and what is kept is about as large as it is. There is nothing in it that stands for more than
//! is written: no entities, no document types.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    super::ir::{Net, Port},
    elements::Attributes,
};
use crate::error::{Error, Result};

/// The deepest that elements are nested.
const DEEPEST: usize = 32;
/// The versions of the file's structure that are known.
const VERSIONS: [&str; 2] = ["10", "11"];

/// The network in a text.
///
/// # Errors
/// If it is no such text.
pub(super) fn net(text: &str) -> Result<Net> {
    let mut reader = Reader::from_str(text);
    let mut parsing = Parsing::default();
    loop {
        match reader.read_event().map_err(|error| Error::new("its XML is broken").because(error))? {
            Event::Start(element) => {
                parsing.element(&element)?;
                parsing.path.push(element.name().0.to_owned());
            }
            Event::Empty(element) => parsing.element(&element)?,
            Event::End(_) => drop(parsing.path.pop()),
            Event::Text(text) => parsing.text(text.into_inner().trim())?,
            Event::Comment(_) | Event::Decl(_) => {}
            Event::Eof => return parsing.finish(),
            Event::CData(_) | Event::PI(_) | Event::DocType(_) | Event::GeneralRef(_) => {
                return Err(Error::new("its XML has more than elements, attributes and plain text"));
            }
        }
    }
}

/// A network on its way.
#[derive(Default)]
struct Parsing {
    /// The names of the elements that are open.
    path: Vec<String>,
    net: Net,
}

impl Parsing {
    fn finish(self) -> Result<Net> {
        let whole = self.path.is_empty() && !self.net.layers.is_empty();
        if whole { Ok(self.net) } else { Err(Error::new("its XML has no end, or no layers")) }
    }

    /// Takes up an element that begins inside of those that are open.
    fn element(&mut self, element: &BytesStart<'_>) -> Result<()> {
        if self.path.len() == DEEPEST {
            return Err(Error::new(format!("its XML is deeper than {DEEPEST} elements")));
        }
        let (name, attributes) = (element.name().0, Attributes::of(element)?);
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (&path[..], name) {
            ([], "net") => return version(&attributes),
            (["net"], "layers" | "edges") | (["net", "layers", "layer"], "input" | "output") => {}
            (["net", "layers"], "layer") => self.net.layers.push(attributes.layer()?),
            (["net", "layers", "layer"], "data") => {
                self.net.layers.last_mut().into_iter().for_each(|layer| layer.data = attributes.all());
            }
            (["net", "layers", "layer", _], "port") => {
                let port = attributes.port()?;
                self.ports().into_iter().for_each(|ports| ports.push(port.clone()));
            }
            (["net", "layers", "layer", _, "port"], "dim") => {}
            (["net", "edges"], "edge") => self.net.edges.push(attributes.edge()?),
            (path, name) if is_remark(path, name) => {}
            (path, name) => {
                return Err(Error::new(format!(
                    "Kiln doesn't know the element {name} in {}",
                    path.join("/")
                )));
            }
        }
        Ok(())
    }

    /// Takes up a text inside of the elements that are open: a size, the only one that means anything.
    fn text(&mut self, text: &str) -> Result<()> {
        if text.is_empty() || self.path.last().is_none_or(|name| name != "dim") {
            return Ok(());
        }
        let size = text.parse().map_err(|error| Error::new(format!("{text} is no size")).because(error))?;
        let port = self.ports().and_then(|ports| ports.last_mut());
        port.into_iter().for_each(|port| port.dims.push(size));
        Ok(())
    }

    /// The last layer's ports on the side that is open.
    fn ports(&mut self) -> Option<&mut Vec<Port>> {
        let layer = self.net.layers.last_mut()?;
        Some(if self.path.get(3).is_some_and(|side| side == "input") {
            &mut layer.inputs
        } else {
            &mut layer.outputs
        })
    }
}

fn version(attributes: &Attributes<'_>) -> Result<()> {
    let version = attributes.text("version")?;
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(Error::new(format!("it is of version {version}; Kiln knows {}", VERSIONS.join(" and "))))
}

/// Whether an element is said for other programs, and means nothing for what is computed.
fn is_remark(path: &[&str], name: &str) -> bool {
    let remark = |name: &&str| ["rt_info", "meta_data"].contains(name);
    !path.is_empty() && (remark(&name) || path.iter().any(remark))
}
