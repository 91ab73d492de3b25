//! The numbers that decide how a network is fitted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    optimizer::{OptimizerKind, Rule},
    schedule::{Decay, Schedule},
};

/// How to fit a network; the defaults are the reference's for classification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recipe {
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per forward pass.
    pub batch: usize,
    /// The rule that turns gradients into new weights.
    pub optimizer: OptimizerKind,
    /// First learning rate.
    pub lr0: f64,
    /// Last learning rate, as a fraction of the first.
    pub lrf: f64,
    /// How the rate falls.
    pub schedule: Decay,
    /// Momentum of SGD, first beta of AdamW.
    pub momentum: f64,
    /// Pull of weights (not norms, not biases) towards zero.
    pub weight_decay: f64,
    /// Epochs of warm-up, may be a fraction.
    pub warmup_epochs: f64,
    /// Momentum at the start of warm-up.
    pub warmup_momentum: f64,
    /// Learning rate of biases at the start of warm-up.
    pub warmup_bias_lr: f64,
    /// Nominal batch: gradients of smaller batches are summed up to about this many images.
    pub nominal_batch: usize,
    /// Epochs without improvement after which training stops; 0 for never.
    pub patience: usize,
}

impl Recipe {
    /// The schedule and the optimizer's rule and decay for `images` training images and `classes` classes.
    pub(super) fn resolve(&self, images: usize, classes: usize) -> (Schedule, Rule, f64) {
        let batch = self.batch.min(images);
        let batches = images.div_ceil(batch);
        let accumulate = Schedule::accumulation(self.nominal_batch, batch);
        let decay = self.weight_decay * (batch * accumulate) as f64 / self.nominal_batch as f64;
        let (rule, lr0, warmup_bias_lr) = self.rule(classes);
        let schedule = Schedule {
            epochs: self.epochs,
            batches,
            decay: self.schedule,
            lr0,
            lrf: self.lrf,
            warmup: Schedule::warmup_batches(self.warmup_epochs, self.epochs, batches),
            warmup_bias_lr,
            warmup_momentum: self.warmup_momentum,
            momentum: self.momentum,
            accumulate: accumulate.min(batches * self.epochs),
        };
        (schedule, rule, decay)
    }

    /// The rule, its first rate, and the rate at which biases start.
    fn rule(&self, classes: usize) -> (Rule, f64, f64) {
        match self.optimizer {
            OptimizerKind::Auto => (Rule::AdamW { beta1: 0.9 }, automatic_rate(classes), 0.0),
            OptimizerKind::Sgd => (Rule::Sgd, self.lr0, self.warmup_bias_lr),
            OptimizerKind::AdamW => (Rule::AdamW { beta1: self.momentum }, self.lr0, self.warmup_bias_lr),
        }
    }
}

/// AdamW's rate by the number of classes, to six decimals (section 6.3).
fn automatic_rate(classes: usize) -> f64 {
    (0.002 * 5.0 / (4 + classes) as f64 * 1e6).round_ties_even() / 1e6
}

#[cfg(test)]
mod tests {
    use super::automatic_rate;

    #[test]
    fn the_automatic_rate_is_the_references() {
        let rates = [2, 10, 100, 1000].map(automatic_rate);
        assert_eq!(rates, [0.001_667, 0.000_714, 0.000_096, 0.000_01]);
    }
}
