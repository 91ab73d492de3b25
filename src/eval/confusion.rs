//! Which class was taken for which, and what follows from it for each class.

use super::{classes::Hits, table::Table};

/// Counts of images: a row is a true class, a column a predicted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// What the confusion matrix says about one class. A share without a whole is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScore {
    /// How many images are of the class.
    pub support: u64,
    /// How many images were predicted as the class.
    pub predicted: u64,
    /// How many images of the class were predicted as it.
    pub correct: u64,
    /// The share of the images predicted as the class that is of it: `correct / predicted`.
    pub precision: Option<f64>,
    /// The share of the images of the class that was predicted as it: `correct / support`.
    pub recall: Option<f64>,
    /// `2 * correct / (support + predicted)`, the harmonic mean of precision and recall.
    pub f1: Option<f64>,
}

/// Means of classes' scores, in 0 to 1; what a class has none of counts as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Means {
    /// The mean of the classes' precisions.
    pub precision: f64,
    /// The mean of the classes' recalls.
    pub recall: f64,
    /// The mean of the classes' F1 scores; not the F1 of the other two means.
    pub f1: f64,
}

impl Confusion {
    /// A matrix `[classes, classes]` of zeros.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Counts one image of class `truth` that was predicted as `predicted`.
    ///
    /// # Panics
    /// If one of them isn't a class.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        assert!(truth < self.classes && predicted < self.classes, "both are classes");
        self.counts[truth * self.classes + predicted] += 1;
    }

    /// How many images of class `truth` were predicted as `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// All counts, row by row: `[classes, classes]`.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Counts of one true class by predicted class: `[classes]`.
    pub fn row(&self, truth: usize) -> &[u64] {
        &self.counts[truth * self.classes..(truth + 1) * self.classes]
    }

    /// What the matrix says about each class.
    pub fn scores(&self) -> Vec<ClassScore> {
        let mut predicted = vec![0; self.classes];
        for truth in 0..self.classes {
            for (sum, count) in predicted.iter_mut().zip(self.row(truth)) {
                *sum += count;
            }
        }
        let score = |(class, &predicted): (usize, &u64)| {
            ClassScore::new(self.row(class).iter().sum(), predicted, self.count(class, class))
        };
        predicted.iter().enumerate().map(score).collect()
    }

    /// How many images each class has, and how many of them were predicted as it: `[classes]`.
    pub fn hits(&self) -> Vec<Hits> {
        let hits = |class| Hits { images: self.row(class).iter().sum(), right: self.count(class, class) };
        (0..self.classes).map(hits).collect()
    }

    /// Unweighted means over the classes that have images.
    pub fn macro_mean(&self) -> Means {
        Means::of(&self.scores(), |score| u64::from(score.support > 0))
    }

    /// Means over all classes, weighted by support.
    pub fn weighted_mean(&self) -> Means {
        Means::of(&self.scores(), |score| score.support)
    }

    /// The matrix with names: rows are true classes, columns predicted ones.
    ///
    /// `names`: `[classes]`.
    pub fn table(&self, names: &[String]) -> Table {
        let header = std::iter::once("true \\ predicted").chain(names.iter().map(String::as_str));
        let mut table = Table::new(header);
        for (truth, name) in names.iter().enumerate() {
            let counts = self.row(truth).iter().map(u64::to_string);
            table.row(std::iter::once(name.clone()).chain(counts));
        }
        table
    }

    /// Each class's scores with its name; a share without a whole is an empty cell.
    ///
    /// `names`: `[classes]`.
    pub fn class_table(&self, names: &[String]) -> Table {
        let mut table =
            Table::new(["class", "name", "support", "predicted", "correct", "precision", "recall", "f1"]);
        for (class, (name, score)) in names.iter().zip(self.scores()).enumerate() {
            let counts = [score.support, score.predicted, score.correct].map(|count| count.to_string());
            let shares = [score.precision, score.recall, score.f1];
            let shares = shares.map(|share| share.map_or_else(String::new, |share| share.to_string()));
            table.row([class.to_string(), name.clone()].into_iter().chain(counts).chain(shares));
        }
        table
    }
}

