//! A PyTorch archive that holds a plain state dict: `torch.load(path, weights_only=True)` reads it.
//!
//! What Kiln must know about the model lies in an entry of its own, `kiln.json`, which PyTorch does
//! not look at.

use super::{
    Array, ModelFile, Weights, check_shapes,
    description::Description,
    pickling::{Pickling, Stored},
    torch::DESCRIPTION,
    torch_zip::TorchZip,
};
use crate::error::Result;

/// The bytes of the archive.
///
/// # Errors
/// If an array has more or fewer numbers than its shape has places.
pub(super) fn to_bytes(model: &ModelFile) -> Result<Vec<u8>> {
    check_shapes(&model.weights)?;
    let storages = model.weights.values().map(Array::to_le_bytes);
    let mut zip = TorchZip::new(&pickle(&model.weights), storages)?;
    zip.add(DESCRIPTION, Description::text_of(model).as_bytes())?;
    zip.finish()
}

/// An `OrderedDict` from name to tensor. Storages are `0`, `1`, … in the same order.
fn pickle(weights: &Weights) -> Vec<u8> {
    Pickling::new().dict(|out| {
        for (key, (name, array)) in weights.iter().enumerate() {
            out.text(name);
            out.tensor(&Stored { key, class: "FloatStorage", shape: &array.shape });
        }
    })
}
