//! What was measured after each epoch, and what follows from it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::eval::classes::shown_share;

/// The measurements of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Seconds since training began, earlier attempts included.
    pub seconds: f64,
    /// Seconds of them in which training waited for images.
    #[serde(default)]
    pub waited: f64,
    /// Mean of the batches' losses.
    pub train_loss: f64,
    /// What validation measured; nothing in epochs that were not validated.
    pub scores: Option<Scores>,
    /// Learning rates at the epoch's end, a group of parameters each: weights, norms, biases; the eight
    /// groups of the reference with MuSGD.
    pub rates: Vec<f64>,
}

impl EpochRecord {
    /// The epoch as people read it: it is the one of this `number`, from 1, of `epochs`, and `images` validate.
    pub(super) fn line(&self, number: usize, epochs: usize, images: usize) -> String {
        let mut line = format!("epoch {number}/{epochs}  train loss {:.4}", self.train_loss);
        let share = |share| shown_share(share, images as u64);
        if let Some(Scores { top1, top5, loss }) = self.scores {
            line.push_str(&format!("  val loss {loss:.4}  top-1 {}", share(top1)));
            line.extend(top5.map(|top5| format!("  top-5 {}", share(top5))));
        }
        line
    }
}

/// What a validation measures of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of validation images whose class came first, to five decimals.
    pub top1: f64,
    /// Share whose class was among the first five, to five decimals; nothing with five classes or fewer.
    pub top5: Option<f64>,
    /// Mean cross-entropy over all validation images, in nats, without smoothing and weights: what a `val` node calls
    /// `loss`.
    pub loss: f64,
}

impl Scores {
    /// What the best epoch has most of: the mean of top-1 and top-5, to five decimals. Among five classes or fewer,
    /// all are among the first five.
    pub fn fitness(&self) -> f64 {
        to_five(self.top1.midpoint(self.top5.unwrap_or(1.0)))
    }
}

/// `value` to five decimals, half to even, as the reference rounds what it compares.
pub(super) fn to_five(value: f64) -> f64 {
    (value * 1e5).round_ties_even() / 1e5
}

/// All epochs so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History(pub Vec<EpochRecord>);

impl History {
    /// Whether the newest epoch is the best, or as good as the best.
    pub fn newest_is_best(&self) -> bool {
        self.best().is_some_and(|best| best + 1 == self.0.len())
    }

    /// The place of the best epoch whose weights were kept: the last among equals.
    pub fn best(&self) -> Option<usize> {
        self.fitness().reduce(|best, new| if new.1 >= best.1 { new } else { best }).map(|(place, _)| place)
    }

    /// Whether `patience` epochs went by since fitness last rose, at the end of the epoch at `place`; 0 is
    /// endless patience. As long as nothing was right, nothing counts.
    pub fn out_of_patience(&self, place: usize, patience: usize) -> bool {
        let rises = |best: (usize, f64), new: (usize, f64)| {
            if new.1 > best.1 || best.1 == 0.0 { new } else { best }
        };
        let last_rise = self.fitness().reduce(rises);
        patience > 0 && last_rise.is_some_and(|(rise, _)| place >= rise + patience)
    }

    /// Place and fitness of the epochs that were validated.
    fn fitness(&self) -> impl Iterator<Item = (usize, f64)> {
        self.0.iter().enumerate().filter_map(|(place, epoch)| Some((place, epoch.scores?.fitness())))
    }

    /// Whether there are more than five classes, so that top-5 says something.
    pub fn has_top5(&self) -> bool {
        self.0.iter().filter_map(|epoch| epoch.scores).all(|scores| scores.top5.is_some())
    }

    /// The reference's `results.csv`, with empty cells where an epoch was not validated, and without top-5 with five
    /// classes or fewer. A column of our own is the last: `waited`, in seconds since training began, as `time` is.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("epoch,time");
        let groups = self.0.first().map_or(3, |epoch| epoch.rates.len());
        self.measurements().for_each(|(name, _)| _ = write!(csv, ",{name}"));
        (0..groups).for_each(|group| _ = write!(csv, ",lr/pg{group}"));
        csv.push_str(",waited");
        for (i, epoch) in self.0.iter().enumerate() {
            let _ = write!(csv, "\n{},{}", i + 1, significant(epoch.seconds));
            let measured = self.measurements().map(|(_, value)| value(epoch));
            let cells = measured.chain(epoch.rates.iter().copied().chain([epoch.waited]).map(Some));
            cells.for_each(|cell| _ = write!(csv, ",{}", cell.map(significant).unwrap_or_default()));
        }
        csv.push('\n');
        csv
    }

    /// What is measured in each epoch, by its name in the reference's `results.csv`.
    pub(super) fn measurements(&self) -> impl Iterator<Item = (&'static str, Measurement)> {
        let all: [(_, Measurement); 4] = [
            ("train/loss", |epoch| Some(epoch.train_loss)),
            ("metrics/accuracy_top1", |epoch| Some(epoch.scores?.top1)),
            (TOP5, |epoch| epoch.scores?.top5),
            ("val/loss", |epoch| Some(epoch.scores?.loss)),
        ];
        let has_top5 = self.has_top5();
        all.into_iter().filter(move |(name, _)| has_top5 || *name != TOP5)
    }
}

