//! The table of formats, and what each says of itself.

use std::{borrow::Cow, path::Path, result};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::json;

use super::{
    Choice, Compiler, Exported, Model, OutputFile,
    burnpack::BURNPACK,
    compilers::{AXELERA, ENGINE, RKNN},
    coreml::COREML,
    executorch::EXECUTORCH,
    mnn::MNN,
    ncnn::NCNN,
    onnx::ONNX,
    openvino::OPENVINO,
    paddle::PADDLE,
    pb::PB,
    pt::PT,
    safetensors::SAFETENSORS,
    saved_model::SAVED_MODEL,
    tfjs::TFJS,
    tflite::TFLITE,
    torchscript::TORCHSCRIPT,
};
use crate::{
    error::Result,
    suggest::{joined, list},
    weights::ModelFile,
};

/// Every format, in the order in which people see them. The first is taken where none is named.
pub const FORMATS: &[Format] = &[
    ONNX,
    OPENVINO,
    TORCHSCRIPT,
    TFLITE,
    NCNN,
    MNN,
    EXECUTORCH,
    COREML,
    SAVED_MODEL,
    PB,
    TFJS,
    PADDLE,
    ENGINE,
    RKNN,
    AXELERA,
    SAFETENSORS,
    BURNPACK,
    PT,
];

/// A file format for trained models.
#[derive(Debug)]
pub struct Format {
    /// What a user writes: `format: onnx`.
    pub name: &'static str,
    /// What it is called in a sentence.
    pub title: &'static str,
    /// What an editor shows beside the name.
    pub about: &'static str,
    /// What the file is called, or the folder where there are several.
    pub file: &'static str,
    /// What the file holds.
    pub content: Content,
}

/// What a format's file holds, how it is written and how it is proven.
#[derive(Debug)]
pub enum Content {
    /// A network that other programs run.
    Network(NetworkFormat),
    /// What another company's compiler makes of a network.
    Compiled(Compiler),
    /// The weights alone, as these bytes; reading them back must give the same weights.
    Weights(fn(&ModelFile) -> Result<Vec<u8>>),
}

/// How a network is written, and run again.
#[derive(Debug)]
pub struct NetworkFormat {
    /// The options that the format has.
    pub choices: &'static [Choice],
    /// A few lines of Python that run it: from `images`, `[1, 3, size, size]`, or the PIL image `image` that they were
    /// made of, to `probabilities` and `names` of the classes, both by index. Cards show it and `.ci/run` runs it.
    pub example: &'static str,
    /// The files that a model becomes. The same model gives the same bytes.
    pub write: fn(&Model<'_>) -> Result<Vec<OutputFile>>,
    /// Whether what lies at this path, a file or a folder, is of the format, by a look at what it begins with.
    pub recognises: fn(&Path) -> bool,
    /// What lies at this path, read: the writer backwards.
    pub read: fn(&Path) -> Result<Exported>,
}

impl Format {
    /// The format that a user calls `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The names of all formats, as in `a, b or c`.
    pub fn listed() -> String {
        joined(&names(), "or")
    }

    /// The options that the format has.
    pub fn choices(&self) -> &'static [Choice] {
        match &self.content {
            Content::Network(network) => network.choices,
            Content::Compiled(compiler) => compiler.choices,
            Content::Weights(_) => &[],
        }
    }
}

/// The names of all formats.
fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name).collect()
}

impl Default for &'static Format {
    fn default() -> Self {
        &FORMATS[0]
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for &'static Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Format::named(&name).ok_or_else(|| {
            D::Error::custom(format!(
                "there is no format `{name}`; there are {}",
                list(&names(), "and", "none")
            ))
        })
    }
}

impl JsonSchema for Format {
    fn schema_name() -> Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one =
            |format: &Format| json!({ "description": format.about, "type": "string", "const": format.name });
        json_schema!({
            "description": "A file format for trained models.",
            "oneOf": FORMATS.iter().map(one).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_files_are_told_apart() {
        let of: [fn(&Format) -> &str; 3] =
            [|format| format.name, |format| format.title, |format| format.file];
        for of in of {
            assert_eq!(FORMATS.iter().map(of).collect::<BTreeSet<_>>().len(), FORMATS.len());
        }
    }

    #[test]
    fn a_format_is_read_and_written_by_its_name() {
        for name in names() {
            let format: &Format = serde_json::from_value(json!(name)).unwrap();
            assert_eq!(serde_json::to_value(format).unwrap(), json!(name));
        }
        let error = serde_json::from_value::<&Format>(json!("onxx")).unwrap_err().to_string();
        assert!(error.starts_with("there is no format `onxx`; there are `onnx`, "), "{error}");
    }
}
