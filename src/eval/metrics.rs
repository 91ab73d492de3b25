//! How good a classifier is: each number beside its definition.
//!
//! Everything is counted in whole numbers or summed in `f64` in the order in which images are added,
//! so that neither the batch size nor the number of threads changes a digit.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Map, Value, json};

use super::confusion::{Confusion, Means};

/// Cross-entropy of one image in nats: `ln(sum(exp(x))) - x[target]`, shifted by the largest logit so
/// that nothing overflows.
///
/// `logits`: `[classes]`, finite; `target`: the true class.
pub fn cross_entropy(logits: &[f32], target: usize) -> f64 {
    let max = largest(logits);
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
    sum.ln() + max - f64::from(logits[target])
}

fn largest(logits: &[f32]) -> f64 {
    logits.iter().copied().fold(f32::NEG_INFINITY, f32::max).into()
}

/// All classes, likeliest first; equal scores by class index, lower first.
///
/// `scores`: `[classes]`, logits or probabilities.
pub fn ranking(scores: &[f32]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_unstable_by(|&a, &b| before(scores, a, b));
    classes
}

/// The place of `class` in [`ranking`], from 0, without sorting.
pub fn rank(scores: &[f32], class: usize) -> usize {
    (0..scores.len()).filter(|&other| before(scores, other, class) == Ordering::Less).count()
}

fn before(scores: &[f32], a: usize, b: usize) -> Ordering {
    // Adding zero makes -0.0 and 0.0 the tie that they are.
    (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b))
}

/// Counts what a classifier got right, image by image.
#[derive(Debug, Clone)]
pub struct Accumulator {
    /// How many images had their true class at each place of the ranking.
    ranks: Vec<u64>,
    loss: f64,
    confusion: Confusion,
}

impl Accumulator {
    /// Nothing counted yet, for a network with so many classes (at least 1).
    pub fn new(classes: usize) -> Self {
        Self { ranks: vec![0; classes], loss: 0.0, confusion: Confusion::new(classes) }
    }

    /// Counts one image. Add images in the order of their index: the loss is summed in that order.
    ///
    /// `logits`: `[classes]`, finite; for a model that gives probabilities, their logarithms.
    ///
    /// # Panics
    /// If the row isn't as long as there are classes, or `target` isn't one of them.
    pub fn add(&mut self, logits: &[f32], target: usize) {
        assert_eq!(logits.len(), self.ranks.len(), "one logit for each class");
        self.ranks[rank(logits, target)] += 1;
        self.loss += cross_entropy(logits, target);
        self.confusion.add(target, most_likely(logits));
    }

    /// Counts images in order.
    ///
    /// `logits`: `[targets.len(), classes]`, row by row.
    ///
    /// # Panics
    /// As [`Accumulator::add`].
    pub fn add_all(&mut self, logits: &[f32], targets: &[usize]) {
        assert_eq!(logits.len(), targets.len() * self.ranks.len(), "one row for each image");
        for (row, &target) in logits.chunks_exact(self.ranks.len()).zip(targets) {
            self.add(row, target);
        }
    }

    /// How many images were counted.
    pub fn images(&self) -> u64 {
        self.ranks.iter().sum()
    }

    /// The share of images whose true class is among the `k` likeliest, in 0 to 1; 0 without images.
    pub fn top(&self, k: usize) -> f64 {
        share(self.ranks.iter().take(k).sum(), self.images())
    }

    /// The share of images whose true class is among the five likeliest; nothing with five classes or fewer, where
    /// it is always 1.
    pub fn top5(&self) -> Option<f64> {
        self.can_miss(5).then(|| self.top(5))
    }

    /// Whether a true class can be outside the `k` likeliest.
    fn can_miss(&self, k: usize) -> bool {
        k < self.ranks.len()
    }

    /// Which class was taken for which.
    pub fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    /// The numbers of the images counted so far.
    pub fn metrics(&self) -> Metrics {
        let images = self.images();
        Metrics {
            images,
            top1: self.top(1),
            top5: self.top5(),
            loss: if images == 0 { 0.0 } else { self.loss / images as f64 },
            macro_mean: self.confusion.macro_mean(),
            weighted_mean: self.confusion.weighted_mean(),
        }
    }
}

