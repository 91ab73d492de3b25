//! What the keys come to for a dataset of a certain size: rates, batches to sum up, and the optimizer.

use super::TrainConfig;
use crate::train::{
    optimizer::{OptimizerKind, Rule},
    schedule::Schedule,
};

/// More optimizer steps than these are left to MuSGD by `optimizer: auto`.
const MANY_STEPS: usize = 10_000;

impl TrainConfig {
    /// The schedule and the optimizer's rule and decay for `images` training images in batches of
    /// `batch`, and `classes` classes.
    pub(in crate::train) fn resolve(
        &self,
        batch: usize,
        images: usize,
        classes: usize,
    ) -> (Schedule, Rule, f64) {
        let (epochs, batches) = (self.epochs(), images.div_ceil(batch));
        let accumulate = Schedule::accumulation(self.nominal_batch, batch);
        let decay = self.weight_decay * (batch * accumulate) as f64 / self.nominal_batch as f64;
        let (rule, lr0, warmup_bias_lr) = self.rule(batch, images, classes);
        // How many epochs a time budget allows is not known yet.
        let (longest_warmup, longest_sum) = match self.time {
            Some(_) => (usize::MAX, usize::MAX),
            None => (epochs, batches * epochs),
        };
        let schedule = Schedule {
            epochs,
            batches,
            decay: self.schedule,
            lr0,
            lrf: self.lrf(),
            step_size: self.step_size(),
            step_gamma: self.step_gamma(),
            warmup: Schedule::warmup_batches(self.warmup_epochs, longest_warmup, batches),
            warmup_bias_lr,
            warmup_momentum: self.warmup_momentum(),
            momentum: self.momentum(),
            accumulate: accumulate.min(longest_sum),
        };
        (schedule, rule, decay)
    }

    /// The rule, its first rate, and the rate at which biases start.
    fn rule(&self, batch: usize, images: usize, classes: usize) -> (Rule, f64, f64) {
        let beta1 = self.momentum();
        let rule = match self.optimizer {
            OptimizerKind::Auto => return self.automatic(batch, images, classes),
            OptimizerKind::Sgd => Rule::Sgd,
            OptimizerKind::MuSgd => Rule::MuSgd,
            OptimizerKind::Adam => Rule::Adam { beta1 },
            OptimizerKind::AdamW => Rule::AdamW { beta1 },
            OptimizerKind::Adamax => Rule::Adamax { beta1 },
            OptimizerKind::NAdam => Rule::NAdam { beta1 },
            OptimizerKind::RAdam => Rule::RAdam { beta1 },
            OptimizerKind::RmsProp => Rule::RmsProp,
        };
        (rule, self.lr0(), self.warmup_bias_lr())
    }

    /// The reference's choice for the length of the run (docs/reference.md, Optimizers). Its MuSGD is made with a momentum of
    /// 0.9, but every step sets that of the schedule, which ends at `momentum`: 0.937.
    fn automatic(&self, batch: usize, images: usize, classes: usize) -> (Rule, f64, f64) {
        let steps = images.div_ceil(batch.max(self.nominal_batch)) * self.epochs();
        match steps > MANY_STEPS {
            true => (Rule::MuSgd, 0.01, 0.0),
            false => (Rule::AdamW { beta1: 0.9 }, automatic_rate(classes), 0.0),
        }
    }
}

/// AdamW's rate by the number of classes, to six decimals (docs/reference.md, Optimizers).
fn automatic_rate(classes: usize) -> f64 {
    (0.002 * 5.0 / (4 + classes) as f64 * 1e6).round_ties_even() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(epochs: usize) -> TrainConfig {
        TrainConfig { epochs: Some(epochs), ..TrainConfig::default() }
    }

    #[test]
    fn the_automatic_rate_is_the_references() {
        let rates = [2, 10, 100, 1000].map(automatic_rate);
        assert_eq!(rates, [0.001_667, 0.000_714, 0.000_096, 0.000_01]);
    }

    #[test]
    fn long_runs_are_left_to_musgd() {
        let rule = |images, epochs, batch| of(epochs).rule(batch, images, 10);
        // 100 steps of 64 images an epoch: 10,000 are not more than 10,000.
        assert_eq!(rule(6400, 100, 16), (Rule::AdamW { beta1: 0.9 }, 0.000_714, 0.0));
        assert_eq!(rule(6400, 101, 16), (Rule::MuSgd, 0.01, 0.0));
        assert_eq!(rule(6401, 100, 16), (Rule::MuSgd, 0.01, 0.0));
        // A larger batch makes fewer steps.
        assert_eq!(rule(6401, 100, 128).0, Rule::AdamW { beta1: 0.9 });
    }

    #[test]
    fn decay_and_accumulation_are_the_references() {
        let resolve = |batch, epochs, images| {
            let (schedule, _, decay) = of(epochs).resolve(batch, images, 10);
            (schedule.accumulate, decay)
        };
        assert_eq!(resolve(16, 100, 1600), (4, 0.0005));
        assert_eq!(resolve(48, 100, 1600), (1, 0.000_375));
        assert_eq!(resolve(128, 100, 1600), (1, 0.001));
        // The last batch of an epoch may be smaller.
        assert_eq!(TrainConfig::default().resolve(16, 33, 10).0.batches, 3);
        // No more than the run has batches; the decay doesn't mind.
        assert_eq!(resolve(16, 1, 32), (2, 0.0005));
    }

    #[test]
    fn a_time_budget_leaves_warm_up_and_accumulation_alone() {
        let config = TrainConfig { time: Some(1.0), ..of(1) };
        let (schedule, _, _) = config.resolve(16, 32, 10);
        assert_eq!((schedule.warmup, schedule.accumulate), (6, 4));
    }
}
