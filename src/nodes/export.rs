//! `type: export`: a trained model as files for other programs, proven by reading them back.

mod card;
mod compiled;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        Card, Chip, Content, External, Format, Formats, Include, Layout, Model, NetworkFormat,
        OLDEST_PREPARING_OPSET, OPSETS, OptionFault, Options, Precision, Verification, Written, read_back,
        sample_images::SampleImages, verify::verify,
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    store::Artifact,
    weights::ModelFile,
};

/// Writes a trained model as a file for another program, or as several. What was written is read back and run, operation
/// by operation, and compared with the network; a probability that differs by more than 0.0001
/// (0.01 with `precision: fp16`) is an error. A card beside the files, `model_card.md`, tells what the network is, how it
/// was proven and how it is run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The file's format, or a list of several. Most are networks for other programs to run; `engine`, `rknn` and
    /// `axelera` are made by another company's compiler on this machine, and not run here; `safetensors`, `burnpack`
    /// (burn's format) and `pt` (a PyTorch state dict for `torch.load` with `weights_only=True`) are the weights alone:
    /// Kiln also reads class names, architecture, size and transforms from these, other programs see the weights.
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
    /// How the images that a LiteRT file takes lie in memory: `nchw`, or `nhwc` for cameras and microcontrollers.
    #[serde(default, skip_serializing_if = "Layout::is_nchw")]
    #[schemars(extend("default" = "nchw"))]
    pub layout: Layout,
    /// Which version of ONNX's operations the ONNX file uses; left out, 17, which programs since 2022 know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *OPSETS.start(), max = *OPSETS.end()))]
    pub opset: Option<u32>,
    /// What the file holds besides the network: `preprocessing`, so that it takes the pixels of images of any height and
    /// width, uint8 `[images, height, width, 3]` in RGB, and resizes, crops and divides them itself. ONNX alone, with an
    /// `opset` of 18 or more. In ONNX Runtime a pixel differs from Kiln's by 1 of 255 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Include>,
    /// How much memory of the graphics processor TensorRT's compiler may take, in GiB; left out, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub workspace: Option<u32>,
    /// The chip that an RKNN file is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<Chip>,
    /// Another compiler than those of `format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
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
    const VERSION: u32 = 9;
    const KEYS: &'static [(&'static str, KeyRole)] =
        &[("model", KeyRole::Input(&[MODEL])), ("dataset", KeyRole::OptionalInput(&[DATASET]))];
    // It also tells of the model's data what its content does not say.
    const LOGS: &'static [&'static str] = &[Card::FILE];
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[
        ("format", &["target", "kind", "formats"]),
        ("dynamic_batch", &["dynamic"]),
        ("size", &["imgsz", "img_size", "image_size"]),
        ("dataset", &["data"]),
        ("opset", &["opset_version"]),
        ("chip", &["name", "target_platform", "platform"]),
        ("external", &["compiler", "command"]),
    ];
    const ELSEWHERE: &'static [(&'static [&'static str], &'static str)] = &[
        (&["half", "fp16"], "here: `precision: fp16`"),
        (&["int8", "quantize"], "here: `precision: fp16` for 16 bits; Kiln writes none in 8"),
        (&["batch"], "a file takes one image, or any number with `dynamic_batch: true`"),
        (&["simplify"], "leave it out: nothing is left to simplify in what Kiln writes"),
        (&["optimize"], "leave it out: PyTorch's optimizer for mobiles is gone"),
        (&["keras"], "leave it out: Kiln writes graphs, no Keras models"),
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
        let formats = self.format.iter().flat_map(|format| {
            let compiled = match &format.content {
                Content::Compiled(compiler) => compiler.faults(format, self.options()),
                Content::Network(_) | Content::Weights(_) => Vec::new(),
            };
            format.faults(self.options()).into_iter().chain(compiled)
        });
        let external = self.external.iter().flat_map(|external| external.faults(&self.format));
        formats.chain(external).map(problem).chain(self.old_opset()).collect()
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        if port == "model" { exported::must_not_be(artifact) } else { Ok(()) }
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        device::guard(|| self.work(cx))
    }
}

fn is_network(format: &Format) -> bool {
    matches!(format.content, Content::Network(_) | Content::Compiled(_))
}

fn problem(OptionFault { key, message, label, help }: OptionFault) -> Problem {
    Problem::rule(Place::Key([key].into()), message).label(label).help(help)
}

/// A network, and what it is proven with.
struct Proof {
    classifier: Classifier,
    images: SampleImages,
}

