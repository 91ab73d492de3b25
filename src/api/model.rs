//! A trained model in memory.

use std::path::{Path, PathBuf};

use crate::{
    device_name::DeviceName,
    error::Result,
    eval::{Classifier, predict::predict_one, predictions::Prediction},
    nodes::exported::open,
};

/// A trained model: its file, and its network ready to classify images.
pub struct Model {
    file: PathBuf,
    pub(super) classifier: Classifier,
}

impl Model {
    /// The model in a `.safetensors` or `.bpk` of Kiln's or a `.pt` of Ultralytics, on a device; or an exported network,
    /// on the CPU.
    ///
    /// # Errors
    /// If the file can't be read, is not a whole model, or there is no such device.
    pub fn load(file: impl AsRef<Path>, device: DeviceName) -> Result<Self> {
        let file = file.as_ref().to_owned();
        Ok(Self { classifier: open(&file, device)?, file })
    }

    /// The model's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The names of the classes, by index: `[classes]`.
    pub fn names(&self) -> &[String] {
        &self.classifier.names
    }

    /// Side of the square images that the network sees, in pixels.
    pub fn size(&self) -> usize {
        self.classifier.size
    }

    /// What the model says about an image: the likeliest class, and all classes with their probabilities in `top`.
    ///
    /// # Errors
    /// If the image can't be read, or the network gives numbers that are not finite.
    pub fn predict(&self, image: impl AsRef<Path>) -> Result<Prediction> {
        predict_one(&self.classifier, image.as_ref())
    }
}
