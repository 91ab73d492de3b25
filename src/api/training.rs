//! What to learn, and how.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::workspace::absolute;
use crate::{error::Result, train::TrainConfig};

/// What a network learns, and how: as little as a folder of images.
///
/// What is not said is the default of a pipeline file, which `kiln schema` and `schemas/` document.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    pub(super) data: PathBuf,
    arch: Option<String>,
    weights: Option<PathBuf>,
    size: Option<usize>,
    config: TrainConfig,
}

impl Training {
    /// Training on a folder of images: `train/<class>/` and `val/<class>/`, or `<class>/` alone, of which a fifth is
    /// held out.
    pub fn on(data: impl AsRef<Path>) -> Self {
        let data = data.as_ref().to_owned();
        Self { data, arch: None, weights: None, size: None, config: TrainConfig::default() }
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
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.config.epochs = Some(epochs);
        self
    }

    /// How to learn, in all that a train node can be told; takes the place of what was said before.
    #[must_use]
    pub fn config(mut self, config: TrainConfig) -> Self {
        self.config = config;
        self
    }

    /// The nodes between the dataset `data` and the trained model `fit`.
    pub(super) fn nodes(&self) -> Result<Vec<(&'static str, &'static str, Value)>> {
        let weights = self.weights.as_deref().map(absolute).transpose()?;
        let arch = self.arch.as_deref().or_else(|| weights.is_none().then_some("yolo11n-cls"));
        let mut fit = json!({ "model": "net", "dataset": "data", "transforms": self.size.map(|_| "prep") });
        if let (Some(fit), Value::Object(keys)) = (fit.as_object_mut(), json!(self.config)) {
            fit.extend(keys);
        }
        let mut nodes = vec![
            ("net", "model", json!({ "arch": arch, "dataset": "data", "weights": weights })),
            ("fit", "train", fit),
        ];
        nodes.extend(self.size.map(|size| ("prep", "transforms", json!({ "size": size }))));
        Ok(nodes)
    }
}
