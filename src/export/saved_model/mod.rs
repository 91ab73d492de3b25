//! SavedModels: a folder with TensorFlow's graph, and how it is called.

mod proto;

use std::path::Path;

use prost::Message as _;

use self::proto::{Interface, MetaGraph, MetaInfo, SavedModelProto, Signature};
use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, told},
    input_file,
    lowered::Lowered,
    tensorflow::{GraphProto, channels_last, ends, graph, network},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const SAVED_MODEL: Format = Format {
    name: "saved_model",
    title: "SavedModel",
    about: "SavedModel: the network and its softmax as a folder for TensorFlow and TensorFlow Serving. Images have\n\
            their channels last.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("example.py"),
        write,
        recognises: |path| path.join(FILE).is_file(),
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_saved_model";
const FILE: &str = "saved_model.pb";
/// Version of the file's structure.
const VERSION: i64 = 1;
/// What the graph is for.
const TAG: &str = "serve";
/// What is called if nothing else is said.
const SIGNATURE: &str = "serving_default";
/// How a signature is called.
const METHOD: &str = "tensorflow/serving/predict";
/// The oldest version that the graph is meant for.
const TENSORFLOW: &str = "2.15.0";

/// The files of a SavedModel. The same model gives the same bytes.
fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let model = channels_last(model);
    let bytes = saved(model.lowered()?)?.encode_to_vec();
    Ok(vec![OutputFile { path: format!("{FOLDER}/{FILE}"), bytes }, metadata(FOLDER, &model)])
}

/// A network as a graph, with how it is called.
fn saved(network: Lowered) -> Result<SavedModelProto> {
    let signatures = [(SIGNATURE.to_owned(), signature(&network))].into();
    let about = MetaInfo { tags: vec![TAG.to_owned()], version: TENSORFLOW.to_owned() };
    let graph = Some(GraphProto::of(graph(network)?));
    let graphs = vec![MetaGraph { about: Some(about), graph, signatures }];
    Ok(SavedModelProto { version: VERSION, graphs })
}

/// What a caller of this network gives and gets.
fn signature(network: &Lowered) -> Signature {
    let [inputs, outputs] =
        ends(network).map(|(name, shape)| [(name.to_owned(), Interface::new(name, &shape))].into());
    Signature { inputs, outputs, method: METHOD.to_owned() }
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let network = in_bytes(&input_file::bytes(&path.join(FILE))?)?;
    Ok(Exported { network, told: told(path)? })
}

/// The network in the bytes of a file.
fn in_bytes(bytes: &[u8]) -> Result<Lowered> {
    let model =
        SavedModelProto::decode(bytes).map_err(|error| Error::new("it is no SavedModel").because(error))?;
    let mut graphs = model.graphs.into_iter();
    let (Some(MetaGraph { graph: Some(graph), signatures, .. }), None) = (graphs.next(), graphs.next())
    else {
        return Err(Error::new("it has more than one graph or none"));
    };
    let network = network(graph.graph()?)?;
    match signatures.get(SIGNATURE) {
        Some(told) if *told == signature(&network) => Ok(network),
        _ => Err(Error::new(format!("its {SIGNATURE} is not how its graph is called"))),
    }
}

#[cfg(test)]
mod tests;
