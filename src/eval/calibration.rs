//! Whether a classifier is right as often as it says: confidence against accuracy.

use serde_json::json;

use super::{
    metrics::{Metric, most_likely, share},
    table::Table,
};
use crate::{plot::reliability::Bar, softmax::softmax};

/// Into how many bins of equal width the confidences from 0 to 1 are sorted.
pub const BINS: usize = 15;

/// Confidences and how often they were right (Guo et al., 2017, "On Calibration of Modern Neural
/// Networks"), and squared errors of probabilities (Brier, 1950).
///
/// Counted image by image from the probabilities that `predictions.csv` shows, in the images' order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    bins: [Bin; BINS],
    squares: f64,
}

/// The images whose confidence, the probability of the likeliest class, lies in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// How many images the bin has.
    pub images: u64,
    /// How many of them are of their likeliest class.
    pub correct: u64,
    /// The sum of the images' confidences.
    confidences: f64,
}

impl Bin {
    /// The share that is right; 0 without images.
    pub fn accuracy(&self) -> f64 {
        share(self.correct, self.images)
    }

    /// The mean confidence; 0 without images.
    pub fn confidence(&self) -> f64 {
        if self.images == 0 { 0.0 } else { self.confidences / self.images as f64 }
    }

    fn gap(&self) -> f64 {
        (self.accuracy() - self.confidence()).abs()
    }
}

impl Calibration {
    /// Counts one image. Add images in the order of their index: sums are made in that order.
    ///
    /// `logits`: `[classes]`, finite; `target`: the true class.
    pub fn add(&mut self, logits: &[f32], target: usize) {
        let probabilities = softmax(logits);
        let likeliest = most_likely(logits);
        let confidence = f64::from(probabilities[likeliest]);
        let bin = &mut self.bins[bin_of(confidence)];
        bin.images += 1;
        bin.correct += u64::from(likeliest == target);
        bin.confidences += confidence;
        self.squares += squares(&probabilities, target);
    }

    /// The bins, from the least confident to the most.
    pub fn bins(&self) -> &[Bin; BINS] {
        &self.bins
    }

    /// The bins as they are drawn, from the least confident to the most.
    pub fn bars(&self) -> Vec<Bar> {
        let bar =
            |bin: &Bin| Bar { images: bin.images, accuracy: bin.accuracy(), confidence: bin.confidence() };
        self.bins.iter().map(bar).collect()
    }

    /// How many images were counted.
    pub fn images(&self) -> u64 {
        self.bins.iter().map(|bin| bin.images).sum()
    }

    /// The mean gap between confidence and accuracy, in 0 to 1, each bin weighted by its images.
    pub fn expected_error(&self) -> f64 {
        let weighted = |bin: &Bin| share(bin.images, self.images()) * bin.gap();
        self.bins.iter().map(weighted).sum()
    }

    /// The largest gap of a bin, in 0 to 1.
    pub fn max_error(&self) -> f64 {
        self.bins.iter().map(Bin::gap).fold(0.0, f64::max)
    }

    /// The Brier score over all classes, in 0 to 2.
    pub fn brier(&self) -> f64 {
        if self.images() == 0 { 0.0 } else { self.squares / self.images() as f64 }
    }

    /// The numbers with their definitions.
    pub fn report(&self) -> Vec<Metric> {
        vec![
            Metric::new(
                "expected_calibration_error",
                json!(self.expected_error()),
                format!(
                    "ECE: sum over {BINS} bins of equal width of (the bin's share of the images) * |accuracy - mean confidence|, \
                     where an image's confidence is the probability of its likeliest class, a bin holds the confidences above \
                     its lower edge and up to its upper one, and its accuracy is the share of its images that are of their \
                     likeliest class"
                ),
            ),
            Metric::new(
                "max_calibration_error",
                json!(self.max_error()),
                "MCE: the largest |accuracy - mean confidence| of a bin with images (bins as in \
                 expected_calibration_error)",
            ),
            Metric::new(
                "brier_score",
                json!(self.brier()),
                "mean over images of the sum over classes of (p - y)^2, where p is the class's probability and y is 1 for \
                 the true class and 0 for the others; from 0 to 2",
            ),
        ]
    }

    /// `bin,from,to,images,correct,confidence,accuracy`; a bin without images has neither of the last two.
    pub fn table(&self) -> Table {
        let mut table = Table::new(["bin", "from", "to", "images", "correct", "confidence", "accuracy"]);
        for (i, bin) in self.bins.iter().enumerate() {
            let mean = |value: f64| if bin.images == 0 { String::new() } else { value.to_string() };
            let edges = [i, i + 1].map(|edge| (edge as f64 / BINS as f64).to_string());
            let counts = [bin.images, bin.correct].map(|count| count.to_string());
            let means = [mean(bin.confidence()), mean(bin.accuracy())];
            table.row([(i + 1).to_string()].into_iter().chain(edges).chain(counts).chain(means));
        }
        table
    }
}

