//! What a file says of its model, however its format carries it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    yaml,
};

/// The entries of a file's metadata by their keys ([`Model::metadata`](super::Model::metadata)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told(pub BTreeMap<String, Value>);

impl Told {
    /// From texts alone, as ONNX and Core ML carry them: a list or dictionary is a text as Python writes it.
    pub(super) fn from_texts(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(entries.into_iter().map(|(key, text)| (key, Value::String(text))).collect())
    }

    /// From the text of a JSON object.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn from_json(text: &str) -> Result<Self> {
        let entries: Result<Map<String, Value>, _> = serde_json::from_str(text);
        let entries =
            entries.map_err(|error| Error::new("its metadata are no JSON object").because(error))?;
        Ok(Self(entries.into_iter().collect()))
    }

    /// Channels, height and width of the images, as far as they are told.
    pub(super) fn image_sizes(&self) -> [Option<usize>; 3] {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        let side = |at: usize| self.0.get("imgsz").and_then(|sides| size(sides.get(at)?));
        [self.0.get("channels").and_then(size), side(0), side(1)]
    }

    /// From a `metadata.yaml`.
    ///
    /// # Errors
    /// If it is no YAML, or no map of keys.
    pub(super) fn from_yaml(text: &str) -> Result<Self> {
        match yaml::parse_metadata(text) {
            Ok(Value::Object(entries)) => Ok(Self(entries.into_iter().collect())),
            _ => Err(Error::new("its metadata.yaml is no map of keys")),
        }
    }
}
