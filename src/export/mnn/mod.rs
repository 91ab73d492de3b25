//! MNN's files: one flatbuffer, which holds the network, its weights and what it says of itself.

mod file;
mod operators;
mod parameters;
mod read;
mod schema;

use std::path::Path;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile, Told,
    flatbuffer::Record,
    input_file,
    interface::{IMAGES, PROBABILITIES},
};
use crate::error::Result;

/// The format.
pub(super) const MNN: Format = Format {
    name: "mnn",
    title: "MNN",
    about: "MNN: the network and its softmax in one file, for phones and small computers. It needs MNN 3.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("example.py"),
        write: |model| Ok(vec![OutputFile { path: FILE.to_owned(), bytes: bytes(model)? }]),
        recognises: |path| is_a_net(&input_file::head(path, HEAD)),
        read: open,
    }),
};

const FILE: &str = "model.mnn";
/// Bytes from the file's front among which the table at its root lies.
const HEAD: u64 = 256;

/// The bytes of a file. The same model gives the same bytes.
fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    operators::write(&model.lowered()?, &model.metadata_json().to_string())
}

/// Whether it begins as a flatbuffer without a mark, whose root has operators, outputs and tensors where MNN's has them.
fn is_a_net(head: &[u8]) -> bool {
    let has_mark = head.get(4..8).is_none_or(|mark| mark.iter().all(u8::is_ascii_alphanumeric));
    let fields = [schema::net::OPERATORS, schema::net::OUTPUTS, schema::net::TENSORS];
    let has = |field: &usize| Record::root(head)?.number(*field, 0_u32);
    !has_mark && fields.iter().all(|field| has(field).is_ok_and(|offset| offset > 0))
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    exported(&input_file::bytes(path)?)
}

/// What the bytes of a file hold.
fn exported(bytes: &[u8]) -> Result<Exported> {
    let net = Record::root(bytes)?;
    let told = match net.text(schema::net::METADATA)? {
        "" => Told::default(),
        json => Told::from_json(json)?,
    };
    Ok(Exported { network: read::network(net, bytes.len())?, told })
}

#[cfg(test)]
mod tests;
