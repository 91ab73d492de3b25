//! `type: export`: a trained model as a file for other programs, proven by a second engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    artifacts::{DATASET, EXPORT, MODEL, PRECISION},
    dataset,
    model::{self, classifier},
};
use crate::{
    data::{
        Batch, Index, Sample, Split,
        loader::{Loader, Mode},
    },
    error::{Error, Result},
    eval::Classifier,
    export::{
        Format, onnx,
        verify::{ENGINE, Engine, largest_difference, softmax},
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    progress::Progress,
    random::Random,
    spec::{Place, Problem},
    weights::{self, ModelFile},
};

/// The largest difference of a probability that is no fault.
const LIMIT: f32 = 1e-4;
/// How many images of a dataset prove the file.
const IMAGES: usize = 16;
/// How many images are made up where there is no dataset.
const GENERATED: usize = 8;

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
        let (source, batches) = images(cx, &model)?;
        let engine = Engine::load(bytes)?;
        let at_once = if self.dynamic_batch { usize::MAX } else { 1 };
        let (images, largest_difference) =
            compare(batches, at_once, |batch| model.logits(batch.clone()), &engine, &cx.progress)?;
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

/// What the file is proven on: images of the dataset, or made-up ones; and where they come from.
fn images(cx: &Context<'_>, model: &Classifier) -> Result<(String, Vec<Batch>)> {
    let dataset = cx.input("dataset").map(dataset::load).transpose()?;
    let found = dataset.as_ref().and_then(|dataset| Some((dataset, split(&dataset.index)?)));
    let Some((dataset, split)) = found else {
        if dataset.is_some() {
            cx.progress.warn("the dataset has no images; made-up ones prove the file");
        }
        return Ok(("made-up images".to_owned(), vec![made_up(model.size)]));
    };
    let some = dataset.with_index(spread(&dataset.index, split, IMAGES));
    let loader = Loader::new(&some, split, &model.transforms(), Mode::Eval, IMAGES, cx.threads);
    let batches = loader.epoch(0).collect::<Result<_>>()?;
    Ok((format!("{split} images"), batches))
}

/// The first of these splits that has images.
fn split(index: &Index) -> Option<Split> {
    [Split::Val, Split::Test, Split::Train].into_iter().find(|split| !index.split(*split).is_empty())
}

/// An index with at most `count` samples of `split`, evenly spread: all classes have their turn.
fn spread(index: &Index, split: Split, count: usize) -> Index {
    let samples = index.split(split);
    let count = count.min(samples.len());
    let mut some = Index { classes: index.classes.clone(), ..Index::default() };
    let chosen = (0..count).map(|i| samples[i * samples.len() / count].clone());
    *some.split_mut(split) = chosen.collect::<Vec<Sample>>();
    some
}

/// Noise from dark to bright; the same each time.
fn made_up(size: usize) -> Batch {
    let pixels = 3 * size * size;
    let image = |i: usize| {
        let mut random = Random::new("export verification", &[i as u64]);
        let brightest = (i + 1) as f64 / GENERATED as f64;
        (0..pixels).map(move |_| random.uniform(0.0, brightest) as f32)
    };
    let images = (0..GENERATED).flat_map(image).collect();
    Batch { images, targets: vec![0; GENERATED], indices: (0..GENERATED).collect(), size }
}

/// How many images both engines were given, `at_once` in a pass of the second, and the largest
/// difference of a probability.
fn compare(
    batches: Vec<Batch>,
    at_once: usize,
    logits: impl Fn(&Batch) -> Vec<f32>,
    engine: &Engine,
    progress: &Progress<'_>,
) -> Result<(usize, f32)> {
    let total = batches.iter().map(|batch| batch.targets.len()).sum();
    let (mut done, mut largest) = (0, 0.0_f32);
    for batch in &batches {
        let (count, pixels) = (batch.targets.len(), 3 * batch.size * batch.size);
        let own = logits(batch);
        let own = softmax(&own, own.len() / count.max(1));
        let mut second = Vec::with_capacity(own.len());
        for part in batch.images.chunks(pixels * at_once.min(count)) {
            progress.check()?;
            second.extend(engine.probabilities(part, batch.size)?);
            done += part.len() / pixels;
            progress.step("verify", done, total, "images");
        }
        // `f32::max` would lose a NaN.
        let difference = largest_difference(&own, &second);
        largest = if difference.is_nan() || largest.is_nan() { f32::NAN } else { largest.max(difference) };
    }
    if largest <= LIMIT { Ok((total, largest)) } else { Err(differs(largest)) }
}

fn differs(largest: f32) -> Error {
    let message = if largest.is_nan() {
        "a probability is not a number, in the network or in the exported file".to_owned()
    } else {
        format!("the exported file gives a probability that differs by {largest:.1e} from the network's")
    };
    Error::new(message).help(format!(
        "differences up to {LIMIT:.0e} are rounding; a larger one is a fault of the weights or of the exporter"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{arch::Arch, data::source::Location, progress::Stop};

    const TINY: &[u8] = include_bytes!("../../tests/fixtures/weights/tiny-yolo11.pt");

    fn engine(dynamic_batch: bool) -> Engine {
        let file = weights::from_bytes(TINY).unwrap();
        let names = file.names.unwrap();
        let arch = Arch::parse(&file.arch_name.unwrap(), &file.arch.unwrap(), names.len()).unwrap();
        let model = onnx::Model {
            arch: &arch,
            weights: &file.weights,
            names: &names,
            size: 64,
            eval: &json!([]),
            dynamic_batch,
        };
        Engine::load(onnx::bytes(&model).unwrap()).unwrap()
    }

    fn compared(at_once: usize, off: f32) -> Result<(usize, f32)> {
        let engine = engine(at_once > 1);
        let logits = |batch: &Batch| {
            let own = engine.probabilities(&batch.images[..3 * 64 * 64], 64).unwrap();
            let row: Vec<f32> = own.iter().map(|p| p.max(1e-30).ln() + off * p).collect();
            row.repeat(batch.targets.len())
        };
        let same =
            Batch { images: made_up(64).images[..3 * 64 * 64].repeat(3), targets: vec![0; 3], ..made_up(64) };
        compare(vec![same], at_once, logits, &engine, &Progress::new(&|_| (), &Stop::default()))
    }

    #[test]
    fn equal_probabilities_pass_and_others_do_not() {
        for at_once in [1, usize::MAX] {
            let (images, largest) = compared(at_once, 0.0).unwrap();
            assert!(images == 3 && largest < 1e-5, "{images} {largest}");
        }
        let error = compared(1, f32::NAN).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a probability is not a number, in the network or in the exported file"
        );
    }

    #[test]
    fn a_difference_above_the_limit_is_told() {
        let error = differs(0.25);
        let message = "the exported file gives a probability that differs by 2.5e-1 from the network's";
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().starts_with("differences up to 1e-4 are rounding"));
    }

    #[test]
    fn samples_are_spread_over_the_split() {
        let sample = |i: usize| Sample {
            location: Location::File(i.to_string()),
            class: i,
            size: 1,
            digest: String::new(),
        };
        let index = Index { val: (0..10).map(sample).collect(), ..Index::default() };
        let paths = |count| -> Vec<String> {
            spread(&index, Split::Val, count)
                .val
                .iter()
                .map(|sample| sample.location.name().to_owned())
                .collect()
        };
        assert_eq!(paths(4), ["0", "2", "5", "7"]);
        assert_eq!(paths(16).len(), 10);
        assert_eq!((split(&index), split(&Index::default())), (Some(Split::Val), None));
    }

    #[test]
    fn made_up_images_are_always_the_same() {
        let batch = made_up(8);
        assert_eq!(batch, made_up(8));
        assert_eq!(batch.images.len(), GENERATED * 3 * 8 * 8);
        assert!(batch.images.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }

    #[test]
    fn a_batch_of_safetensors_is_refused() {
        let export = |value| serde_json::from_value::<Export>(value).unwrap();
        assert!(export(json!({"model": "fit", "dynamic_batch": true})).check().is_empty());
        let problems =
            export(json!({"model": "fit", "format": "safetensors", "dynamic_batch": true})).check();
        assert_eq!(problems[0].message, "model.safetensors has no batch: it is weights alone");
    }
}
