//! What to learn, and how.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::workspace::absolute;
use crate::error::Result;

/// What a network learns, and how: as little as a folder of images.
///
/// What is not said is the default of a pipeline file, which `kiln schema` and `schemas/` document.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    pub(super) data: PathBuf,
    arch: Option<String>,
    weights: Option<PathBuf>,
    size: Option<usize>,
    /// Further keys of the train node.
    keys: Map<String, Value>,
}

impl Training {
    /// Training on a folder of images: `train/<class>/` and `val/<class>/`, or `<class>/` alone, of which a fifth is
    /// held out.
    pub fn on(data: impl AsRef<Path>) -> Self {
        let data = data.as_ref().to_owned();
        Self { data, arch: None, weights: None, size: None, keys: Map::new() }
    }

    /// Another architecture than `yolo11n-cls`, or than the weights' own: a built-in one, or the path of a model YAML.
    #[must_use]
    pub fn arch(mut self, arch: impl Into<String>) -> Self {
        self.arch = Some(arch.into());
        self
    }

    /// Weights to start from: a `.safetensors` or `.bpk` of Kiln's, or a `.pt`.
    #[must_use]
    pub fn weights(mut self, file: impl AsRef<Path>) -> Self {
        self.weights = Some(file.as_ref().to_owned());
        self
    }

    /// Side of the square images that the network sees, in pixels; 224 unless said.
    #[must_use]
    pub fn size(mut self, pixels: usize) -> Self {
        self.size = Some(pixels);
        self
    }

    /// Passes over the training images; 100 unless said.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        self.set("epochs", epochs)
    }

    /// Any key of a train node, e.g. `set("optimizer", "adamw")`. One that doesn't exist, or a value that it can't have, is
    /// an error of [`super::Workspace::train`].
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }

    /// The nodes between the dataset `data` and the trained model `fit`.
    pub(super) fn nodes(&self) -> Result<Vec<(&'static str, &'static str, Value)>> {
        let weights = self.weights.as_deref().map(absolute).transpose()?;
        let arch = self.arch.as_deref().or_else(|| weights.is_none().then_some("yolo11n-cls"));
        let mut fit = json!({ "model": "net", "dataset": "data", "transforms": self.size.map(|_| "prep") });
        fit.as_object_mut().expect("it is written as one").extend(self.keys.clone());
        let mut nodes = vec![
            ("net", "model", json!({ "arch": arch, "dataset": "data", "weights": weights })),
            ("fit", "train", fit),
        ];
        nodes.extend(self.size.map(|size| ("prep", "transforms", json!({ "size": size }))));
        Ok(nodes)
    }
}
