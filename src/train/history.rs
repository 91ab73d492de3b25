//! What was measured after each epoch, and what follows from it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The measurements of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Seconds since training began, earlier attempts included.
    pub seconds: f64,
    /// Mean of the batches' losses.
    pub train_loss: f64,
    /// Share of validation images whose class came first, to five decimals.
    pub top1: f64,
    /// Share whose class was among the first five, to five decimals.
    pub top5: f64,
    /// Mean of the validation batches' losses.
    pub val_loss: f64,
    /// Learning rates at the epoch's end: weights, norms, biases.
    pub rates: [f64; 3],
}

impl Epoch {
    /// What the best epoch has most of: the mean of top-1 and top-5, to five decimals.
    pub fn fitness(&self) -> f64 {
        to_five((self.top1 + self.top5) / 2.0)
    }
}

/// `value` to five decimals, half to even, as the reference rounds what it compares.
pub(super) fn to_five(value: f64) -> f64 {
    (value * 1e5).round_ties_even() / 1e5
}

/// All epochs so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History(pub Vec<Epoch>);

impl History {
    /// Whether the newest epoch is the best, or as good as the best.
    pub fn newest_is_best(&self) -> bool {
        let best = self.0.iter().map(Epoch::fitness).fold(f64::NEG_INFINITY, f64::max);
        self.0.last().is_some_and(|newest| newest.fitness() >= best)
    }

    /// The place of the best epoch whose weights were kept: the last among equals.
    pub fn best(&self) -> Option<usize> {
        (0..self.0.len())
            .reduce(|best, i| if self.0[i].fitness() >= self.0[best].fitness() { i } else { best })
    }

    /// Whether `patience` epochs went by since fitness last rose; 0 is endless patience.
    pub fn out_of_patience(&self, patience: usize) -> bool {
        let rises =
            |best: usize, i: usize| if self.0[i].fitness() > self.0[best].fitness() { i } else { best };
        let last_rise = (0..self.0.len()).reduce(rises);
        patience > 0 && last_rise.is_some_and(|rise| self.0.len() - 1 - rise >= patience)
    }

    /// The reference's `results.csv`.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "epoch,time,train/loss,metrics/accuracy_top1,metrics/accuracy_top5,val/loss,lr/pg0,lr/pg1,lr/pg2\n",
        );
        for (i, epoch) in self.0.iter().enumerate() {
            let numbers = [epoch.seconds, epoch.train_loss, epoch.top1, epoch.top5, epoch.val_loss];
            let _ = write!(csv, "{}", i + 1);
            for number in numbers.into_iter().chain(epoch.rates) {
                let _ = write!(csv, ",{}", significant(number));
            }
            csv.push('\n');
        }
        csv
    }
}

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

    fn history(fitness: &[f64]) -> History {
        let epoch = |&f: &f64| Epoch {
            seconds: 0.0,
            train_loss: 0.0,
            top1: f,
            top5: f,
            val_loss: 0.0,
            rates: [0.0; 3],
        };
        History(fitness.iter().map(epoch).collect())
    }

    #[test]
    fn equal_epochs_overwrite_the_best_but_do_not_renew_patience() {
        let history = history(&[0.5, 0.7, 0.6, 0.7]);
        assert_eq!(history.best(), Some(3));
        assert!(history.newest_is_best());
        assert!(history.out_of_patience(2));
        assert!(!history.out_of_patience(3));
        assert!(!history.out_of_patience(0));
    }

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        let texts = [0.000_571_2, 1.0, 2.123_456_78, 0.8125, 1e-5, 123_456.7, 1_234_567.0].map(significant);
        assert_eq!(texts, ["0.0005712", "1", "2.12346", "0.8125", "1e-05", "123457", "1.23457e+06"]);
    }
}
