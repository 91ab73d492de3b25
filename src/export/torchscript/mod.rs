//! TorchScript files: a network as straight-line code in PyTorch's language, beside its weights.

mod code;
mod read;

use std::{
    io::{Read as _, Result as IoResult, Seek as _, SeekFrom},
    path::Path,
};

use super::{Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile, Told, input_file};
use crate::{
    error::Result,
    files,
    weights::{Script, is_script},
};

/// The format.
pub(super) const TORCHSCRIPT: Format = Format {
    name: "torchscript",
    title: "TorchScript",
    about: "TorchScript: the network and its softmax in one file, for `torch.jit.load` and LibTorch. It takes any\n\
            number of images at once, whatever `dynamic_batch` says.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("example.py"),
        write: |model| Ok(vec![OutputFile { path: FILE.to_owned(), bytes: bytes(model)? }]),
        recognises: |path| ends_as_a_script(path).unwrap_or(false),
        read: open,
    }),
};

const FILE: &str = "model.torchscript";
/// How much of a file's end is looked at. The list of the largest classifier's entries has 40 kB.
const END: u64 = 1 << 20;

/// The bytes of a file. The same model gives the same bytes.
fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    code::script(model.lowered()?, model.metadata_json().to_string()).to_bytes()
}

/// Whether the file at `path` is a zip archive with a program in it.
fn ends_as_a_script(path: &Path) -> IoResult<bool> {
    let mut file = files::open(path)?;
    let mut begin = [0; 4];
    file.read_exact(&mut begin)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end)?;
    Ok(begin == *b"PK\x03\x04" && is_script(&end))
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    exported(&input_file::bytes(path)?)
}

/// What the bytes of a file hold.
fn exported(bytes: &[u8]) -> Result<Exported> {
    let script = Script::from_bytes(bytes)?;
    let told = Told::from_json(&script.metadata)?;
    Ok(Exported { network: read::network(script, &told)?, told })
}

#[cfg(test)]
mod tests;
