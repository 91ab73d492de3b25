//! ExecuTorch's programs: calls of its portable kernels, one after another, with the constants behind them.

mod calls;
mod container;
mod memory;
mod program;
mod read;
mod schema;

use std::path::Path;

use super::{
    Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, needed, only, told},
    input_file,
};
use crate::error::Result;

/// The format.
pub(super) const EXECUTORCH: Format = Format {
    name: "executorch",
    title: "ExecuTorch",
    about: "ExecuTorch: the network as a program of its portable kernels, one image at a time, as a folder. They run on \
        any processor, and are slow: no delegate for one kind of processor is asked for.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[],
        example: include_str!("example.py"),
        write,
        recognises,
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_executorch_model";
const PROGRAM: &str = ".pte";

fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let (path, bytes) = (format!("{FOLDER}/model{PROGRAM}"), calls::write(&model.lowered()?)?);
    Ok(vec![OutputFile { path, bytes }, metadata(FOLDER, model)])
}

/// Whether it is a folder with a program in it.
fn recognises(path: &Path) -> bool {
    only(path, PROGRAM)
        .is_some_and(|path| container::begins(&input_file::head(&path, container::BEGIN as u64)))
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let program = input_file::bytes(&needed(path, PROGRAM)?)?;
    Ok(Exported { network: read::network(&program)?, told: told(path)? })
}