impl Proof {
    /// Writes the model in a format below `folder`, and proves it by an engine that runs what was written.
    fn of_network(
        &self,
        cx: &Context<'_>,
        (format, network): (&'static Format, &NetworkFormat),
        model: &Model<'_>,
        folder: &Path,
    ) -> Result<Verification> {
        (network.write)(model)?.iter().try_for_each(|file| file.write(folder))?;
        let engine = format.engine(format.read(network, &folder.join(format.file))?.network);
        let logits = |batch: &Batch| self.classifier.logits(batch);
        let precision = model.options.precision;
        let verification = verify((format, precision), &engine, &self.images, logits, &cx.progress)?;
        let Verification { engine, source, images, largest_difference, .. } = &verification;
        let line = format!("{engine} gives the network's probabilities on {images} {source}");
        cx.progress.note(format!("{line}; the largest difference is {largest_difference:.1e}"));
        Ok(verification)
    }
}

impl Export {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let proof = self.precision().map(|_| self.proof(cx)).transpose()?;
        let mut found = Vec::new();
        for format in self.format.iter() {
            found.push(match (&format.content, &proof) {
                (Content::Network(network), Some(proof)) => self.network(cx, (format, network), proof)?,
                (Content::Compiled(compiler), Some(proof)) => self.compiled(cx, (format, compiler), proof)?,
                (Content::Weights(write), _) => self.weights(cx, format, *write)?,
                (Content::Network(_) | Content::Compiled(_), None) => {
                    unreachable!("a network is loaded where one is to be written")
                }
            });
        }
        if let (Some(external), Some(proof)) = (&self.external, &proof) {
            self.external(cx, external, proof)?;
        }
        if let Some(proof) = &proof {
            self.card(cx, proof, &found)?;
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
        let Self { dynamic_batch, precision, layout, opset, include, workspace, chip, .. } = *self;
        Options { dynamic_batch, precision, layout, opset, include, workspace, chip }
    }

    /// What is wrong with an opset that can't prepare images, where it has to.
    fn old_opset(&self) -> Option<Problem> {
        let opset = self.opset.filter(|opset| self.include.is_some() && *opset < OLDEST_PREPARING_OPSET)?;
        let message = format!("opset {opset} can't resize images as Kiln does");
        let problem = Problem::rule(Place::Value(["opset"].into()), message);
        Some(problem.label("too old for `include: preprocessing`").help(format!(
            "leave out `opset`, or set it to {OLDEST_PREPARING_OPSET} or more: its `Resize` can be antialiased"
        )))
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
        format: (&'static Format, &NetworkFormat),
        proof: &Proof,
    ) -> Result<Verification> {
        let eval = steps(&proof.classifier);
        proof.of_network(cx, format, &model_of(&proof.classifier, &eval, self.options())?, cx.out)
    }

    /// Writes the card of the networks among what was written; `found` is how each format was proven.
    fn card(&self, cx: &Context<'_>, proof: &Proof, found: &[Verification]) -> Result<()> {
        let networks = self.format.iter().zip(found).filter_map(|(format, proof)| match &format.content {
            Content::Network(network) => Some(Written { format, example: Some(network.example), proof }),
            Content::Compiled(_) => Some(Written { format, example: None, proof }),
            Content::Weights(_) => None,
        });
        let eval = steps(&proof.classifier);
        let model = model_of(&proof.classifier, &eval, self.options())?;
        card::write(cx, &proof.classifier, &model, (&networks.collect::<Vec<_>>(), self.external.as_ref()))
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

/// The eval chain as a file tells it.
fn steps(classifier: &Classifier) -> Value {
    serde_json::to_value(&classifier.eval).expect("a chain is plain data")
}

/// What formats write; `eval` are the classifier's [`steps`].
fn model_of<'a>(classifier: &'a Classifier, eval: &'a Value, options: Options) -> Result<Model<'a>> {
    let (arch, weights) = classifier.own().ok_or_else(exported::no_weights)?;
    Ok(Model { arch, weights, names: &classifier.names, size: classifier.size, eval, options })
}

/// Writes the file, or the folder with the files, that a model becomes in a format below `folder`.
///
/// # Errors
/// If the model is an exported network itself, the format can't express its network, or nothing can be written.
pub fn write_network(
    format: &NetworkFormat,
    options: Options,
    classifier: &Classifier,
    folder: &Path,
) -> Result<()> {
    let eval = steps(classifier);
    let model = model_of(classifier, &eval, options)?;
    (format.write)(&model)?.iter().try_for_each(|file| file.write(folder))
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

    #[test]
    fn what_prepares_images_needs_a_new_opset() {
        let keys = |opset| json!({"model": "fit", "include": "preprocessing", "opset": opset});
        assert_eq!(messages(keys(17)), ["opset 17 can't resize images as Kiln does"]);
        assert_eq!(messages(keys(18)), [] as [String; 0]);
    }
}