/// The bin of a confidence: above its lower edge, up to its upper one.
fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

fn squares(probabilities: &[f32], target: usize) -> f64 {
    let truth = |class| if class == target { 1.0 } else { 0.0 };
    probabilities.iter().enumerate().map(|(class, &p)| (f64::from(p) - truth(class)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(images: &[([f32; 3], usize)]) -> Calibration {
        let mut calibration = Calibration::default();
        for (tenths, target) in images {
            calibration.add(&tenths.map(|tenth| (tenth / 10.0).ln()), *target);
        }
        calibration
    }

    /// Two images at 0.8 (one right), two at 0.5 (both wrong).
    fn by_hand() -> Calibration {
        of(&[([8.0, 1.0, 1.0], 0), ([1.0, 8.0, 1.0], 2), ([5.0, 4.0, 1.0], 1), ([2.0, 3.0, 5.0], 0)])
    }

    #[test]
    fn errors_worked_by_hand() {
        let calibration = by_hand();
        // Bins: 0.8 lies in (11/15, 12/15], or in float32 just above it; 0.5 in (7/15, 8/15].
        assert_eq!(calibration.bins()[7].images, 2);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(calibration.expected_error(), 0.5 * 0.3 + 0.5 * 0.5);
        near(calibration.max_error(), 0.5);
        let brier = [0.04 + 0.01 + 0.01, 0.01 + 0.64 + 0.81, 0.25 + 0.36 + 0.01, 0.64 + 0.09 + 0.25];
        near(calibration.brier(), brier.iter().sum::<f64>() / 4.0);
    }

    #[test]
    fn every_number_is_reported_with_its_definition() {
        let calibration = by_hand();
        let report = calibration.report();
        let names: Vec<&str> = report.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["expected_calibration_error", "max_calibration_error", "brier_score"]);
        let values = [calibration.expected_error(), calibration.max_error(), calibration.brier()];
        assert!(report.iter().zip(values).all(|(metric, value)| metric.value == json!(value)));
        assert!(report.iter().all(|metric| !metric.definition.is_empty()));
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below() {
        assert_eq!([0.0, 1e-9, 1.0 / 15.0, 0.2, 0.201, 1.0].map(bin_of), [0, 0, 0, 2, 3, 14]);
    }

    #[test]
    fn no_images_give_zeros() {
        let calibration = Calibration::default();
        assert!(calibration.report().iter().all(|metric| metric.value.as_f64() == Some(0.0)));
    }

    #[test]
    fn a_table_of_bins() {
        let calibration = of(&[([5.0, 4.0, 1.0], 1), ([0.0, 0.0, 10.0], 2)]);
        insta::assert_snapshot!(calibration.table().as_str(), @r"
        bin,from,to,images,correct,confidence,accuracy
        1,0,0.06666666666666667,0,0,,
        2,0.06666666666666667,0.13333333333333333,0,0,,
        3,0.13333333333333333,0.2,0,0,,
        4,0.2,0.26666666666666666,0,0,,
        5,0.26666666666666666,0.3333333333333333,0,0,,
        6,0.3333333333333333,0.4,0,0,,
        7,0.4,0.4666666666666667,0,0,,
        8,0.4666666666666667,0.5333333333333333,1,0,0.5,0
        9,0.5333333333333333,0.6,0,0,,
        10,0.6,0.6666666666666666,0,0,,
        11,0.6666666666666666,0.7333333333333333,0,0,,
        12,0.7333333333333333,0.8,0,0,,
        13,0.8,0.8666666666666667,0,0,,
        14,0.8666666666666667,0.9333333333333333,0,0,,
        15,0.9333333333333333,1,1,1,1,1
        ");
    }

    proptest! {
        #[test]
        fn errors_keep_their_ranges(logits in prop::collection::vec(-9.0..9.0_f32, 40), target in 0..4_usize) {
            let mut calibration = Calibration::default();
            logits.chunks(4).for_each(|row| calibration.add(row, target));
            prop_assert_eq!(calibration.images(), 10);
            let (mean, most) = (calibration.expected_error(), calibration.max_error());
            prop_assert!(mean >= 0.0 && mean <= most + 1e-12 && most <= 1.0);
            prop_assert!((0.0..=2.0).contains(&calibration.brier()));
        }
    }
}
