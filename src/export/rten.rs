//! The engine `rten`: ONNX in pure Rust.

use std::sync::Arc;

use rten::{RunOptions, ThreadPool};
use rten_tensor::{AsView, Layout, NdTensor};

use super::Engine;
use crate::error::{Error, Result};

/// An ONNX file that `rten` has loaded.
pub(super) struct Rten {
    model: rten::Model,
    /// One thread, so that the result never depends on how many there are.
    options: RunOptions,
}

impl Rten {
    /// Loads the bytes of an ONNX file.
    ///
    /// # Errors
    /// If the engine can't make sense of them.
    pub(super) fn load(onnx: Vec<u8>) -> Result<Self> {
        let model = rten::Model::load(onnx)
            .map_err(|error| Error::new("the second engine can't load the exported file").because(error))?;
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::new(ThreadPool::with_num_threads(1)));
        Ok(Self { model, options })
    }
}

impl Engine for Rten {
    fn name(&self) -> &'static str {
        "rten 0.27"
    }

    fn probabilities(&self, images: &[f32], size: usize) -> Result<Vec<f32>> {
        let shape = [images.len() / (3 * size * size), 3, size, size];
        let input = NdTensor::from_data(shape, images.to_vec());
        let failed =
            |reason: String| Error::new(format!("the second engine can't run the exported file: {reason}"));
        let output = self.model.run_one(input.view().into(), Some(self.options.clone()));
        let output: NdTensor<f32, 2> = output
            .map_err(|error| failed(error.to_string()))?
            .try_into()
            .map_err(|error| failed(format!("{error}")))?;
        if output.size(0) == shape[0] {
            Ok(output.to_vec())
        } else {
            Err(failed("it gives another batch size".to_owned()))
        }
    }
}
