//! How good a model is on the images of a dataset: what `type: val` does.

use serde_json::json;

use super::{
    Classifier,
    calibration::Calibration,
    classes::Classes,
    match_classes::match_classes,
    metrics::{Accumulator, Metric, Metrics},
    predictions::{Evaluated, most_wrong},
};
use crate::{
    data::{
        Dataset, Index, Split,
        loader::{Loader, Purpose},
    },
    error::{Error, Result},
    plot::contact_sheet::{Tile, fitted},
    progress::Progress,
};

/// What came of a split's images.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Which split they are of.
    pub split: Split,
    /// The images that were scored, with the model's classes; all of them are in that split.
    pub dataset: Dataset,
    /// How many of the split's images could not be scored: the model does not know their class.
    pub left_out: usize,
    /// What the model got right.
    pub accumulator: Accumulator,
    /// Whether it is right as often as it says.
    pub calibration: Calibration,
    /// What it says about each image, in the order of the split.
    pub images: Vec<Evaluated>,
}

/// Scores `model` on the images of a split whose class it knows, `batch` of them at a time on `threads` threads; neither
/// changes a digit. Warns of images left out, and where `test` stands in for `val`.
///
/// # Errors
/// If there are no such images, one of them can't be read, the network gives numbers that are not finite, or the user
/// asks to stop.
pub fn evaluate(
    model: &Classifier,
    dataset: &Dataset,
    asked: Split,
    batch: usize,
    threads: usize,
    progress: &Progress<'_>,
) -> Result<Evaluation> {
    let split = split_with_images(&dataset.index, asked)?;
    if split != asked {
        progress.warn("the dataset has no val images; its test images stand in for them");
    }
    let all = dataset.index.split(split).len();
    let dataset = match_classes(dataset, split, &model.names, progress)?;
    let mut evaluation = Evaluation::new(split, dataset);
    evaluation.left_out = all - evaluation.dataset.index.split(split).len();
    evaluation.run(model, batch, threads, progress)?;
    Ok(evaluation)
}