impl ClassScore {
    fn new(support: u64, predicted: u64, correct: u64) -> Self {
        let share = |part, whole| (whole > 0).then(|| part as f64 / whole as f64);
        let (precision, recall) = (share(correct, predicted), share(correct, support));
        // The same number as the harmonic mean, from whole numbers: no rounding but the last.
        let f1 = share(2 * correct, support + predicted);
        Self { support, predicted, correct, precision, recall, f1 }
    }
}

impl Means {
    fn of(scores: &[ClassScore], weight: impl Fn(&ClassScore) -> u64) -> Self {
        let whole: u64 = scores.iter().map(&weight).sum();
        if whole == 0 {
            return Self::default();
        }
        let mean = |value: fn(&ClassScore) -> Option<f64>| {
            let parts = scores.iter().map(|score| value(score).unwrap_or(0.0) * weight(score) as f64);
            parts.sum::<f64>() / whole as f64
        };
        Self { precision: mean(|s| s.precision), recall: mean(|s| s.recall), f1: mean(|s| s.f1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(counts: &[[u64; 3]; 3]) -> Confusion {
        Confusion { classes: 3, counts: counts.concat() }
    }

    /// Four cats (one taken for a dog), no dog, two eels (both right).
    fn pets() -> Confusion {
        of(&[[3, 1, 0], [0, 0, 0], [0, 0, 2]])
    }

    #[test]
    fn rows_are_true_and_columns_predicted() {
        let mut confusion = Confusion::new(3);
        confusion.add(0, 2);
        assert_eq!((confusion.count(0, 2), confusion.count(2, 0)), (1, 0));
    }

    #[test]
    fn scores_worked_by_hand() {
        let scores = pets().scores();
        let shares = |score: &ClassScore| [score.precision, score.recall, score.f1];
        let counts = |score: &ClassScore| [score.support, score.predicted, score.correct];
        assert_eq!(scores.iter().map(counts).collect::<Vec<_>>(), [[4, 3, 3], [0, 1, 0], [2, 2, 2]]);
        let expected =
            [[Some(1.0), Some(0.75), Some(6.0 / 7.0)], [Some(0.0), None, Some(0.0)], [Some(1.0); 3]];
        assert_eq!(scores.iter().map(shares).collect::<Vec<_>>(), expected);
        assert_eq!(shares(&of(&[[0; 3]; 3]).scores()[0]), [None; 3]);
    }

    #[test]
    fn means_worked_by_hand() {
        // Of the cats and the eels: there is no dog to be right about.
        let plain = pets().macro_mean();
        assert_eq!((plain.precision, plain.recall), (1.0, 1.75 / 2.0));
        let weighted = pets().weighted_mean();
        assert_eq!(weighted.precision, 1.0);
        assert_eq!(weighted.recall, 5.0 / 6.0);
        assert_eq!(weighted.f1, (4.0 * (6.0 / 7.0) + 2.0) / 6.0);
    }

    #[test]
    fn hits_are_the_diagonal() {
        let hits = |images, right| Hits { images, right };
        assert_eq!(pets().hits(), [hits(4, 3), hits(0, 0), hits(2, 2)]);
    }

    #[test]
    fn a_class_that_is_never_predicted_is_in_the_macro_mean_and_one_without_images_is_not() {
        let confusion = of(&[[2, 0, 0], [2, 0, 0], [0, 0, 0]]);
        assert_eq!(confusion.macro_mean(), Means { precision: 0.25, recall: 0.5, f1: (2.0 / 3.0) / 2.0 });
    }

    #[test]
    fn tables() {
        let names = ["cat", "dog, small", "eel"].map(String::from);
        let confusion = pets();
        let text =
            format!("{}\n{}", confusion.table(&names).as_str(), confusion.class_table(&names).as_str());
        insta::assert_snapshot!(text);
    }

    proptest! {
        #[test]
        fn f1_is_the_harmonic_mean(counts in prop::array::uniform3(prop::array::uniform3(0..50_u64))) {
            for score in of(&counts).scores() {
                let (p, r) = (score.precision.unwrap_or(0.0), score.recall.unwrap_or(0.0));
                let harmonic = if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) };
                prop_assert!((score.f1.unwrap_or(0.0) - harmonic).abs() < 1e-12);
                prop_assert!(score.correct <= score.support.min(score.predicted));
            }
        }
    }
}
