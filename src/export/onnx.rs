//! ONNX files: a network with its BatchNorms folded in and its softmax included, and all that a
//! program needs to feed it and to name what comes out.

use prost::Message as _;
use serde_json::{Value, json};

use super::{
    blocks::Blocks,
    graph::{Attribute, value},
    proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto},
};
use crate::{
    arch::{Arch, Computation, computation::COLORS},
    error::{Error, Result},
    weights::{Weights, fold_weights},
};

/// Version of the file's structure; programs since 2022 read it.
const IR_VERSION: i64 = 8;
/// Version of the operations' meaning; likewise.
const OPSET: i64 = 17;
/// The input's name.
pub const INPUT: &str = "images";
/// The output's name.
pub const OUTPUT: &str = "output0";

/// A model to write.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The network's plan.
    pub arch: &'a Arch,
    /// Its numbers.
    pub weights: &'a Weights,
    /// Class names, by index.
    pub names: &'a [String],
    /// Side of the square images, in pixels.
    pub size: usize,
    /// What happens to an image before the network sees it, as in a pipeline file.
    pub eval: &'a Value,
    /// Whether a batch may have any number of images; else it has one.
    pub dynamic_batch: bool,
}

/// The bytes of an ONNX file. The same model gives the same bytes.
///
/// # Errors
/// If weights are missing or of a wrong shape, or the images are too small for the network.
pub fn bytes(model: &Model<'_>) -> Result<Vec<u8>> {
    let computation = Computation::of(model.arch);
    let weights = fold_weights(&computation, model.weights);
    let (mut graph, logits) = Blocks::write(&computation, &weights, INPUT, model.size)?;
    let classes = computation.classes();
    if classes != model.names.len() {
        return Err(Error::new(format!(
            "the network has {classes} classes, but {} names",
            model.names.len()
        )));
    }
    graph.named_op(OUTPUT, "Softmax", &[&logits], &[Attribute::Int("axis", -1)]);
    let batch = (!model.dynamic_batch).then_some(1);
    let input = value(INPUT, batch, &[COLORS, model.size, model.size]);
    let output = value(OUTPUT, batch, &[classes]);
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "kiln".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: description(model),
        graph: Some(graph.finish(&model.arch.name, input, output)),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(model),
    };
    Ok(file.encode_to_vec())
}

fn description(model: &Model<'_>) -> String {
    format!("{} image classifier for {} classes", model.arch.name, model.names.len())
}

/// The reference's metadata, so that its tools can use the file, and Kiln's own as JSON. No date:
/// the same model must give the same bytes.
fn metadata(model: &Model<'_>) -> Vec<StringStringEntryProto> {
    let names: Vec<String> =
        model.names.iter().enumerate().map(|(i, name)| format!("{i}: {}", python_text(name))).collect();
    let preprocessing = json!({
        "size": model.size,
        "color": "RGB",
        "layout": "NCHW",
        "divide_by": 255,
        "steps": model.eval,
    });
    let entries = [
        ("description", description(model)),
        ("author", "Kiln".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("stride", "1".to_owned()),
        ("task", "classify".to_owned()),
        ("batch", "1".to_owned()),
        ("imgsz", format!("[{size}, {size}]", size = model.size)),
        ("channels", COLORS.to_string()),
        ("names", format!("{{{}}}", names.join(", "))),
        ("kiln.arch", model.arch.name.clone()),
        ("kiln.names", json!(model.names).to_string()),
        ("kiln.preprocessing", preprocessing.to_string()),
    ];
    entries.map(|(key, value)| StringStringEntryProto { key: key.to_owned(), value }).into()
}

/// Text as Python writes it in a literal.
fn python_text(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal + "'"
}
