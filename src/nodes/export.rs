//! `type: export`: a trained model as a file for other programs, proven by a second engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PRECISION,
    artifacts::{DATASET, EXPORT, MODEL},
    dataset,
    model::{self, classifier},
};
use crate::{
    data::Batch,
    error::{Error, Result},
    export::{
        Format,
        engine::{ENGINE, Engine},
        onnx,
        sample_images::SampleImages,
        verify::{LIMIT, Verified, verify},
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    weights::{self, ModelFile},
};

/// Writes a trained model as a file for other programs. What was written is run by a second engine
/// and compared with the network; a probability that differs by more than 0.0001 is an error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The file's format: `onnx`; or the weights alone as `safetensors`, `burnpack` (burn's format) or `pt`
    /// (a PyTorch state dict for `torch.load` with `weights_only=True`). Kiln also reads class names,
    /// architecture, size and transforms from these three; other programs see the weights.
    #[serde(default)]
    pub format: Format,
    /// Whether the ONNX file takes any number of images at once; else it takes one.
    #[serde(default)]
    pub dynamic_batch: bool,
    /// The dataset node with whose images the ONNX file is checked; left out, made-up images are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Side of the square images in pixels; left out, what the model was trained at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
}

impl NodeKind for Export {
    const NAME: &'static str = "export";
    const VERSION: u32 = 4;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("model", KeyRole::Input(&[MODEL])), ("dataset", KeyRole::OptionalInput(&[DATASET]))];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[("format", &["target", "kind"])];
}

impl Node for Export {
    fn output(&self) -> ArtifactType {
        EXPORT
    }

    fn precision(&self) -> Option<&'static str> {
        (self.format == Format::Onnx).then_some(PRECISION)
    }

    fn check(&self) -> Vec<Problem> {
        if self.format == Format::Onnx || !self.dynamic_batch {
            return Vec::new();
        }
        let place = Place::Key(["dynamic_batch"].into());
        let message = format!("{} has no batch: it is weights alone", self.format.file_name());
        let problem = Problem::rule(place, message);
        vec![
            problem
                .label("only ONNX files have one")
                .help("leave out `dynamic_batch`, or set `format: onnx`"),
        ]
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let report = match self.format {
            Format::Onnx => self.onnx(cx)?,
            Format::Safetensors => self.weights(cx, weights::to_bytes)?,
            Format::Burnpack => self.weights(cx, weights::to_burnpack)?,
            Format::Pt => self.weights(cx, weights::to_state_dict)?,
        };
        let json = serde_json::to_string_pretty(&report).expect("a report is plain data");
        cx.write("verification.json", json + "\n")
    }
}

/// How the file was proven.
#[derive(Debug, Serialize)]
struct Report {
    /// What was written.
    file: &'static str,
    /// What read it.
    engine: &'static str,
    /// Where the images came from.
    source: String,
    /// How many there were.
    images: usize,
    /// The largest absolute difference of a class's probability, or of a weight.
    largest_difference: f32,
    /// What would have been an error.
    limit: f32,
}

impl Export {
    fn onnx(&self, cx: &Context<'_>) -> Result<Report> {
        let model = classifier(cx, self.size)?;
        let eval = serde_json::to_value(&model.eval).expect("a chain is plain data");
        let bytes = onnx::bytes(&onnx::Model {
            arch: model.arch(),
            weights: model.weights(),
            names: &model.names,
            size: model.size,
            eval: &eval,
            dynamic_batch: self.dynamic_batch,
        })?;
        cx.write(Format::Onnx.file_name(), &bytes)?;
        let dataset = cx.input("dataset").map(dataset::load).transpose()?;
        let sample = SampleImages::new(dataset.as_ref(), &model.transforms(), cx.threads, &cx.progress)?;
        let engine = Engine::load(bytes)?;
        let at_once = if self.dynamic_batch { usize::MAX } else { 1 };
        let logits = |batch: &Batch| model.logits(batch.clone());
        let Verified { images, largest_difference } =
            verify(&sample, at_once, logits, &engine, &cx.progress)?;
        let source = sample.source;
        let line = format!("{ENGINE} gives the network's probabilities on {images} {source}");
        cx.progress.note(format!("{line}; the largest difference is {largest_difference:.1e}"));
        let file = Format::Onnx.file_name();
        Ok(Report { file, engine: ENGINE, source, images, largest_difference, limit: LIMIT })
    }

    /// A file of weights, in the bytes that `format` makes of a model; proven by reading it back.
    fn weights(&self, cx: &Context<'_>, format: fn(&ModelFile) -> Result<Vec<u8>>) -> Result<Report> {
        let mut model = model::load(cx.required("model"))?;
        model.size = self.size.or(model.size);
        cx.write(self.format.file_name(), format(&model)?)?;
        let path = cx.out.join(self.format.file_name());
        // Bytes, not numbers: a NaN is unlike itself.
        if weights::to_bytes(&weights::read(&path)?)? != weights::to_bytes(&model)? {
            return Err(
                Error::new("the written weights are not those of the model").help("look for a damaged disk")
            );
        }
        cx.progress.note(format!("{} arrays, read back bit by bit", model.weights.len()));
        let source = "the file, read back".to_owned();
        let file = self.format.file_name();
        Ok(Report { file, engine: "kiln", source, images: 0, largest_difference: 0.0, limit: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_of_safetensors_is_refused() {
        let export = |value| serde_json::from_value::<Export>(value).unwrap();
        assert!(export(json!({"model": "fit", "dynamic_batch": true})).check().is_empty());
        let problems =
            export(json!({"model": "fit", "format": "safetensors", "dynamic_batch": true})).check();
        assert_eq!(problems[0].message, "model.safetensors has no batch: it is weights alone");
    }
}
