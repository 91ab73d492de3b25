//! ONNX files: a network with its norms folded in and its softmax included, and all that a program needs to feed it and
//! to name what comes out.

mod graph;
mod nodes;
mod proto;
mod read;

use std::path::Path;

use prost::Message as _;

use self::{
    graph::value,
    proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto},
};
use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile, Told, input_file,
    lowered::{BatchDimension, INPUT, Lowered},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const ONNX: Format = Format {
    name: "onnx",
    title: "ONNX",
    about: "ONNX: the network and its softmax as one graph, for ONNX Runtime and most other engines.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch],
        write: |model| Ok(vec![OutputFile { path: FILE.to_owned(), bytes: bytes(model)? }]),
        recognises,
        read: open,
    }),
};

const FILE: &str = "model.onnx";
/// Version of the file's structure; programs since 2022 read it.
const IR_VERSION: i64 = 8;
/// Version of the operations' meaning; likewise.
const OPSET: i64 = 17;
/// What the images are called, as in the reference's files.
const IMAGES: &str = "images";
/// What the probabilities are called, likewise.
const PROBABILITIES: &str = "output0";

/// The bytes of a file. The same model gives the same bytes.
fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    let lowered = model.lowered()?;
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "kiln".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: model.description(),
        graph: Some(graph(&lowered, &model.arch.name)),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(model),
    };
    Ok(file.encode_to_vec())
}

fn graph(lowered: &Lowered, name: &str) -> proto::GraphProto {
    let batch = match lowered.batch {
        BatchDimension::Fixed(images) => Some(images),
        BatchDimension::Any => None,
    };
    let input = value(IMAGES, batch, lowered.shape(INPUT));
    let output = value(PROBABILITIES, batch, lowered.shape(lowered.probabilities));
    nodes::graph(lowered, IMAGES).finish(name, input, output)
}

fn metadata(model: &Model<'_>) -> Vec<StringStringEntryProto> {
    let entries = model.metadata().into_iter();
    entries.map(|(key, value)| StringStringEntryProto { key, value }).collect()
}

/// Whether it is a file whose name says so: a protocol buffer begins with nothing of its own.
fn recognises(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    exported(&input_file::bytes(path)?)
}

/// What the bytes of a file hold.
fn exported(bytes: &[u8]) -> Result<Exported> {
    let file = ModelProto::decode(bytes).map_err(|error| Error::new("it is no ONNX file").because(error))?;
    let network = read::network(&file)?;
    let told = Told::from_texts(file.metadata_props.into_iter().map(|entry| (entry.key, entry.value)));
    Ok(Exported { network, told })
}

#[cfg(test)]
mod rten;
#[cfg(test)]
mod tests;
