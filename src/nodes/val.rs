//! `type: val`: how good a model is on a split of a dataset.

use std::{collections::BTreeMap, fs, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    artifacts::{DATASET, METRICS, MODEL, PRECISION},
    dataset,
    predict::classifier,
};
use crate::{
    alike,
    data::{
        Dataset, Index, Sample, Split,
        loader::{Loader, Mode},
        transform::Transforms,
    },
    error::{Error, Result},
    eval::{
        Classifier,
        calibration::Calibration,
        classes::{Classes, Hits},
        metrics::{Metric, Tally, to_json},
        predictions::{Judged, judged_table, misclassified, most_wrong},
    },
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    plot::{
        confusion_matrix::confusion_svg,
        contact_sheet::{Tile, contact_sheet, fitted, save_png},
        reliability::reliability_svg,
    },
    progress::Progress,
    shown,
    store::Artifact,
};

/// Measures a model on a dataset: metrics with their definitions, scores per class, the confusion
/// matrix, calibration, what the model says about every image, and a picture of the worst mistakes.
/// Classes are matched by name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Val {
    /// The node that gives the model: a train node, or a model node with weights.
    pub model: String,
    /// The dataset node to measure on; left out, the one that the model was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Which images to measure on. If the dataset has no `val` images, `test` stands in for them.
    #[serde(default = "split")]
    pub split: Split,
    /// Side of the square images in pixels; left out, what the model was trained at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub size: Option<usize>,
    /// Images per forward pass. Changes speed and memory, not results.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: usize,
    /// Which top-k accuracies to give: the share of images whose true class is among the k likeliest. Where the model
    /// has k classes or fewer it is always 1, and left out.
    #[serde(default = "top_k")]
    #[schemars(length(min = 1, max = 100), inner(range(min = 1, max = 1_000_000)))]
    pub top_k: Vec<usize>,
    /// How many misclassified images to show in `most_wrong.png`, those first whose true class got the
    /// least probability; 0 for no picture.
    #[serde(default = "how_many_wrong")]
    #[schemars(range(max = 400))]
    pub most_wrong: usize,
}

fn split() -> Split {
    Split::Val
}

fn batch() -> usize {
    16
}

fn top_k() -> Vec<usize> {
    vec![1, 5]
}

fn how_many_wrong() -> usize {
    16
}

impl NodeKind for Val {
    const NAME: &'static str = "val";
    const VERSION: u32 = 4;
    const KEYS: &'static [(&'static str, KeyRole)] = &[
        ("model", KeyRole::Input(&[MODEL])),
        ("dataset", KeyRole::InheritedInput { accepts: &[DATASET], from: "model" }),
        ("batch", KeyRole::Runtime),
    ];
}

impl Node for Val {
    fn output(&self) -> ArtifactType {
        METRICS
    }

    fn precision(&self) -> Option<&'static str> {
        Some(PRECISION)
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        if port != "dataset" {
            return Ok(());
        }
        present(&dataset::load(artifact)?.index, self.split).map(drop)
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let split = present(&dataset.index, self.split)?;
        if split != self.split {
            cx.progress.warn("the dataset has no val images; its test images stand in for them");
        }
        let model = classifier(cx, self.size)?;
        let all = dataset.index.split(split).len();
        let dataset = matched(&dataset, split, &model.names, &cx.progress)?;
        let ground = Ground { split, left_out: all - dataset.index.split(split).len() };
        let measured = measure(&model, &dataset, split, self.batch, cx)?;
        self.tell_certain(model.names.len(), &cx.progress);
        cx.progress.headline(headline(&measured.tally, &model.names, &ground));
        self.write(cx, &model.names, &measured, &ground)?;
        self.show_most_wrong(cx, &dataset, split, &measured.judged)
    }
}

/// Which images a score is about.
struct Ground {
    /// The split that they are of.
    split: Split,
    /// How many of its images could not be judged: the model does not know their class.
    left_out: usize,
}

impl Ground {
    fn report(&self) -> [Metric; 2] {
        let split = "which images of the dataset were scored: train, val or test";
        let left_out = "number of images of that split that were not scored, because the model does not have their class";
        [
            Metric::new("split", json!(self.split.name()), split),
            Metric::new("images_left_out", json!(self.left_out), left_out),
        ]
    }
}

/// What came of the images.
struct Measured {
    tally: Tally,
    calibration: Calibration,
    judged: Vec<Judged>,
}

