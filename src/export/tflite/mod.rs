//! LiteRT files, which were called TensorFlow Lite: one flatbuffer, and behind it a ZIP archive of what it says of itself.

mod archive;
mod constants;
mod file;
mod operators;
mod read;
mod schema;
mod windows;

use std::path::Path;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile, Told,
    channels_last::ChannelsLast,
    flatbuffer::Record,
    input_file,
    interface::{IMAGES, PROBABILITIES},
};
use crate::error::Result;

/// The format.
pub(super) const TFLITE: Format = Format {
    name: "tflite",
    title: "LiteRT",
    about: "LiteRT, once TensorFlow Lite: the network and its softmax for Android, Raspberry Pi and browsers.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::Precision, Choice::Layout],
        example: include_str!("example.py"),
        write: |model| Ok(vec![OutputFile { path: FILE.to_owned(), bytes: bytes(model)? }]),
        recognises,
        read: open,
    }),
};

const FILE: &str = "model.tflite";

/// The bytes of a file. The same model gives the same bytes.
fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    // Images that have their channels first, as most formats want them, are turned by the first operator.
    let turned = ChannelsLast::of(model.lowered()?, model.options.layout);
    let network = operators::write(&turned, &model.description())?;
    archive::append(network, &model.metadata_json().to_string())
}

/// Whether it is a file with LiteRT's mark.
fn recognises(path: &Path) -> bool {
    input_file::head(path, 8).get(4..) == Some(&file::MARK[..])
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    exported(&input_file::bytes(path)?)
}

/// What the bytes of a file hold.
fn exported(bytes: &[u8]) -> Result<Exported> {
    let network = read::network(Record::root(bytes)?, bytes.len())?;
    let told =
        archive::metadata(bytes)?.map_or_else(|| Ok(Told::default()), |json| Told::from_json(&json))?;
    Ok(Exported { network, told })
}