/// The split to measure on, which has images: `asked`, or `test` where there are no `val` images.
///
/// # Errors
/// If it has none.
pub fn split_with_images(index: &Index, asked: Split) -> Result<Split> {
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

impl Evaluation {
    fn new(split: Split, dataset: Dataset) -> Self {
        let accumulator = Accumulator::new(dataset.index.classes.len());
        Self {
            split,
            dataset,
            left_out: 0,
            accumulator,
            calibration: Calibration::default(),
            images: Vec::new(),
        }
    }

    fn run(
        &mut self,
        model: &Classifier,
        batch: usize,
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let total = self.dataset.index.split(self.split).len();
        let loader =
            Loader::new(&self.dataset, self.split, &model.transforms(), Purpose::Eval, batch, threads);
        for batch in loader.epoch(0) {
            progress.check()?;
            let batch = batch?;
            let logits = model.logits(&batch);
            for (row, index) in logits.chunks_exact(model.names.len()).zip(batch.indices) {
                self.add(index, row)?;
            }
            progress.step(self.split.name(), self.images.len(), total, "images");
        }
        Ok(())
    }

    /// Counts the image at `index` of the split; `logits`: `[classes]`.
    fn add(&mut self, index: usize, logits: &[f32]) -> Result<()> {
        let sample = &self.dataset.index.split(self.split)[index];
        self.images.push(Evaluated::new(index, sample, logits, &self.dataset.index.classes)?);
        self.accumulator.add(logits, sample.class);
        self.calibration.add(logits, sample.class);
        Ok(())
    }

    /// The commonest numbers: top-1, top-5, loss, and means of precision, recall and F1.
    pub fn metrics(&self) -> Metrics {
        self.accumulator.metrics()
    }

    /// The score in one line, with all that it leaves out.
    pub fn headline(&self) -> String {
        let (metrics, hits) = (self.metrics(), self.accumulator.confusion().hits());
        let mut line = Classes::new(&self.dataset.index.classes, &hits).headline(metrics.top5, metrics.loss);
        if self.split != Split::Val {
            line = format!("on {}: {line}", self.split);
        }
        match self.left_out {
            0 => line,
            count => format!("{line}  left out, of classes that the model does not have: {count}"),
        }
    }

    /// All numbers with their definitions; the top-k accuracies for each of `ks`.
    pub fn report(&self, ks: &[usize]) -> Vec<Metric> {
        let mut report = self.accumulator.report(ks);
        report.extend(self.ground());
        report.extend(self.calibration.report());
        let hits = self.accumulator.confusion().hits();
        report.extend(Classes::new(&self.dataset.index.classes, &hits).report());
        report
    }

    /// Which images the numbers are about.
    fn ground(&self) -> [Metric; 2] {
        let split = "which images of the dataset were scored: train, val or test";
        let left_out = "number of images of that split that were not scored, because the model does not have their class";
        [
            Metric::new("split", json!(self.split.name()), split),
            Metric::new("images_left_out", json!(self.left_out), left_out),
        ]
    }

    /// The `count` worst mistakes (see [`most_wrong`]) as pictures; none if there are no mistakes.
    ///
    /// # Errors
    /// If an image can't be read, or the user asks to stop.
    pub fn most_wrong(&self, count: usize, progress: &Progress<'_>) -> Result<Vec<Tile>> {
        let samples = self.dataset.index.split(self.split);
        let tile = |one: &Evaluated| -> Result<Tile> {
            progress.check()?;
            let image = self.dataset.decode(&samples[one.index])?;
            Ok(Tile { image: fitted(&image), lines: caption(one) })
        };
        most_wrong(&self.images, count).into_iter().map(tile).collect()
    }
}

/// The true and the predicted class, each with its probability, and the image's name.
fn caption(one: &Evaluated) -> Vec<String> {
    let Evaluated { prediction, truth, true_confidence, .. } = one;
    vec![
        format!("true {truth} {true_confidence:.3}"),
        format!("said {} {:.3}", prediction.name, prediction.confidence),
        prediction.path.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        data::{
            Sample,
            source::{Folder, Location},
        },
        device_name::DeviceName,
        progress::{Stop, Update},
        random::Random,
    };

    fn dataset(root: &Path, classes: &[&str], val: Vec<Sample>) -> Dataset {
        let classes = classes.iter().map(|name| (*name).into()).collect();
        Dataset::new(Folder::new(root), Index { classes, val, ..Index::default() })
    }

    /// What becomes of 40 images of four classes; they are seen `batch` at a time.
    fn evaluated(root: &Path, batch: usize, threads: usize) -> (Vec<Metric>, Vec<Evaluated>) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
        let mut model = Classifier::load(&fixtures.join("tiny-yolo11.pt"), DeviceName::Cpu).unwrap();
        model.size = 32;
        let sample = |i: usize| {
            let path = format!("{i}.png");
            let size = root.join(&path).metadata().unwrap().len();
            Sample { location: Location::File(path), class: i % 4, size, digest: String::new() }
        };
        let names: Vec<&str> = model.names.iter().map(String::as_str).collect();
        let dataset = dataset(root, &names, (0..40).map(sample).collect());
        let (stop, sink) = (Stop::default(), |_: Update| ());
        let progress = Progress::new(&sink, &stop);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let evaluate = || evaluate(&model, &dataset, Split::Val, batch, threads, &progress);
        let evaluation = pool.install(evaluate).unwrap();
        (evaluation.report(&[1, 3, 5]), evaluation.images)
    }

    #[test]
    fn no_digit_depends_on_batch_size_or_threads() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..40_u64 {
            let mut random = Random::new("test", &[i]);
            let pixel = |_, _| Rgb([(); 3].map(|()| random.below(256) as u8));
            RgbImage::from_fn(36, 32, pixel).save(dir.path().join(format!("{i}.png"))).unwrap();
        }
        let expected = evaluated(dir.path(), 1, 1);
        assert!(expected.1.iter().any(|one| one.true_confidence > 0.01 && one.true_confidence < 0.99));
        for (batch, threads) in [(1, 3), (7, 1), (16, 2), (33, 4), (40, 1), (64, 2)] {
            assert!(evaluated(dir.path(), batch, threads) == expected, "batch {batch}, threads {threads}");
        }
    }

    #[test]
    fn a_headline_says_what_was_scored_and_what_was_not() {
        let dataset = dataset(Path::new("/data"), &["ant", "bee", "cow"], Vec::new());
        let told = |split, left_out| {
            let mut evaluation = Evaluation { left_out, ..Evaluation::new(split, dataset.clone()) };
            evaluation.accumulator.add(&[0.0, 0.0, 0.0], 0);
            evaluation.accumulator.add(&[0.0, 0.0, 0.0], 2);
            evaluation.headline()
        };
        insta::assert_snapshot!(told(Split::Val, 0), @"top-1 0.500  loss 1.0986  2 images of 2 of the 3 classes: ant 1 of 1 right, cow 0 of 1 right  the largest class alone gives 0.500  none right of 1 class: cow (0 of 1)");
        assert!(told(Split::Test, 0).starts_with("on test: top-1 0.500"));
        assert!(told(Split::Val, 7).ends_with("  left out, of classes that the model does not have: 7"));
    }

    #[test]
    fn test_stands_in_for_val_alone() {
        let sample = Sample {
            location: Location::File("test/ant/1.png".into()),
            class: 0,
            size: 1,
            digest: String::new(),
        };
        let index = Index { classes: vec!["ant".into()], test: vec![sample], ..Index::default() };
        assert_eq!(split_with_images(&index, Split::Val).unwrap(), Split::Test);
        let error = split_with_images(&index, Split::Train).unwrap_err();
        assert_eq!(error.to_string(), "the dataset has no train images");
        assert_eq!(error.hint(), Some("set `split` to one that has images: test"));
    }
}
