//! Forward passes of a trained model, as `val` and `predict` run them, the images already in memory. The twins are
//! `infer.py` and `ort.py`.

use std::{error::Error, path::Path};

use kiln::{data::Batch, device_name::DeviceName, eval::Classifier};

use super::pixels;

/// Images a second.
pub(crate) fn rate(
    device: DeviceName,
    model: &Path,
    size: usize,
    batch: usize,
    seconds: f64,
) -> Result<f64, Box<dyn Error>> {
    let classifier = Classifier::load(model, device)?.at_size(Some(size))?;
    let images =
        Batch { images: pixels(batch, size), targets: vec![0; batch], indices: (0..batch).collect(), size };
    let infer = || drop(classifier.logits(&images));
    Ok(super::rate::rate(batch, seconds, infer))
}