/// A number of an epoch, where it was measured.
pub(super) type Measurement = fn(&EpochRecord) -> Option<f64>;

const TOP5: &str = "metrics/accuracy_top5";

/// Six significant digits without trailing zeros, as C's `%.6g`.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a whole number");
    if (-4..6).contains(&exponent) {
        let digits = usize::try_from(5 - exponent).expect("exponent is below 6");
        let text = format!("{value:.digits$}");
        return if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        };
    }
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Epochs of this fitness; a negative one was not validated.
    fn history(fitness: &[f64]) -> History {
        let epoch = |&f: &f64| EpochRecord {
            seconds: 1.5,
            waited: 0.25,
            train_loss: 0.25,
            scores: (f >= 0.0).then_some(Scores { top1: f, top5: Some(f), loss: 2.0 }),
            rates: vec![0.01, 0.01, 0.1],
        };
        History(fitness.iter().map(epoch).collect())
    }

    #[test]
    fn an_epoch_reads_like_this() {
        let epoch = |scores| EpochRecord {
            seconds: 1.0,
            waited: 0.0,
            train_loss: 2.32871,
            scores,
            rates: Vec::new(),
        };
        let scores = Scores { top1: 0.9213, top5: Some(0.999_99), loss: 0.774_62 };
        let few = Scores { top5: None, ..scores };
        let lines = [None, Some(scores), Some(few)].map(|scores| epoch(scores).line(3, 100, 10_000));
        insta::assert_snapshot!(lines.join("\n"), @r"
        epoch 3/100  train loss 2.3287
        epoch 3/100  train loss 2.3287  val loss 0.7746  top-1 0.9213  top-5 0.9999
        epoch 3/100  train loss 2.3287  val loss 0.7746  top-1 0.9213
        ");
    }

    #[test]
    fn equal_epochs_overwrite_the_best_but_do_not_renew_patience() {
        let history = history(&[0.5, 0.7, 0.6, 0.7]);
        assert_eq!(history.best(), Some(3));
        assert!(history.newest_is_best());
        assert!(history.out_of_patience(3, 2));
        assert!(!history.out_of_patience(3, 3));
        assert!(history.out_of_patience(4, 3));
        assert!(!history.out_of_patience(3, 0));
    }

    #[test]
    fn epochs_without_validation_are_neither_best_nor_worse() {
        let history = history(&[-1.0, 0.7, -1.0, 0.6, -1.0]);
        assert_eq!(history.best(), Some(1));
        assert!(!history.newest_is_best());
        assert!(history.out_of_patience(4, 3) && !history.out_of_patience(4, 4));
    }

    #[test]
    fn as_long_as_nothing_is_right_patience_lasts() {
        assert!(!history(&[0.0; 9]).out_of_patience(8, 2));
    }

    #[test]
    fn the_table_is_the_references() {
        insta::assert_snapshot!(history(&[0.5, -1.0]).to_csv(), @r"
        epoch,time,train/loss,metrics/accuracy_top1,metrics/accuracy_top5,val/loss,lr/pg0,lr/pg1,lr/pg2,waited
        1,1.5,0.25,0.5,0.5,2,0.01,0.01,0.1,0.25
        2,1.5,0.25,,,,0.01,0.01,0.1,0.25
        ");
    }

    #[test]
    fn five_classes_have_no_column_for_top_5_and_the_same_best_epoch() {
        let mut few = history(&[0.5, 0.7, -1.0]);
        few.0.iter_mut().filter_map(|epoch| epoch.scores.as_mut()).for_each(|scores| scores.top5 = None);
        insta::assert_snapshot!(few.to_csv(), @r"
        epoch,time,train/loss,metrics/accuracy_top1,val/loss,lr/pg0,lr/pg1,lr/pg2,waited
        1,1.5,0.25,0.5,2,0.01,0.01,0.1,0.25
        2,1.5,0.25,0.7,2,0.01,0.01,0.1,0.25
        3,1.5,0.25,,,0.01,0.01,0.1,0.25
        ");
        assert_eq!(few.best(), Some(1));
        // As the reference has it, for which top-5 is 1 then.
        assert_eq!(few.0[1].scores.unwrap().fitness(), 0.85);
    }

    #[test]
    fn halves_of_the_fifth_decimal_go_to_the_even_neighbour() {
        assert_eq!([0.015_625, 0.046_875].map(to_five), [0.015_62, 0.046_88]);
    }

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        let texts = [0.000_571_2, 1.0, 2.123_456_78, 0.8125, 1e-5, 123_456.7, 1_234_567.0].map(significant);
        assert_eq!(texts, ["0.0005712", "1", "2.12346", "0.8125", "1e-05", "123457", "1.23457e+06"]);
        assert_eq!([0.0, f64::INFINITY, f64::NAN].map(significant), ["0", "inf", "NaN"]);
    }
}
