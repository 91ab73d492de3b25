//! The engine `rten`, ONNX in pure Rust: for tests, what people who never heard of Kiln make of its files.

use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::{AsView, NdTensor};

use crate::{error::Result, export::Engine};

/// An ONNX file that `rten` has loaded.
pub(super) struct Rten(Model);

impl Rten {
    /// Loads the bytes of an ONNX file.
    pub(super) fn load(onnx: Vec<u8>) -> Self {
        Self(Model::load(onnx).unwrap())
    }
}

impl Engine for Rten {
    fn name(&self) -> &'static str {
        "rten"
    }

    fn probabilities(&self, images: &[f32], size: usize) -> Result<Vec<f32>> {
        let input = NdTensor::from_data([images.len() / (3 * size * size), 3, size, size], images.to_vec());
        let mut options = RunOptions::default();
        options.thread_pool = Some(Arc::new(ThreadPool::with_num_threads(1)));
        let output: NdTensor<f32, 2> =
            self.0.run_one(input.view().into(), Some(options)).unwrap().try_into().unwrap();
        Ok(output.to_vec())
    }
}
