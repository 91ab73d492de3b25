//! Frozen graphs: TensorFlow's graph in one file. It says nothing of its model; that stands in a file beside it.

use std::path::Path;

use prost::Message as _;

use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, told},
    input_file,
    tensorflow::{GraphProto, channels_last, graph, network},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const PB: Format = Format {
    name: "pb",
    title: "TensorFlow GraphDef",
    about: "TensorFlow GraphDef: the network and its softmax as one frozen graph, and a `metadata.yaml` beside it.\n\
            Images have their channels last.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("pb/example.py"),
        write,
        recognises,
        read: open,
    }),
};

const FILE: &str = "model.pb";
/// The folder that the file lies in.
const HERE: &str = ".";
/// What a graph begins with: its first node.
const NODE: u8 = 0x0a;

/// The graph, and the metadata beside it. The same model gives the same bytes.
fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let model = channels_last(model);
    let bytes = GraphProto::of(graph(model.lowered()?)?).encode_to_vec();
    Ok(vec![OutputFile { path: FILE.to_owned(), bytes }, metadata(HERE, &model)])
}

/// Whether it is a file whose name says so, and that begins as a graph does.
fn recognises(path: &Path) -> bool {
    let is_called_so = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pb"));
    is_called_so && input_file::head(path, 1) == [NODE]
}

/// What the file at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let bytes = input_file::bytes(path)?;
    let graph = GraphProto::decode(&*bytes).map_err(|error| Error::new("it is no graph").because(error))?;
    Ok(Exported { network: network(graph.graph()?)?, told: told(&path.with_file_name(""))? })
}
