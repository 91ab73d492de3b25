//! The numbers that decide how a network is fitted.

use super::{
    class_weights::ClassWeights,
    freeze::Freeze,
    mixup::Mix,
    optimizer::{OptimizerKind, Rule},
    precision::Precision,
    schedule::{Decay, Schedule},
};

/// How to fit a network; the defaults are the reference's for classification.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Passes over the training images.
    pub epochs: usize,
    /// Hours to train for, which then decide how many epochs there are.
    pub time: Option<f64>,
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
    /// Epochs between the falls of [`Decay::Step`].
    pub step_size: usize,
    /// What the rate is multiplied by at each of them.
    pub step_gamma: f64,
    /// Momentum of SGD, MuSGD and RMSprop, first beta of Adam's family.
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
    /// The joint L2 norm that gradients are clipped to; 0 for none.
    pub clip: f64,
    /// Whether the average of the network over the steps is validated and kept, or the network itself.
    pub ema: bool,
    /// The part of each target that is spread over all classes.
    pub label_smoothing: f64,
    /// What each class counts in the loss.
    pub class_weights: ClassWeights,
    /// Exponent of focal loss; 0 for plain cross-entropy.
    pub focal_gamma: f64,
    /// Two images in one.
    pub mix: Mix,
    /// Probability that a feature is left out before the last layer.
    pub dropout: f64,
    /// The part of the training images that is used: a share up to 1, a number of images above.
    pub fraction: f64,
    /// What does not learn.
    pub freeze: Freeze,
    /// Epochs without improvement after which training stops; 0 for never.
    pub patience: usize,
    /// Epochs between validations; 0 for the last epoch alone, which is always validated.
    pub val_period: usize,
    /// Epochs between weights that are kept beside the best and the last; 0 for none.
    pub save_period: usize,
    /// What the network computes in.
    pub precision: Precision,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 100,
            time: None,
            batch: 16,
            optimizer: OptimizerKind::Auto,
            lr0: 0.01,
            lrf: 0.01,
            schedule: Decay::Linear,
            step_size: 30,
            step_gamma: 0.1,
            momentum: 0.937,
            weight_decay: 0.0005,
            warmup_epochs: 3.0,
            warmup_momentum: 0.8,
            warmup_bias_lr: 0.1,
            nominal_batch: 64,
            clip: 10.0,
            ema: true,
            label_smoothing: 0.0,
            class_weights: ClassWeights::Even,
            focal_gamma: 0.0,
            mix: Mix { mixup: 0.0, mixup_alpha: 0.2, cutmix: 0.0, cutmix_alpha: 1.0 },
            dropout: 0.0,
            fraction: 1.0,
            freeze: Freeze::default(),
            patience: 100,
            val_period: 1,
            save_period: 0,
            precision: Precision::Fp32,
        }
    }
}

/// More optimizer steps than these are left to MuSGD by `optimizer: auto`.
const MANY_STEPS: usize = 10_000;

impl TrainConfig {
    /// The schedule and the optimizer's rule and decay for `images` training images and `classes` classes.
    pub(super) fn resolve(&self, images: usize, classes: usize) -> (Schedule, Rule, f64) {
        let batches = images.div_ceil(self.batch);
        let accumulate = Schedule::accumulation(self.nominal_batch, self.batch);
        let decay = self.weight_decay * (self.batch * accumulate) as f64 / self.nominal_batch as f64;
        let (rule, lr0, warmup_bias_lr) = self.rule(images, classes);
        // How many epochs a time budget allows is not known yet.
        let (longest_warmup, longest_sum) = match self.time {
            Some(_) => (usize::MAX, usize::MAX),
            None => (self.epochs, batches * self.epochs),
        };
        let schedule = Schedule {
            epochs: self.epochs,
            batches,
            decay: self.schedule,
            lr0,
            lrf: self.lrf,
            step_size: self.step_size,
            step_gamma: self.step_gamma,
            warmup: Schedule::warmup_batches(self.warmup_epochs, longest_warmup, batches),
            warmup_bias_lr,
            warmup_momentum: self.warmup_momentum,
            momentum: self.momentum,
            accumulate: accumulate.min(longest_sum),
        };
        (schedule, rule, decay)
    }

    /// The rule, its first rate, and the rate at which biases start.
    fn rule(&self, images: usize, classes: usize) -> (Rule, f64, f64) {
        let beta1 = self.momentum;
        let rule = match self.optimizer {
            OptimizerKind::Auto => return self.automatic(images, classes),
            OptimizerKind::Sgd => Rule::Sgd,
            OptimizerKind::MuSgd => Rule::MuSgd,
            OptimizerKind::Adam => Rule::Adam { beta1 },
            OptimizerKind::AdamW => Rule::AdamW { beta1 },
            OptimizerKind::Adamax => Rule::Adamax { beta1 },
            OptimizerKind::NAdam => Rule::NAdam { beta1 },
            OptimizerKind::RAdam => Rule::RAdam { beta1 },
            OptimizerKind::RmsProp => Rule::RmsProp,
        };
        (rule, self.lr0, self.warmup_bias_lr)
    }

    /// The reference's choice for the length of the run (docs/reference.md, Optimizers). Its MuSGD is made with a momentum of
    /// 0.9, but every step sets that of the schedule, which ends at `momentum`: 0.937.
    fn automatic(&self, images: usize, classes: usize) -> (Rule, f64, f64) {
        let steps = images.div_ceil(self.batch.max(self.nominal_batch)) * self.epochs;
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

    #[test]
    fn the_automatic_rate_is_the_references() {
        let rates = [2, 10, 100, 1000].map(automatic_rate);
        assert_eq!(rates, [0.001_667, 0.000_714, 0.000_096, 0.000_01]);
    }

    #[test]
    fn long_runs_are_left_to_musgd() {
        let rule =
            |images, epochs, batch| TrainConfig { epochs, batch, ..TrainConfig::default() }.rule(images, 10);
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
            let (schedule, _, decay) =
                TrainConfig { batch, epochs, ..TrainConfig::default() }.resolve(images, 10);
            (schedule.accumulate, decay)
        };
        assert_eq!(resolve(16, 100, 1600), (4, 0.0005));
        assert_eq!(resolve(48, 100, 1600), (1, 0.000_375));
        assert_eq!(resolve(128, 100, 1600), (1, 0.001));
        // The last batch of an epoch may be smaller.
        assert_eq!(TrainConfig::default().resolve(33, 10).0.batches, 3);
        // No more than the run has batches; the decay doesn't mind.
        assert_eq!(resolve(16, 1, 32), (2, 0.0005));
    }

    #[test]
    fn a_time_budget_leaves_warm_up_and_accumulation_alone() {
        let config = TrainConfig { epochs: 1, time: Some(1.0), ..TrainConfig::default() };
        let (schedule, _, _) = config.resolve(32, 10);
        assert_eq!((schedule.warmup, schedule.accumulate), (6, 4));
    }
}
