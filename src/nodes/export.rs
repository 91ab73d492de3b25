//! `type: export`: a trained model as files for other programs, proven by reading them back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PRECISION,
    artifacts::{DATASET, EXPORT, MODEL},
    dataset, exported,
    model::{self, classifier},
};
use crate::{
    data::Batch,
    device,
    error::Result,
    eval::Classifier,
    export::{
        Content, Format, Formats, Model, NetworkFormat, OPSETS, OptionFault, Options, Precision,
        Verification, read_back, sample_images::SampleImages, verify::verify,
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    store::Artifact,
    weights::ModelFile,
};

/// Writes a trained model as a file for another program, or as several. What was written is read back and run, operation
/// by operation, and compared with the network; a probability that differs by more than 0.0001
/// (0.01 with `precision: fp16`) is an error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The file's format, or a list of several: for other programs to run, `onnx`, `openvino`, `torchscript`, `tflite`,
    /// `ncnn`, `mnn`, `executorch`, `coreml` or `paddle`; or the weights alone as `safetensors`, `burnpack` (burn's
    /// format) or `pt` (a PyTorch state dict for `torch.load` with `weights_only=True`). Kiln also reads class names,
    /// architecture, size and transforms from these three; other programs see the weights.
    #[serde(default)]
    pub format: Formats,
    /// Whether the file takes any number of images at once; else it takes one.
    #[serde(default)]
    pub dynamic_batch: bool,
    /// In how many bits the file holds the weights: `fp32`, or `fp16` for half the size and about three digits.
    // Left out where it is as it always was: results from before it was there count as they did.
    #[serde(default, skip_serializing_if = "Precision::is_fp32")]
    #[schemars(extend("default" = "fp32"))]
    pub precision: Precision,
    /// Which version of ONNX's operations the ONNX file uses; left out, 17, which programs since 2022 know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *OPSETS.start(), max = *OPSETS.end()))]
    pub opset: Option<u32>,
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
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[
        ("format", &["target", "kind", "formats"]),
        ("dynamic_batch", &["dynamic"]),
        ("size", &["imgsz", "img_size", "image_size"]),
        ("dataset", &["data"]),
        ("opset", &["opset_version"]),
    ];
    const ELSEWHERE: &'static [(&'static [&'static str], &'static str)] = &[
        (&["half", "fp16"], "here: `precision: fp16`"),
        (&["int8", "quantize"], "here: `precision: fp16` for 16 bits; Kiln writes none in 8"),
        (&["batch"], "a file takes one image, or any number with `dynamic_batch: true`"),
        (&["simplify"], "leave it out: nothing is left to simplify in what Kiln writes"),
        (&["optimize"], "leave it out: PyTorch's optimizer for mobiles is gone"),
        (&["keras"], "leave it out: Kiln writes graphs, no Keras models"),
        (&["workspace"], "leave it out: it is for TensorRT's own compiler, `trtexec`"),
        (&["fraction"], "leave it out: it is for calibration, which Kiln does not do"),
        (
            &["nms", "conf", "iou", "agnostic_nms", "end2end", "max_det"],
            "leave it out: a classifier has no boxes",
        ),
    ];
}

impl Node for Export {
    fn output(&self) -> ArtifactType {
        EXPORT
    }

    fn precision(&self) -> Option<&'static str> {
        self.format.iter().any(|format| is_network(format)).then_some(PRECISION)
    }

    fn check(&self) -> Vec<Problem> {
        self.format.iter().flat_map(|format| format.faults(self.options())).map(problem).collect()
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        if port == "model" { exported::must_not_be(artifact) } else { Ok(()) }
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        device::guard(|| self.work(cx))
    }
}

fn is_network(format: &Format) -> bool {
    matches!(format.content, Content::Network(_))
}

fn problem(OptionFault { key, message, label, help }: OptionFault) -> Problem {
    Problem::rule(Place::Key([key].into()), message).label(label).help(help)
}

/// A network, and what it is proven with.
struct Proof {
    classifier: Classifier,
    images: SampleImages,
}

