//! ncnn's files: a network's layers as text, and their weights in a file of bytes beside it.
//!
//! It has no batch, and what is taken twice is told so.

mod layers;
mod param;
mod permutation;
mod read;
mod weights;

use std::path::Path;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, needed, only, told},
    input_file::{bytes, text},
};
use crate::error::Result;

/// The format.
pub(super) const NCNN: Format = Format {
    name: "ncnn",
    title: "ncnn",
    about: "ncnn: the network for phones and small computers, one image at a time, as a folder.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::Precision],
        example: include_str!("example.py"),
        write,
        recognises: |path| only(path, NETWORK).is_some() && only(path, WEIGHTS).is_some(),
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_ncnn_model";
/// What the files are called without their endings, likewise.
const STEM: &str = "model.ncnn";
const NETWORK: &str = ".param";
const WEIGHTS: &str = ".bin";
/// What the images are called, as other converters do.
const IMAGES: &str = "in0";
/// What the probabilities are called, likewise.
const PROBABILITIES: &str = "out0";

fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let (layers, weights) = layers::layers(&model.lowered()?)?;
    let file = |ending, bytes| OutputFile { path: format!("{FOLDER}/{STEM}{ending}"), bytes };
    let text = param::text(&layers).into_bytes();
    Ok(vec![file(NETWORK, text), file(WEIGHTS, weights), metadata(FOLDER, model)])
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let (layers, weights) = (text(&needed(path, NETWORK)?)?, bytes(&needed(path, WEIGHTS)?)?);
    let told = told(path)?;
    Ok(Exported { network: read::network(&layers, &weights, &told)?, told })
}

#[cfg(test)]
mod tests;