/// The split to measure on, which has images.
fn present(index: &Index, asked: Split) -> Result<Split> {
    if !index.split(asked).is_empty() {
        return Ok(asked);
    }
    if asked == Split::Val && !index.test.is_empty() {
        return Ok(Split::Test);
    }
    let others: Vec<&str> =
        Split::ALL.into_iter().filter(|split| !index.split(*split).is_empty()).map(Split::name).collect();
    let error = Error::new(format!("the dataset has no {asked} images"));
    Err(match others[..] {
        [] => error.help("add images to the dataset's folder"),
        _ => error.help(format!("set `split` to one that has images: {}", others.join(", "))),
    })
}

/// The images of `split` whose class the model knows, with the model's class indices.
fn matched(dataset: &Dataset, split: Split, names: &[String], progress: &Progress<'_>) -> Result<Dataset> {
    let classes: Vec<Option<usize>> =
        dataset.index.classes.iter().map(|class| names.iter().position(|name| name == class)).collect();
    let counts = dataset.index.counts(split);
    let strange = |at: &usize| classes[*at].is_none() && counts[*at] > 0;
    let strange: Vec<usize> = (0..classes.len()).filter(strange).collect();
    if !strange.is_empty() {
        let left_out: usize = strange.iter().map(|at| counts[*at]).sum();
        let named: Vec<&String> = strange.iter().map(|at| &dataset.index.classes[*at]).collect();
        progress.warn(format!("{}; images left out: {left_out}", strangers(&named, names)));
    }
    let sample = |sample: &Sample| Some(Sample { class: classes[sample.class]?, ..sample.clone() });
    let samples: Vec<Sample> = dataset.index.split(split).iter().filter_map(sample).collect();
    if samples.is_empty() {
        return Err(no_common_class(&dataset.index.classes, names));
    }
    let mut index = Index { classes: names.to_vec(), ..Index::default() };
    *index.split_mut(split) = samples;
    Ok(dataset.with_index(index))
}

/// That the model does not have these classes, and which of its own look like one of them.
fn strangers(strange: &[&String], names: &[String]) -> String {
    let told = match strange {
        [one] => format!("the model has no class `{}`", shown::text(one)),
        many => format!("the model does not have {} of the classes: {}", many.len(), shown::few(many)),
    };
    let known: BTreeMap<String, &String> = names.iter().map(|name| (alike::folded(name), name)).collect();
    let twin = |name: &&String| {
        let twin = known.get(&alike::folded(name))?;
        let difference = alike::difference(name, twin)?;
        Some(format!(" (its `{}` and `{}` differ {difference})", shown::text(twin), shown::text(name)))
    };
    format!("{told}{}", strange.iter().find_map(twin).unwrap_or_default())
}

fn no_common_class(dataset: &[String], model: &[String]) -> Error {
    let some = |names: &[String]| match names {
        [] => "none".to_owned(),
        some => shown::few(some),
    };
    Error::new("no image to measure on is of a class that the model has").help(format!(
        "classes are matched by name; the dataset has {}, the model has {}",
        some(dataset),
        some(model)
    ))
}

fn measure(
    model: &Classifier,
    dataset: &Dataset,
    split: Split,
    batch: usize,
    cx: &Context<'_>,
) -> Result<Measured> {
    let samples = dataset.index.split(split);
    let transforms = Transforms { size: model.size, eval: model.eval.clone(), ..Transforms::default() };
    let loader = Loader::new(dataset, split, &transforms, Mode::Eval, batch, cx.threads);
    let mut tally = Tally::new(model.names.len());
    let mut calibration = Calibration::default();
    let mut judged = Vec::with_capacity(samples.len());
    for batch in loader.epoch(0) {
        cx.progress.check()?;
        let batch = batch?;
        let indices = batch.indices.clone();
        let logits = model.logits(batch);
        for (row, index) in logits.chunks_exact(model.names.len()).zip(indices) {
            let sample = &samples[index];
            judged.push(Judged::new(index, sample, row, &model.names)?);
            tally.add(row, sample.class);
            calibration.add(row, sample.class);
        }
        cx.progress.step(split.name(), judged.len(), samples.len(), "images");
    }
    Ok(Measured { tally, calibration, judged })
}

/// The score in one line, with all that it leaves out.
fn headline(tally: &Tally, names: &[String], ground: &Ground) -> String {
    let (metrics, hits) = (tally.metrics(), tally.confusion().hits());
    let mut line = Classes::new(names, &hits).headline(metrics.top5, metrics.loss);
    if ground.split != Split::Val {
        line = format!("on {}: {line}", ground.split);
    }
    match ground.left_out {
        0 => line,
        count => format!("{line}  left out, of classes that the model does not have: {count}"),
    }
}

