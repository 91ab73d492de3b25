//! `type: export`: a trained model as a file for other programs, proven by reading it back.

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
    device,
    error::Result,
    eval::Classifier,
    export::{
        Content, Format, Model, NetworkFormat, OptionFault, Options, Precision, Verification, read_back,
        sample_images::SampleImages, verify::verify,
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    weights::ModelFile,
};

/// Writes a trained model as a file for other programs. What was written is read back and run, operation by
/// operation, and compared with the network; a probability that differs by more than 0.0001
/// (0.01 with `precision: fp16`) is an error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The file's format: for other programs to run, `onnx`, `openvino`, `torchscript`, `tflite`, `ncnn`, `mnn`,
    /// `executorch`, `coreml` or `paddle`; or the weights alone as `safetensors`, `burnpack` (burn's format) or `pt` (a
    /// PyTorch state dict for `torch.load` with `weights_only=True`). Kiln also reads class names, architecture, size and
    /// transforms from these three; other programs see the weights.
    #[serde(default)]
    pub format: &'static Format,
    /// Whether the file takes any number of images at once; else it takes one.
    #[serde(default)]
    pub dynamic_batch: bool,
    /// In how many bits the file holds the weights: `fp32`, or `fp16` for half the size and about three digits.
    // Left out where it is as it always was: results from before it was there count as they did.
    #[serde(default, skip_serializing_if = "Precision::is_fp32")]
    #[schemars(extend("default" = "fp32"))]
    pub precision: Precision,
    /// The dataset node with whose images the file is checked; left out, made-up images are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Side of the square images in pixels; left out, what the model was trained at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
}

impl NodeKind for Export {
    const NAME: &'static str = "export";
    const VERSION: u32 = 8;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("model", KeyRole::Input(&[MODEL])), ("dataset", KeyRole::OptionalInput(&[DATASET]))];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[("format", &["target", "kind"])];
}

impl Node for Export {
    fn output(&self) -> ArtifactType {
        EXPORT
    }

    fn precision(&self) -> Option<&'static str> {
        matches!(self.format.content, Content::Network(_)).then_some(PRECISION)
    }

    fn check(&self) -> Vec<Problem> {
        self.format.faults(self.options()).into_iter().map(problem).collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        device::guard(|| self.work(cx))
    }
}

fn problem(OptionFault { key, message, label, help }: OptionFault) -> Problem {
    Problem::rule(Place::Key([key].into()), message).label(label).help(help)
}

impl Export {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let verification = match &self.format.content {
            Content::Network(format) => self.network(cx, format)?,
            Content::Weights(write) => self.weights(cx, *write)?,
        };
        cx.progress.metric("largest_difference", f64::from(verification.largest_difference));
        let json = serde_json::to_string_pretty(&verification).expect("a verification is plain data");
        cx.write("verification.json", json + "\n")
    }

    /// What the keys ask the format for.
    fn options(&self) -> Options {
        Options { dynamic_batch: self.dynamic_batch, precision: self.precision }
    }

    /// A network for other programs; proven by an engine that runs it.
    fn network(&self, cx: &Context<'_>, format: &NetworkFormat) -> Result<Verification> {
        let classifier = classifier(cx, self.size)?;
        self.write_network(cx, format, &classifier)?;
        let dataset = cx.input("dataset").map(dataset::load).transpose()?;
        let images = SampleImages::new(dataset.as_ref(), &classifier.transforms(), cx.threads, &cx.progress)?;
        let engine = self.format.engine(self.format.read(format, &cx.out.join(self.format.file))?.network);
        let logits = |batch: &Batch| classifier.logits(batch);
        let verification = verify((self.format, self.precision), &engine, &images, logits, &cx.progress)?;
        let Verification { engine, source, images, largest_difference, .. } = &verification;
        let line = format!("{engine} gives the network's probabilities on {images} {source}");
        cx.progress.note(format!("{line}; the largest difference is {largest_difference:.1e}"));
        Ok(verification)
    }

    fn write_network(&self, cx: &Context<'_>, format: &NetworkFormat, classifier: &Classifier) -> Result<()> {
        let eval = serde_json::to_value(&classifier.eval).expect("a chain is plain data");
        let model = Model {
            arch: classifier.arch(),
            weights: classifier.weights(),
            names: &classifier.names,
            size: classifier.size,
            eval: &eval,
            options: self.options(),
        };
        (format.write)(&model)?.iter().try_for_each(|file| file.write(cx.out))
    }

    /// The weights alone; proven by reading them back.
    fn weights(&self, cx: &Context<'_>, write: fn(&ModelFile) -> Result<Vec<u8>>) -> Result<Verification> {
        let mut model = model::load(cx.required("model"))?;
        model.size = self.size.or(model.size);
        cx.write(self.format.file, write(&model)?)?;
        let verification = read_back(self.format, cx.out, &model)?;
        cx.progress.note(format!("{} arrays, read back bit by bit", model.weights.len()));
        Ok(verification)
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
