//! HANDING OVER: models as files for other programs, and the proof that they say the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod blocks;
pub mod engine;
mod graph;
pub mod onnx;
mod proto;
pub mod sample_images;
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
    /// burnpack, the format of burn: the same, weights and all else.
    Burnpack,
    /// A PyTorch state dict that `torch.load(path, weights_only=True)` reads. Only Kiln sees names,
    /// architecture, size and transforms in it; a copy that PyTorch saves has the weights alone.
    Pt,
}

impl Format {
    /// What a file of the format is called.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Onnx => "model.onnx",
            Self::Safetensors => "model.safetensors",
            Self::Burnpack => "model.bpk",
            Self::Pt => "model.pt",
        }
    }
}

#[cfg(test)]
mod tests;
