//! Core ML packages: a folder with an ML program, its weights, and a list of both.

mod blobs;
mod block;
mod manifest;
mod operations;
mod proto;
mod read;
mod values;

use std::path::Path;

use prost::Message as _;

use self::{
    operations::{IMAGES, LABEL, PROBABILITIES},
    proto::{
        Description, DictionaryFeature, Empty, Feature, FeatureKind, FeatureType, Function, ImageType,
        Metadata, ModelProto, NamedType, Program,
    },
    values::{FLOAT32, tensor_type},
};
use super::{
    Choice, Content, Exported, Format, Model, NetworkFormat, OutputFile, Told, input_file,
    lowered::{INPUT, Lowered},
};
use crate::error::{Error, Result};

/// The format.
pub(super) const COREML: Format = Format {
    name: "coreml",
    title: "Core ML",
    about: "Core ML: a package for Apple's systems that takes an image and names its class. `precision: fp16` also\n\
            computes in 16 bits, as the neural engine needs.",
    file: FILE,
    content: Content::Network(NetworkFormat {
        choices: &[Choice::Precision],
        example: include_str!("example.py"),
        write,
        recognises: |path| path.join(MANIFEST).is_file() && path.join(MODEL).is_file(),
        read: open,
    }),
};

const FILE: &str = "model.mlpackage";
const MANIFEST: &str = "Manifest.json";
const MODEL: &str = "Data/com.apple.CoreML/model.mlmodel";
const WEIGHTS: &str = "Data/com.apple.CoreML/weights/weight.bin";
/// Version of the file's structure: iOS 15 and macOS 12 read it.
const SPECIFICATION: i32 = 6;
/// The set of operations of the same systems.
const OPSET: &str = "CoreML5";
const MAIN: &str = "main";
/// Core ML's number for images of red, green and blue.
const RGB: i32 = 20;

/// The files of a package. The same model gives the same bytes.
fn write(model: &Model<'_>) -> Result<Vec<OutputFile>> {
    let lowered = model.lowered()?;
    let (file, weights) = package(&lowered, model.names, metadata(model))?;
    let bytes = file.encode_to_vec();
    let manifest = manifest::text(&bytes).into_bytes();
    let file = |path: &str, bytes| OutputFile { path: format!("{FILE}/{path}"), bytes };
    Ok(vec![file(MANIFEST, manifest), file(MODEL, bytes), file(WEIGHTS, weights)])
}

/// The model and the file of its weights.
fn package(lowered: &Lowered, classes: &[String], metadata: Metadata) -> Result<(ModelProto, Vec<u8>)> {
    let (block, weights) = operations::program(lowered, classes)?;
    let images = [&[1], lowered.shape(INPUT)].concat();
    let images = NamedType { name: IMAGES.to_owned(), r#type: Some(tensor_type(FLOAT32, &images)) };
    let blocks = [(OPSET.to_owned(), block)].into();
    let main = Function { inputs: vec![images], opset: OPSET.to_owned(), blocks };
    let program = Program { version: 1, functions: [(MAIN.to_owned(), main)].into() };
    let description = Some(description(lowered.shape(INPUT)[1], metadata));
    Ok((ModelProto { specification_version: SPECIFICATION, description, program: Some(program) }, weights))
}

/// An image in, a name and the probabilities of all names out.
fn description(size: usize, metadata: Metadata) -> Description {
    let feature =
        |name: &str, kind| Feature { name: name.to_owned(), r#type: Some(FeatureType { kind: Some(kind) }) };
    let image = ImageType { width: size as i64, height: size as i64, color_space: RGB };
    let probabilities = DictionaryFeature { text_keys: Some(Empty {}) };
    Description {
        input: vec![feature(IMAGES, FeatureKind::Image(image))],
        output: vec![
            feature(LABEL, FeatureKind::Text(Empty {})),
            feature(PROBABILITIES, FeatureKind::Dictionary(probabilities)),
        ],
        predicted_feature_name: LABEL.to_owned(),
        predicted_probabilities_name: PROBABILITIES.to_owned(),
        metadata: Some(metadata),
    }
}

fn metadata(model: &Model<'_>) -> Metadata {
    Metadata {
        short_description: model.description(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        author: "Kiln".to_owned(),
        user_defined: model.metadata().into_iter().collect(),
    }
}

/// What the package at `path` holds.
fn open(path: &Path) -> Result<Exported> {
    let file = |name: &str| input_file::bytes(&path.join(name));
    exported(&file(MODEL)?, &file(WEIGHTS)?)
}

/// What the bytes of a model and of its weights hold.
fn exported(model: &[u8], weights: &[u8]) -> Result<Exported> {
    let model =
        ModelProto::decode(model).map_err(|error| Error::new("it is no Core ML model").because(error))?;
    let network = read::network(&model, weights)?;
    let metadata = model.description.and_then(|description| description.metadata).unwrap_or_default();
    Ok(Exported { network, told: Told::from_texts(metadata.user_defined) })
}

#[cfg(test)]
mod tests;