/// The first of [`ranking`], without sorting.
pub(super) fn most_likely(scores: &[f32]) -> usize {
    (1..scores.len()).fold(0, |best, class| match before(scores, class, best) {
        Ordering::Less => class,
        _ => best,
    })
}

/// `part / whole`, or 0 where there is no whole.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How good a classifier is on a set of images. All but the loss lie in 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// How many images were scored.
    pub images: u64,
    /// The share of images whose likeliest class is the true one.
    pub top1: f64,
    /// The share of images whose true class is among the five likeliest; nothing with five classes or fewer.
    pub top5: Option<f64>,
    /// Mean cross-entropy over all images, in nats: no smoothing, no weights of classes, no batches.
    pub loss: f64,
    /// Unweighted means over the classes that have images.
    pub macro_mean: Means,
    /// Means over classes, weighted by how many images each has.
    pub weighted_mean: Means,
}

/// One number of a report: `metrics.json` has its value beside its definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What the number is called, e.g. `top1`.
    pub name: String,
    /// A number, or numbers by name.
    pub value: Value,
    /// What it means; it stands for itself.
    pub definition: String,
}

impl Metric {
    /// A metric with its definition.
    pub fn new(name: impl Into<String>, value: Value, definition: impl Into<String>) -> Self {
        Self { name: name.into(), value, definition: definition.into() }
    }
}

/// The content of `metrics.json`: `{"top1": {"value": …, "definition": …}, …}`.
pub fn to_json(report: &[Metric]) -> Value {
    let entry = |metric: &Metric| {
        (metric.name.clone(), json!({ "value": metric.value, "definition": metric.definition }))
    };
    report.iter().map(entry).collect::<Map<_, _>>().into()
}

impl Accumulator {
    /// All numbers with their definitions: counts, top-k accuracy for each of `ks` in rising order, loss,
    /// fitness, and means over classes. Accuracies that can't be below 1 are left out.
    pub fn report(&self, ks: &[usize]) -> Vec<Metric> {
        let metrics = self.metrics();
        let ks: BTreeSet<usize> = ks.iter().copied().filter(|&k| k == 1 || self.can_miss(k)).collect();
        let mut report =
            vec![Metric::new("images", json!(metrics.images), "number of images that were scored")];
        report.extend(
            ks.into_iter().map(|k| Metric::new(format!("top{k}"), json!(self.top(k)), top_definition(k))),
        );
        report.push(Metric::new("loss", json!(metrics.loss), LOSS));
        report.extend(
            metrics.top5.map(|top5| Metric::new("fitness", json!(metrics.top1.midpoint(top5)), FITNESS)),
        );
        report.extend(metrics.macro_mean.report(MACRO));
        report.extend(metrics.weighted_mean.report(WEIGHTED));
        report
    }
}

const LOSS: &str = "mean over all images of the cross-entropy -ln(p) in nats, where p is the softmax probability of the true \
     class: no label smoothing, no weights of classes; a training's val/loss is the same number";

const FITNESS: &str = "(top-1 accuracy + top-5 accuracy) / 2: what chooses the best epoch of a training";

fn top_definition(k: usize) -> String {
    match k {
        1 => "share of images whose likeliest class is the true one; equal scores rank by class index, lower first".into(),
        k => format!("share of images whose true class is among the {k} likeliest"),
    }
}

/// Name and definition of a mean precision, recall and F1.
type MeanDefinitions = [(&'static str, &'static str); 3];

const MACRO: MeanDefinitions = [
    (
        "macro_precision",
        "mean, over the classes that have images, of the precision: of the images predicted as the class, the share that is \
         of it; 0 if none is predicted as it",
    ),
    (
        "macro_recall",
        "mean, over the classes that have images, of the recall: of the images of the class, the share predicted as it; also \
         called balanced accuracy",
    ),
    (
        "macro_f1",
        "mean, over the classes that have images, of F1 = 2 * precision * recall / (precision + recall); 0 if both are 0",
    ),
];

const WEIGHTED: MeanDefinitions = [
    (
        "weighted_precision",
        "mean of the classes' precisions (see macro_precision), each weighted by its support: the number of images of the \
         class",
    ),
    (
        "weighted_recall",
        "mean of the classes' recalls (see macro_recall), each weighted by its support; equal to top1",
    ),
    ("weighted_f1", "mean of the classes' F1 scores (see macro_f1), each weighted by its support"),
];

