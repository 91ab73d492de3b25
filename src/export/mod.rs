//! HANDING OVER: models as files for other programs, and the proof that they say the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod blocks;
mod graph;
pub mod onnx;
mod proto;
pub mod verify;

/// A file format for trained models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// ONNX: the network and its softmax as one graph, for ONNX Runtime and most other engines.
    #[default]
    Onnx,
    /// safetensors: the weights under PyTorch's names, with all that Kiln needs to use them again.
    Safetensors,
}

impl Format {
    /// What a file of the format is called.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Onnx => "model.onnx",
            Self::Safetensors => "model.safetensors",
        }
    }
}

#[cfg(test)]
mod tests;
