//! safetensors: the weights, and Kiln's description of the model as metadata.

use super::{Content, Format};
use crate::weights;

/// The format.
pub(super) const SAFETENSORS: Format = Format {
    name: "safetensors",
    title: "safetensors",
    about: "safetensors: the weights under PyTorch's names, with all that Kiln needs to use them again.",
    file: "model.safetensors",
    content: Content::Weights(weights::to_bytes),
};
