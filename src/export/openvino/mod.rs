//! OpenVINO's IR: the network's layers as XML, and their numbers in a file of bytes beside it.

mod element;
mod graph;
mod ir;
mod layers;
mod read;
mod xml;

use std::path::Path;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, needed, only, told},
    input_file::{bytes, text},
    interface::{IMAGES, PROBABILITIES},
};
use crate::error::Result;

/// The format.
pub(super) const OPENVINO: Format = Format {
    name: "openvino",
    title: "OpenVINO",
    about: "OpenVINO IR: the network for Intel's processors, graphics and NPUs, as a folder.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("example.py"),
        write,
        recognises: |path| only(path, NETWORK).is_some() && only(path, NUMBERS).is_some(),
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_openvino_model";
const NETWORK: &str = ".xml";
const NUMBERS: &str = ".bin";

fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let (net, numbers) = layers::net(&model.lowered()?);
    let file = |ending, bytes| OutputFile { path: format!("{FOLDER}/model{ending}"), bytes };
    let text = xml::text(&net, &model.arch.name).into_bytes();
    Ok(vec![file(NETWORK, text), file(NUMBERS, numbers), metadata(FOLDER, model)])
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let (net, numbers) = (text(&needed(path, NETWORK)?)?, bytes(&needed(path, NUMBERS)?)?);
    Ok(Exported { network: read::network(&net, &numbers)?, told: told(path)? })
}

#[cfg(test)]
mod tests;