impl Val {
    /// Says which of the accuracies that were asked for are left out; nobody asks for the defaults.
    fn tell_certain(&self, classes: usize, progress: &Progress<'_>) {
        let certain = |k: &&usize| **k > 1 && **k >= classes && !top_k().contains(k);
        let certain: Vec<_> = self.top_k.iter().filter(certain).map(|k| format!("top-{k}")).collect();
        if !certain.is_empty() {
            let all = certain.join(", ");
            progress.note(format!("left out, as the model has {classes} classes: {all}, which would be 1"));
        }
    }

    fn write(&self, cx: &Context<'_>, names: &[String], measured: &Measured, ground: &Ground) -> Result<()> {
        let Measured { tally, calibration, judged } = measured;
        let path = |name: &str| cx.out.join(name);
        let hits: Vec<Hits> = tally.confusion().hits();
        let mut report = tally.report(&self.top_k);
        report.extend(ground.report());
        report.extend(calibration.report());
        report.extend(Classes::new(names, &hits).report());
        let json = serde_json::to_string_pretty(&to_json(&report)).expect("metrics are plain data");
        save(&path("metrics.json"), json + "\n")?;
        save(&path("confusion_matrix.svg"), confusion_svg(tally.confusion().counts(), names))?;
        save(&path("reliability.svg"), reliability_svg(calibration.expected_error(), &calibration.bars()))?;
        calibration.table().save(&path("reliability.csv"))?;
        tally.confusion().table(names).save(&path("confusion_matrix.csv"))?;
        tally.confusion().class_table(names).save(&path("per_class.csv"))?;
        judged_table(judged).save(&path("predictions.csv"))?;
        judged_table(misclassified(judged)).save(&path("misclassified.csv"))
    }

    /// Writes `most_wrong.png`, if there are mistakes.
    fn show_most_wrong(
        &self,
        cx: &Context<'_>,
        dataset: &Dataset,
        split: Split,
        judged: &[Judged],
    ) -> Result<()> {
        let tile = |one: &Judged| -> Result<Tile> {
            cx.progress.check()?;
            let image = dataset.decode(&dataset.index.split(split)[one.index])?;
            Ok(Tile { image: fitted(&image), lines: caption(one) })
        };
        let worst = most_wrong(judged, self.most_wrong);
        let tiles = worst.into_iter().map(tile).collect::<Result<Vec<_>>>()?;
        if tiles.is_empty() {
            return Ok(());
        }
        save_png(&contact_sheet(&tiles), &cx.out.join("most_wrong.png"))
    }
}

/// The true and the predicted class, each with its probability, and the path.
fn caption(one: &Judged) -> Vec<String> {
    let Judged { prediction, truth, true_confidence, .. } = one;
    vec![
        format!("true {truth} {true_confidence:.3}"),
        format!("said {} {:.3}", prediction.name, prediction.confidence),
        prediction.path.clone(),
    ]
}