impl Export {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let proof = self.precision().map(|_| self.proof(cx)).transpose()?;
        let mut found = Vec::new();
        for format in self.format.iter() {
            found.push(match (&format.content, &proof) {
                (Content::Network(network), Some(proof)) => self.network(cx, (format, network), proof)?,
                (Content::Weights(write), _) => self.weights(cx, format, *write)?,
                (Content::Network(_), None) => unreachable!("a network is loaded where one is to be written"),
            });
        }
        let largest = found.iter().map(|found| found.largest_difference).fold(0.0, f32::max);
        cx.progress.metric("largest_difference", f64::from(largest));
        let json = match &found[..] {
            [one] => serde_json::to_string_pretty(one),
            all => serde_json::to_string_pretty(all),
        };
        cx.write("verification.json", json.expect("a verification is plain data") + "\n")
    }

    /// What the keys ask the format for.
    fn options(&self) -> Options {
        Options { dynamic_batch: self.dynamic_batch, precision: self.precision, opset: self.opset }
    }

    fn proof(&self, cx: &Context<'_>) -> Result<Proof> {
        let classifier = classifier(cx, self.size)?;
        let dataset = cx.input("dataset").map(dataset::load).transpose()?;
        let images = SampleImages::new(dataset.as_ref(), &classifier.transforms(), cx.threads, &cx.progress)?;
        Ok(Proof { classifier, images })
    }

    /// A network for other programs; proven by an engine that runs it.
    fn network(
        &self,
        cx: &Context<'_>,
        (format, network): (&'static Format, &NetworkFormat),
        Proof { classifier, images }: &Proof,
    ) -> Result<Verification> {
        self.write_network(cx, network, classifier)?;
        let engine = format.engine(format.read(network, &cx.out.join(format.file))?.network);
        let logits = |batch: &Batch| classifier.logits(batch);
        let verification = verify((format, self.precision), &engine, images, logits, &cx.progress)?;
        let Verification { engine, source, images, largest_difference, .. } = &verification;
        let line = format!("{engine} gives the network's probabilities on {images} {source}");
        cx.progress.note(format!("{line}; the largest difference is {largest_difference:.1e}"));
        Ok(verification)
    }

    fn write_network(&self, cx: &Context<'_>, format: &NetworkFormat, classifier: &Classifier) -> Result<()> {
        let eval = serde_json::to_value(&classifier.eval).expect("a chain is plain data");
        let (arch, weights) = classifier.own().ok_or_else(exported::no_weights)?;
        let model = Model {
            arch,
            weights,
            names: &classifier.names,
            size: classifier.size,
            eval: &eval,
            options: self.options(),
        };
        (format.write)(&model)?.iter().try_for_each(|file| file.write(cx.out))
    }

    /// The weights alone; proven by reading them back.
    fn weights(
        &self,
        cx: &Context<'_>,
        format: &Format,
        write: fn(&ModelFile) -> Result<Vec<u8>>,
    ) -> Result<Verification> {
        let mut model = model::load(cx.required("model"))?;
        model.size = self.size.or(model.size);
        cx.write(format.file, write(&model)?)?;
        let verification = read_back(format, cx.out, &model)?;
        cx.progress.note(format!("{}: {} arrays, read back bit by bit", format.file, model.weights.len()));
        Ok(verification)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(keys: serde_json::Value) -> Vec<String> {
        let export = serde_json::from_value::<Export>(keys).unwrap();
        export.check().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn a_batch_of_safetensors_is_refused() {
        assert_eq!(messages(json!({"model": "fit", "dynamic_batch": true})), [] as [String; 0]);
        let keys = json!({"model": "fit", "format": "safetensors", "dynamic_batch": true});
        assert_eq!(messages(keys), ["model.safetensors has no batch: it is weights alone"]);
    }

    #[test]
    fn each_of_several_formats_must_have_what_is_asked_for() {
        assert_eq!(messages(json!({"model": "fit", "format": ["onnx", "pt"]})), [] as [String; 0]);
        let keys = json!({"model": "fit", "format": ["onnx", "pt", "safetensors"], "opset": 18});
        let told = [
            "model.pt has no opset: it is weights alone",
            "model.safetensors has no opset: it is weights alone",
        ];
        assert_eq!(messages(keys), told);
    }
}
