//! Rules between the keys that a schema can't say.

use super::TrainConfig;
use crate::train::{optimizer::OptimizerKind, schedule::Decay};

/// A mistake in a [`TrainConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFault {
    /// The key that should be left out or changed.
    pub key: &'static str,
    /// Whether the key would be ignored; else its value is not possible.
    pub useless: bool,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

impl KeyFault {
    fn useless(key: &'static str, circumstance: &str, help: &'static str) -> Self {
        let message = format!("`{key}` has no effect {circumstance}");
        Self { key, useless: true, message, help }
    }
}

impl TrainConfig {
    /// All mistakes: keys that would be ignored because of others, and values that nothing can be done with.
    pub fn check(&self) -> Vec<KeyFault> {
        self.useless().into_iter().chain(self.impossible()).collect()
    }

    /// Keys that would be ignored because of others.
    fn useless(&self) -> Vec<KeyFault> {
        use OptimizerKind::{Auto, MuSgd, RmsProp, Sgd};
        let auto = self.optimizer == Auto;
        let own = "leave it out, or set `optimizer` to one that takes it, e.g. `sgd` or `adamw`";
        let steps = self.schedule == Decay::Step;
        let warm = self.warmup_epochs > 0.0;
        let rows = [
            (
                "epochs",
                self.epochs.is_some() && self.time.is_some(),
                "with `time`",
                "leave one of the two out",
            ),
            ("lr0", self.lr0.is_some() && auto, "with this optimizer", own),
            ("momentum", self.momentum.is_some() && auto, "with this optimizer", own),
            ("warmup_bias_lr", self.warmup_bias_lr.is_some() && auto, "with this optimizer", own),
            (
                "warmup_momentum",
                self.warmup_momentum.is_some() && !matches!(self.optimizer, Sgd | MuSgd | RmsProp),
                "with this optimizer",
                "leave it out, or set `optimizer` to `sgd`, `musgd` or `rmsprop`",
            ),
            (
                "warmup_momentum",
                self.warmup_momentum.is_some() && !warm,
                "without warm-up",
                "leave it out, or raise `warmup_epochs`",
            ),
            (
                "warmup_bias_lr",
                self.warmup_bias_lr.is_some() && !warm,
                "without warm-up",
                "leave it out, or raise `warmup_epochs`",
            ),
            (
                "lrf",
                self.lrf.is_some() && steps,
                "with this schedule",
                "leave it out: `step_size` and `step_gamma` decide where the rate ends",
            ),
            (
                "step_size",
                self.step_size.is_some() && !steps,
                "with this schedule",
                "leave it out, or set `schedule: step`",
            ),
            (
                "step_gamma",
                self.step_gamma.is_some() && !steps,
                "with this schedule",
                "leave it out, or set `schedule: step`",
            ),
            (
                "patience",
                self.patience.is_some() && self.val_period == 0,
                "where only the last epoch is validated",
                "leave it out, or raise `val_period`",
            ),
            (
                "mixup_alpha",
                self.mixup_alpha.is_some() && self.mixup == 0.0,
                "without `mixup`",
                "leave it out, or give `mixup` a probability",
            ),
            (
                "cutmix_alpha",
                self.cutmix_alpha.is_some() && self.cutmix == 0.0,
                "without `cutmix`",
                "leave it out, or give `cutmix` a probability",
            ),
            (
                "class_weights",
                !self.class_weights.is_empty() && self.balance_classes,
                "with `balance_classes`",
                "leave one of the two out",
            ),
        ];
        let useless = rows.into_iter().filter(|(_, useless, ..)| *useless);
        useless.map(|(key, _, circumstance, help)| KeyFault::useless(key, circumstance, help)).collect()
    }

    /// Values that nothing can be done with.
    fn impossible(&self) -> Vec<KeyFault> {
        use OptimizerKind::{MuSgd, RmsProp, Sgd};
        let rows = [
            (
                "momentum",
                self.momentum == Some(1.0) && !matches!(self.optimizer, Sgd | MuSgd | RmsProp),
                "a first beta of 1: Adam and its kin would never see a gradient".to_owned(),
                "give less than 1, e.g. 0.9",
            ),
            (
                "time",
                self.time == Some(0.0),
                "no time to train".to_owned(),
                "give hours, e.g. 0.5, or leave `time` out and set `epochs`",
            ),
            (
                "fraction",
                self.fraction == 0.0 || self.fraction > 1.0 && self.fraction.fract() != 0.0,
                format!("`fraction` is {}, neither a share nor a number of images", self.fraction),
                "give a share between 0 and 1, or a whole number of images",
            ),
            (
                "cutmix",
                self.mixup + self.cutmix > 1.0,
                "the probabilities of `mixup` and `cutmix` add up to more than 1".to_owned(),
                "a batch gets one or the other: lower one of them",
            ),
            (
                "class_weights",
                self.class_weights.values().any(|weight| !(weight.is_finite() && *weight > 0.0)),
                "a class weight of 0 or less".to_owned(),
                "give a weight above 0; to leave a class out, remove its folder from the dataset",
            ),
        ];
        let impossible = rows.into_iter().filter(|(_, impossible, ..)| *impossible);
        impossible.map(|(key, _, message, help)| KeyFault { key, useless: false, message, help }).collect()
    }
}
