//! ONNX files: a network with its norms folded in and its softmax included, and all that a program needs to feed it and
//! to name what comes out.

mod graph;
mod looks;
mod nodes;
mod preprocessing;
mod proto;
mod read;

use std::{ops::RangeInclusive, path::Path};

use prost::Message as _;
use serde_json::Value;

pub use self::preprocessing::OLDEST_PREPARING_OPSET;
use self::{
    graph::{Graph, pixels, value},
    preprocessing::prepare,
    proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto},
};
use super::{
    Choice, Content, Exported, Format, Include, Model, NetworkFormat, OutputFile, Told, input_file,
    interface::{IMAGES, PROBABILITIES},
    lowered::{INPUT, Lowered},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const ONNX: Format = Format {
    name: "onnx",
    title: "ONNX",
    about: "ONNX: the network and its softmax as one graph, for ONNX Runtime and most other engines.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision, Choice::Opset, Choice::Include],
        example: include_str!("example.py"),
        write: |model| Ok(vec![OutputFile { path: FILE.to_owned(), bytes: bytes(model)? }]),
        recognises: looks::recognises,
        read: open,
    }),
};

const FILE: &str = "model.onnx";
/// The versions of ONNX's operations in which all that is written means the same.
pub const OPSETS: RangeInclusive<u32> = 13..=21;
/// The version where none is asked for; programs since 2022 know it.
const OPSET: u32 = 17;

/// The bytes of a file. The same model gives the same bytes.
fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    let lowered = model.lowered()?;
    let steps = model.options.include.map(|Include::Preprocessing| model.eval);
    let graph = graph(&lowered, &model.arch.name, steps)?;
    let mut file =
        file(graph, model.options.opset.unwrap_or(steps.map_or(OPSET, |_| OLDEST_PREPARING_OPSET)));
    file.doc_string = model.description();
    file.metadata_props = entries(model.metadata());
    Ok(file.encode_to_vec())
}

/// A network and what is to be known of it as the bytes of one file, from which Kiln reads it again.
pub(super) fn packed(lowered: &Lowered, told: Vec<(String, String)>) -> Result<Vec<u8>> {
    let file = ModelProto { metadata_props: entries(told), ..file(graph(lowered, "network", None)?, OPSET) };
    Ok(file.encode_to_vec())
}

/// What [`packed`] made bytes of.
///
/// # Errors
/// If they are damaged.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Exported> {
    let file = ModelProto::decode(bytes).map_err(|error| Error::new("it is no ONNX file").because(error))?;
    let told = file.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
    let told = Told::from_texts(told);
    // Before the network is looked at: that of a detector has more operations than Kiln knows.
    told.must_classify()?;
    Ok(Exported { network: read::network(file, &told)?, told })
}

/// A file that says nothing of its network yet.
fn file(graph: GraphProto, opset: u32) -> ModelProto {
    ModelProto {
        ir_version: structure(opset),
        producer_name: "kiln".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset.into() }],
        ..ModelProto::default()
    }
}

/// The version of the file's structure that came with one of the operations.
fn structure(opset: u32) -> i64 {
    match opset {
        ..15 => 7,
        15..19 => 8,
        19..21 => 9,
        _ => 10,
    }
}

/// The graph of a network, for images that were prepared, or with the `steps` that prepare them.
fn graph(lowered: &Lowered, name: &str, steps: Option<&Value>) -> Result<GraphProto> {
    let (batch, mut graph) = (lowered.batch, Graph::default());
    let (images, input) = match steps {
        None => (IMAGES.to_owned(), value(IMAGES, batch, lowered.shape(INPUT))),
        Some(steps) => (prepare(&mut graph, IMAGES, steps, lowered.shape(INPUT)[1])?, pixels(IMAGES, batch)),
    };
    let output = value(PROBABILITIES, batch, lowered.shape(lowered.probabilities));
    Ok(nodes::add(lowered, graph, &images).finish(name, input, output))
}

fn entries(told: Vec<(String, String)>) -> Vec<StringStringEntryProto> {
    told.into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect()
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    unpacked(&input_file::bytes(path)?)
}

#[cfg(test)]
mod rten;
#[cfg(test)]
mod tests;
