//! TensorFlow.js: TensorFlow's graph as JSON, and its numbers in files that a browser keeps one by one.

mod attributes;
mod json;
mod weights;

use std::path::Path;

use self::json::ModelJson;
use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile,
    folder::{metadata, told},
    input_file,
    lowered::Lowered,
    tensorflow::{channels_last, ends, graph, network},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const TFJS: Format = Format {
    name: "tfjs",
    title: "TensorFlow.js",
    about: "TensorFlow.js: the network and its softmax as a folder for `tf.loadGraphModel` in browsers and Node. Images\n\
            have their channels last.",
    file: FOLDER,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::DynamicBatch, Choice::Precision],
        example: include_str!("example.py"),
        write,
        recognises,
        read: open,
    }),
};

/// The reference takes a folder for this format by the end of its name.
const FOLDER: &str = "model_web_model";
const FILE: &str = "model.json";
/// What the file says that it is.
const GRAPH_MODEL: &str = "graph-model";
/// How much of the file is looked at to see what it is, in bytes.
const HEAD: u64 = 256;

/// The files of a model. The same model gives the same bytes.
fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let model = channels_last(model);
    let (text, numbers) = files(model.lowered()?)?;
    let file = |path: &str, bytes| OutputFile { path: format!("{FOLDER}/{path}"), bytes };
    let shards = weights::shards(&numbers).into_iter().map(|(path, bytes)| file(&path, bytes.to_vec()));
    let before = [file(FILE, text.into_bytes()), metadata(FOLDER, &model)];
    Ok(before.into_iter().chain(shards).collect())
}

/// A network as the text of a file, and the numbers that stand beside it.
fn files(network: Lowered) -> Result<(String, Vec<u8>)> {
    let ends = ends(&network);
    let (graph, weights) = weights::taken_out(graph(network)?);
    let paths = weights::shards(&weights.bytes).into_iter().map(|(path, _)| path).collect();
    Ok((ModelJson::new(graph, ends, weights.specs, paths).text(), weights.bytes))
}

/// Whether it is a folder with a model that says soon that it is a graph.
fn recognises(path: &Path) -> bool {
    let head = input_file::head(&path.join(FILE), HEAD);
    memchr::memmem::find(&head, GRAPH_MODEL.as_bytes()).is_some()
}

/// What the folder at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let text = input_file::text(&path.join(FILE))?;
    let network = in_files(&text, |name| input_file::bytes(&path.join(name)))?;
    Ok(Exported { network, told: told(path)? })
}

/// The network in the text of a file, whose numbers stand in files that are read by their names.
fn in_files(text: &str, bytes_of: impl Fn(&str) -> Result<Vec<u8>>) -> Result<Lowered> {
    let model = ModelJson::parse(text)?;
    let mut bytes = Vec::new();
    for name in weights::beside(&model.manifest()?.paths)? {
        bytes.append(&mut bytes_of(name)?);
    }
    let network = network(weights::put_back(model.graph()?, &model.manifest()?.weights, &bytes)?)?;
    match model.is_called_with(ends(&network)) {
        true => Ok(network),
        false => Err(Error::new("its signature is not how its graph is called")),
    }
}

#[cfg(test)]
mod tests;
