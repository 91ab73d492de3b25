//! Paddle's files: a program as JSON (PIR, as Paddle 3 has it), and its parameters in a file of bytes beside it.

mod json;
mod operations;
mod parameters;
mod program;
mod read;

use std::path::Path;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, needed, only, told},
    input_file::{bytes, text},
};
use crate::error::Result;

/// The format.
pub(super) const PADDLE: Format = Format {
    name: "paddle",
    title: "Paddle",
    about: "Paddle: the network as a program of Paddle 3, as a folder.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch],
        example: include_str!("example.py"),
        write,
        recognises: |path| only(path, PROGRAM).is_some() && only(path, PARAMETERS).is_some(),
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_paddle_model";
const PROGRAM: &str = ".json";
const PARAMETERS: &str = ".pdiparams";
/// What the images are called.
const IMAGES: &str = "images";
/// What the probabilities are called, as Paddle itself does.
const PROBABILITIES: &str = "fetch_name_0";

fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let (program, parameters) = operations::program(&model.lowered()?);
    let file = |ending, bytes| OutputFile { path: format!("{FOLDER}/model{ending}"), bytes };
    let text = json::text(&program).into_bytes();
    Ok(vec![file(PROGRAM, text), file(PARAMETERS, parameters::bytes(&parameters)), metadata(FOLDER, model)])
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let (program, parameters) = (text(&needed(path, PROGRAM)?)?, bytes(&needed(path, PARAMETERS)?)?);
    Ok(Exported { network: read::network(&program, &parameters)?, told: told(path)? })
}

#[cfg(test)]
mod tests;