fn save(path: &Path, text: String) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::io("write", path, error))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        data::source::{Folder, Location},
        eval::metrics::Metric,
        progress::{Stop, Update},
        random::Random,
    };

    fn sample(path: &str, class: usize) -> Sample {
        Sample { location: Location::File(path.into()), class, size: 1, digest: String::new() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn dataset() -> Dataset {
        let val = vec![sample("val/ant/1.png", 0), sample("val/bee/1.png", 1), sample("val/cow/1.png", 2)];
        let index = Index { classes: names(&["ant", "bee", "cow"]), val, ..Index::default() };
        Dataset::new(Folder::new("/data"), index)
    }

    /// The result of `work`, and what it warned of.
    fn warned<T>(work: impl FnOnce(&Progress<'_>) -> T) -> (T, Vec<String>) {
        let (warnings, stop) = (Mutex::new(Vec::new()), Stop::default());
        let sink = |update| {
            if let Update::Warning(line) = update {
                warnings.lock().unwrap().push(line);
            }
        };
        let result = work(&Progress::new(&sink, &stop));
        (result, warnings.into_inner().unwrap())
    }

    /// What becomes of 40 images of four classes; they are seen `batch` at a time.
    fn measured(root: &Path, batch: usize, threads: usize) -> (Vec<Metric>, Vec<Judged>) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
        let mut model =
            Classifier::load(&fixtures.join("tiny-yolo11.pt"), crate::device_name::DeviceName::Cpu).unwrap();
        model.size = 32;
        let sample = |i: usize| {
            let path = format!("{i}.png");
            let size = fs::metadata(root.join(&path)).unwrap().len();
            Sample { location: Location::File(path), class: i % 4, size, digest: String::new() }
        };
        let index =
            Index { classes: model.names.clone(), val: (0..40).map(sample).collect(), ..Index::default() };
        let dataset = Dataset::new(Folder::new(root), index);
        let (stop, sink) = (Stop::default(), |_: Update| ());
        let cx = Context {
            inputs: BTreeMap::new(),
            sources: BTreeMap::new(),
            out: root,
            scratch: root,
            downloads: root,
            seed: 0,
            device: crate::device_name::DeviceName::Cpu,
            threads,
            progress: Progress::new(&sink, &stop),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let measured = pool.install(|| measure(&model, &dataset, Split::Val, batch, &cx)).unwrap();
        let mut report = measured.tally.report(&[1, 3, 5]);
        report.extend(measured.calibration.report());
        (report, measured.judged)
    }

    #[test]
    fn no_digit_depends_on_batch_size_or_threads() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..40_u64 {
            let mut random = Random::new("test", &[i]);
            let pixel = |_, _| Rgb([(); 3].map(|()| random.below(256) as u8));
            RgbImage::from_fn(36, 32, pixel).save(dir.path().join(format!("{i}.png"))).unwrap();
        }
        let expected = measured(dir.path(), 1, 1);
        assert!(expected.1.iter().any(|one| one.true_confidence > 0.01 && one.true_confidence < 0.99));
        for (batch, threads) in [(1, 3), (7, 1), (16, 2), (33, 4), (40, 1), (64, 2)] {
            assert!(measured(dir.path(), batch, threads) == expected, "batch {batch}, threads {threads}");
        }
    }

    #[test]
    fn classes_are_matched_by_name() {
        let model = names(&["cow", "dog", "ant"]);
        let (matched, warnings) =
            warned(|progress| matched(&dataset(), Split::Val, &model, progress).unwrap());
        assert_eq!(warnings, ["the model has no class `bee`; images left out: 1"]);
        assert_eq!(matched.index.val, [sample("val/ant/1.png", 2), sample("val/cow/1.png", 0)]);
        assert_eq!(matched.index.classes, model);
    }

    #[test]
    fn a_headline_says_what_was_scored_and_what_was_not() {
        let mut tally = Tally::new(3);
        tally.add(&[0.0, 0.0, 0.0], 0);
        tally.add(&[0.0, 0.0, 0.0], 2);
        let names = names(&["ant", "bee", "cow"]);
        let told = |split, left_out| headline(&tally, &names, &Ground { split, left_out });
        insta::assert_snapshot!(told(Split::Val, 0), @"top-1 0.500  loss 1.0986  2 images of 2 of the 3 classes: ant 1 of 1 right, cow 0 of 1 right  the largest class alone gives 0.500  none right of 1 class: cow (0 of 1)");
        assert!(told(Split::Test, 0).starts_with("on test: top-1 0.500"));
        assert!(told(Split::Val, 7).ends_with("  left out, of classes that the model does not have: 7"));
    }

    #[test]
    fn an_accuracy_that_was_asked_for_and_is_left_out_is_told() {
        let told = |top_k: &[usize], classes| {
            let notes = Mutex::new(Vec::new());
            let sink = |update| {
                if let Update::Note(line) = update {
                    notes.lock().unwrap().push(line);
                }
            };
            let keys = json!({ "model": "fit", "top_k": top_k });
            let val: Val = serde_json::from_value(keys).unwrap();
            val.tell_certain(classes, &Progress::new(&sink, &Stop::default()));
            notes.into_inner().unwrap()
        };
        assert_eq!(told(&[1, 5], 2), [] as [String; 0]);
        let line = "left out, as the model has 2 classes: top-2, top-10, which would be 1";
        assert_eq!(told(&[1, 2, 10], 2), [line]);
        assert_eq!(told(&[1, 2, 10], 11), [] as [String; 0]);
    }

    #[test]
    fn without_a_common_class_there_is_nothing_to_measure() {
        let (error, _) =
            warned(|progress| matched(&dataset(), Split::Val, &names(&["x"]), progress).unwrap_err());
        assert_eq!(error.to_string(), "no image to measure on is of a class that the model has");
        let help = "classes are matched by name; the dataset has ant, bee, cow, the model has x";
        assert_eq!(error.hint(), Some(help));
    }

    #[test]
    fn test_stands_in_for_val_alone() {
        let mut index = dataset().index;
        std::mem::swap(&mut index.val, &mut index.test);
        assert_eq!(present(&index, Split::Val).unwrap(), Split::Test);
        let error = present(&index, Split::Train).unwrap_err();
        assert_eq!(error.to_string(), "the dataset has no train images");
        assert_eq!(error.hint(), Some("set `split` to one that has images: test"));
    }
}