impl Means {
    fn report(&self, definitions: MeanDefinitions) -> Vec<Metric> {
        let values = [self.precision, self.recall, self.f1];
        let metric =
            |((name, definition), value): ((&str, &str), f64)| Metric::new(name, json!(value), definition);
        definitions.into_iter().zip(values).map(metric).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::softmax::softmax;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn cross_entropy_of_known_logits() {
        assert!(close(cross_entropy(&[0.0; 10], 3), 10_f64.ln()));
        assert!(close(cross_entropy(&[1000.0, 0.0], 1), 1000.0));
        assert_eq!(cross_entropy(&[1000.0, 0.0], 0), 0.0);
    }

    #[test]
    fn ties_go_to_the_lower_class() {
        assert_eq!(ranking(&[0.1, 0.4, 0.1, 0.4]), [1, 3, 0, 2]);
        assert_eq!(ranking(&[0.0, -0.0, 0.0]), [0, 1, 2]);
        assert_eq!(rank(&[0.1, 0.4, 0.1, 0.4], 3), 1);
        assert_eq!((ranking(&[0.0, -0.0]), ranking(&[-0.0, 0.0])), (vec![0, 1], vec![0, 1]));
    }

    /// Six images of three classes; ln of probabilities written as tenths.
    fn by_hand() -> Accumulator {
        let tenths: [([f32; 3], usize); 6] = [
            ([7.0, 2.0, 1.0], 0), // right
            ([6.0, 3.0, 1.0], 0), // right
            ([2.0, 7.0, 1.0], 0), // 0 taken for 1
            ([1.0, 8.0, 1.0], 1), // right
            ([5.0, 4.0, 1.0], 1), // 1 taken for 0
            ([2.0, 3.0, 5.0], 2), // right
        ];
        let mut counted = Accumulator::new(3);
        for (tenths, target) in tenths {
            counted.add(&tenths.map(|tenth| (tenth / 10.0_f32).ln()), target);
        }
        counted
    }

    #[test]
    fn metrics_worked_by_hand() {
        let metrics = by_hand().metrics();
        assert_eq!(metrics.images, 6);
        assert!(close(metrics.top1, 4.0 / 6.0) && metrics.top5.is_none());
        let loss = -(0.7_f64 * 0.6 * 0.2 * 0.8 * 0.4 * 0.5).ln() / 6.0;
        assert!((metrics.loss - loss).abs() < 1e-7, "{} {loss}", metrics.loss);
        // Class 0: precision 2/3, recall 2/3, F1 2/3. Class 1: 1/2, 1/2, 1/2. Class 2: 1, 1, 1.
        let plain = (2.0 / 3.0 + 0.5 + 1.0) / 3.0;
        let weighted = (3.0 * 2.0 / 3.0 + 2.0 * 0.5 + 1.0) / 6.0;
        let Means { precision, recall, f1 } = metrics.macro_mean;
        assert!([precision, recall, f1].iter().all(|&mean| close(mean, plain)));
        let Means { precision, recall, f1 } = metrics.weighted_mean;
        assert!([precision, recall, f1].iter().all(|&mean| close(mean, weighted)));
    }

    #[test]
    fn rows_are_counted_one_by_one() {
        let (mut all, mut each) = (Accumulator::new(2), Accumulator::new(2));
        all.add_all(&[1.0, 0.0, 3.0, 0.5], &[0, 1]);
        each.add(&[1.0, 0.0], 0);
        each.add(&[3.0, 0.5], 1);
        assert_eq!((all.images(), all.metrics()), (2, each.metrics()));
    }

    #[test]
    fn no_images_give_zeros_and_no_nan() {
        let report = Accumulator::new(2).report(&[1, 5]);
        assert!(report.iter().all(|metric| metric.value.as_f64() == Some(0.0)));
    }

    #[test]
    fn top_k_counts_the_places() {
        let mut counted = Accumulator::new(7);
        let logits: Vec<f32> = (0..7).map(|class| -(class as f32)).collect();
        for target in 0..7 {
            counted.add(&logits, target);
        }
        let tops: Vec<f64> = (0..=8).map(|k| counted.top(k) * 7.0).collect();
        assert_eq!(tops, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0]);
    }

    #[test]
    fn every_metric_has_its_definition() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&to_json(&by_hand().report(&[1, 2]))).unwrap());
    }

    /// The numbers of a report whose names begin with `top`, and fitness.
    fn tops(counted: &Accumulator, ks: &[usize]) -> Vec<(String, f64)> {
        let report = counted.report(ks).into_iter();
        let number = |metric: Metric| Some((metric.name, metric.value.as_f64()?));
        let wanted = |metric: &Metric| metric.name.starts_with("top") || metric.name == "fitness";
        report.filter(wanted).filter_map(number).collect()
    }

    #[test]
    fn accuracies_that_can_not_be_below_one_are_left_out() {
        let one_of = |classes| {
            let mut counted = Accumulator::new(classes);
            counted.add(&vec![0.0; classes], classes - 1);
            counted
        };
        let named = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        assert_eq!((one_of(5).top5(), one_of(6).top5()), (None, Some(0.0)));
        assert_eq!(tops(&one_of(5), &[5, 4, 1, 9]), named(&[("top1", 0.0), ("top4", 0.0)]));
        let six = named(&[("top1", 0.0), ("top5", 0.0), ("fitness", 0.0)]);
        assert_eq!(tops(&one_of(6), &[5, 1, 6]), six);
        assert_eq!(tops(&one_of(1), &[1, 5]), named(&[("top1", 1.0)]));
    }

    #[test]
    fn any_k_has_its_own_number() {
        let names: Vec<String> = tops(&by_hand(), &[2, 1, 2]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["top1", "top2"]);
        let report = by_hand().report(&[2]);
        assert_eq!(report[1].value, json!(1.0));
        assert_eq!(report[1].definition, "share of images whose true class is among the 2 likeliest");
    }

    fn case() -> impl Strategy<Value = (usize, Vec<f32>, Vec<usize>)> {
        (1..8_usize, 0..20_usize).prop_flat_map(|(classes, images)| {
            let logits = prop::collection::vec(-50.0..50.0_f32, classes * images);
            (Just(classes), logits, prop::collection::vec(0..classes, images))
        })
    }

    proptest! {
        #[test]
        fn the_size_of_batches_changes_nothing((classes, logits, targets) in case(), batch in 1..7_usize) {
            let mut whole = Accumulator::new(classes);
            whole.add_all(&logits, &targets);
            let mut parts = Accumulator::new(classes);
            for (logits, targets) in logits.chunks(batch * classes).zip(targets.chunks(batch)) {
                parts.add_all(logits, targets);
            }
            prop_assert_eq!(whole.metrics(), parts.metrics());
        }

        #[test]
        fn shares_are_shares((classes, logits, targets) in case()) {
            let mut counted = Accumulator::new(classes);
            counted.add_all(&logits, &targets);
            let metrics = counted.metrics();
            prop_assert!(metrics.top5.is_none_or(|top5| metrics.top1 <= top5) && metrics.loss >= 0.0);
            prop_assert!((metrics.weighted_mean.recall - metrics.top1).abs() < 1e-12);
            let shares = counted.report(&[1, 2, 5]).into_iter();
            for metric in shares.filter(|metric| !["images", "loss"].contains(&metric.name.as_str())) {
                let value = metric.value.as_f64().unwrap();
                prop_assert!((0.0..=1.0 + 1e-12).contains(&value), "{} {}", metric.name, value);
            }
        }

        #[test]
        fn probabilities_add_up_and_keep_the_order(logits in prop::collection::vec(-20.0..20.0_f32, 1..20)) {
            let probabilities = softmax(&logits);
            prop_assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            let first = ranking(&logits)[0];
            prop_assert!(probabilities.iter().all(|&p| p <= probabilities[first]));
            prop_assert_eq!(first, most_likely(&logits));
        }

        #[test]
        fn rank_is_the_place_in_the_ranking(tenths in prop::collection::vec(0..5_u8, 1..12)) {
            let scores: Vec<f32> = tenths.iter().map(|&tenth| f32::from(tenth) / 10.0).collect();
            for (place, class) in ranking(&scores).into_iter().enumerate() {
                prop_assert_eq!(rank(&scores, class), place);
            }
        }
    }
}
