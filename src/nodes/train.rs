//! `type: train`: a network is fitted to a dataset.

mod pictures;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    PRECISION,
    artifacts::{ARCHITECTURE, DATASET, MODEL, TRANSFORMS},
    dataset, model, transforms,
};
use crate::{
    arch::Arch,
    data::transform::Transforms,
    device,
    device_name::DeviceName,
    error::{Error, Result},
    eval::{classes::Classes, classifier::arch_of},
    node::{ArtifactType, Context, KeyRole, Node, NodeKind},
    spec::{Place, Problem},
    train::{
        Auto, BatchSize, ClassWeights, Decay, FitInput, Fitted, Freeze, Mix, OptimizerKind, Precision,
        Scores, TrainConfig, batch, fit, tensorboard,
    },
    weights::{self, ModelFile, Weights},
};

/// Fits a network to a dataset. Every default is that of Ultralytics' YOLO classification.
///
/// A loss that is not a number sends the run back to the start of the epoch, which is done again with half
/// the learning rate from there on, at most three times.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The model node to start from: fresh, or with weights; or another train node.
    pub model: String,
    /// The dataset node to learn from.
    pub dataset: String,
    /// The transforms node that prepares the images; left out, the default chains at 224 pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transforms: Option<String>,
    /// Passes over the training images; 100 unless given. With `time`, the clock decides how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: Option<usize>,
    /// Hours to train for, in place of `epochs`: after each epoch the schedule is fitted to as many epochs as the
    /// budget has room for. How far training gets then depends on the machine; Kiln keeps the first result for
    /// this recipe and does not train again on a faster one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 10_000.0))]
    pub time: Option<f64>,
    /// Images per forward pass; the last batch of an epoch may have fewer. `auto` takes 16, and on a GPU the
    /// largest power of two of which twice as many fit into its memory: the result then depends on the GPU.
    #[serde(default = "sixteen")]
    pub batch: BatchSize,
    /// The rule that turns gradients into new weights.
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// First learning rate; 0.01 unless given. `optimizer: auto` chooses its own and takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lr0: Option<f64>,
    /// Last learning rate, as a fraction of the first; 0.01 unless given. `schedule: step` takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lrf: Option<f64>,
    /// How the learning rate falls.
    #[serde(default)]
    pub schedule: Decay,
    /// Epochs between the falls of `schedule: step`; 30 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub step_size: Option<usize>,
    /// What the learning rate is multiplied by at each fall of `schedule: step`; 0.1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub step_gamma: Option<f64>,
    /// Momentum of SGD, MuSGD and RMSprop, first beta of Adam and its kin; 0.937 unless given.
    /// `optimizer: auto` takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: Option<f64>,
    /// How strongly weights, but not norms and biases, are pulled towards zero; scaled by the images per step.
    #[serde(default = "weight_decay")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Epochs over which the learning rate rises; may be a fraction.
    #[serde(default = "warmup_epochs")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub warmup_epochs: f64,
    /// Momentum at the start of warm-up; 0.8 unless given. Only `optimizer: sgd`, `musgd` and `rmsprop` take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub warmup_momentum: Option<f64>,
    /// Learning rate of biases at the start of warm-up; 0.1 unless given. `optimizer: auto` takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub warmup_bias_lr: Option<f64>,
    /// Gradients of smaller batches are summed up to about this many images before a step.
    #[serde(default = "nominal_batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub nominal_batch: usize,
    /// The joint L2 norm that the gradients of a step are clipped to; 0 for none.
    #[serde(default = "clip")]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub clip: f64,
    /// Whether a running average of the network (EMA) is validated and kept, or the network itself.
    #[serde(default = "yes")]
    pub ema: bool,
    /// The part of each target that is spread over all classes.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub label_smoothing: f64,
    /// What classes count in the training loss, by name, e.g. `{cat: 2.0}`; 1 for those that are not named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub class_weights: BTreeMap<String, f64>,
    /// Whether classes count in the training loss by how rare they are: `images / (classes * images of the
    /// class)`.
    #[serde(default)]
    pub balance_classes: bool,
    /// Exponent of focal loss: the larger, the less weight images get that the network is already sure about. 0 is
    /// plain cross-entropy, 2 is usual.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub focal_gamma: f64,
    /// Probability that the images of a batch are blended with each other, and their classes with them.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mixup: f64,
    /// How even the blends of `mixup` are: shares are drawn from Beta(alpha, alpha); 0.2 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub mixup_alpha: Option<f64>,
    /// Probability that the images of a batch get a patch of each other, and of the classes with it.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub cutmix: f64,
    /// How even the areas of `cutmix` are: shares are drawn from Beta(alpha, alpha); 1 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub cutmix_alpha: Option<f64>,
    /// Probability that a feature is left out before the last layer.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
    /// The part of the training images that is used, spread evenly over the classes: a share up to 1, a number of
    /// images above.
    #[serde(default = "one")]
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub fraction: f64,
    /// How many rows of the architecture, from the first on, do not learn: no steps, no decay, norms keep their
    /// statistics.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub freeze: usize,
    /// Rows of the architecture, from 0, that do not learn either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze_rows: Vec<usize>,
    /// Parameters that do not learn either: parts of their names, or patterns of whole names such as
    /// `model.[0-4].*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze_names: Vec<String>,
    /// Epochs without improvement after which training stops; 0 for never, 100 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub patience: Option<usize>,
    /// Epochs between validations; 0 for the last epoch alone, which is always validated. Only validated
    /// epochs can be the best.
    #[serde(default = "every")]
    #[schemars(range(max = 100_000))]
    pub val_period: usize,
    /// Epochs between weights that are kept beside `model.safetensors` (the best) and `last.safetensors`, as
    /// `epoch<N>.safetensors` with N counted from 1; 0 for none.
    #[serde(default)]
    #[schemars(range(max = 100_000))]
    pub save_period: usize,
    /// The floating-point type that the network computes in while it is fitted.
    #[serde(default)]
    pub precision: Precision,
    /// Whether decoded images are kept in memory, up to 2 GiB. Changes speed, not results.
    #[serde(default = "yes")]
    pub cache: bool,
    /// Whether to write the measurements of all epochs as an event file for TensorBoard, too.
    #[serde(default)]
    pub tensorboard: bool,
}

fn sixteen() -> BatchSize {
    BatchSize::Images(16)
}
fn weight_decay() -> f64 {
    0.0005
}
fn warmup_epochs() -> f64 {
    3.0
}
fn nominal_batch() -> usize {
    64
}
fn clip() -> f64 {
    10.0
}
fn one() -> f64 {
    1.0
}
fn every() -> usize {
    1
}
fn yes() -> bool {
    true
}

impl NodeKind for Train {
    const NAME: &'static str = "train";
    const VERSION: u32 = 5;
    const KEYS: &'static [(&'static str, KeyRole)] = &[
        ("model", KeyRole::Input(&[ARCHITECTURE, MODEL])),
        ("dataset", KeyRole::Input(&[DATASET])),
        ("transforms", KeyRole::OptionalInput(&[TRANSFORMS])),
        ("cache", KeyRole::Runtime),
    ];
    const LOGS: &'static [&'static str] = &["metrics.csv", tensorboard::FILE];
    const AMOUNT: Option<&'static str> = Some("epochs");
    const SYNONYMS: &'static [(&'static str, &'static [&'static str])] = &[
        ("lr0", &["learning_rate", "lr", "eta"]),
        ("lrf", &["final_lr", "min_lr"]),
        ("batch", &["batch_size", "bs", "minibatch"]),
        ("epochs", &["epoch", "num_epochs", "n_epochs", "max_epochs"]),
        ("dataset", &["data", "datasets"]),
        ("model", &["network", "net", "arch"]),
        ("transforms", &["transform", "augment", "augmentation", "augmentations", "aug", "preprocess"]),
        ("optimizer", &["optim", "opt", "optimiser"]),
        ("weight_decay", &["wd", "decay", "l2"]),
        ("patience", &["early_stopping", "early_stop"]),
        ("warmup_epochs", &["warmup", "warm_up"]),
        ("label_smoothing", &["smoothing"]),
        ("nominal_batch", &["nbs"]),
        ("schedule", &["cos_lr", "scheduler", "lr_scheduler"]),
        ("precision", &["amp", "half", "mixed_precision"]),
        ("clip", &["grad_clip", "clip_grad", "max_norm"]),
    ];
    const ELSEWHERE: &'static [(&'static [&'static str], &'static str)] = &[
        (&["erasing"], "an operation of `transforms`: `type: random_erasing`"),
        (&["auto_augment"], "an operation of `transforms`: `type: rand_augment`"),
        (&["fliplr"], "an operation of `transforms`: `type: horizontal_flip`"),
        (&["flipud"], "an operation of `transforms`: `type: vertical_flip`"),
        (&["hsv_h", "hsv_s", "hsv_v"], "an operation of `transforms`: `type: color_jitter`"),
    ];
}

impl Node for Train {
    fn output(&self) -> ArtifactType {
        MODEL
    }

    fn seeded(&self) -> bool {
        true
    }

    fn precision(&self) -> Option<&'static str> {
        Some(PRECISION)
    }

    fn check_device(&self, device: DeviceName) -> Result<()> {
        if self.precision == Precision::Fp32 || device != DeviceName::Cpu {
            return Ok(());
        }
        let precision = self.precision.name();
        Err(Error::usage(format!("the device `{device}` can't train in {precision}")).help(format!(
            "`libtorch` and `cuda:N` can (`--device cuda:0`); or leave `precision: {precision}` out"
        )))
    }

    fn check(&self) -> Vec<Problem> {
        self.useless().into_iter().chain(self.impossible()).collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let transforms =
            cx.input("transforms").map_or_else(|| Ok(Transforms::default()), transforms::load)?;
        let start = model::load(cx.required("model"))?;
        let arch = arch(&start, dataset.index.classes.len())?;
        self.check_device(cx.device)?;
        let device = device::open(cx.device)?;
        let fitting = || batch::fitting(&arch, transforms.size, self.precision, &device, cx.scratch);
        let config = self.config(self.batch(cx, fitting)?);
        let job = FitInput {
            arch: &arch,
            start: (!start.weights.is_empty()).then_some(&start.weights),
            dataset: &dataset,
            transforms: &transforms,
            config: &config,
            seed: cx.seed,
            device: &device,
            threads: cx.threads,
            cache: self.cache,
            scratch: cx.scratch,
            progress: cx.progress,
        };
        let fitted = fit(&job)?;
        cx.progress.headline(headline(&fitted, &dataset.index.classes));
        pictures::curves(cx, &fitted.history)?;
        pictures::batches(cx, &job)?;
        if self.tensorboard {
            pictures::events(cx, &fitted.history)?;
        }
        write(cx, &arch, &dataset.index.classes, &transforms, fitted)
    }
}

impl Train {
    /// Keys that would be ignored because of others.
    fn useless(&self) -> Vec<Problem> {
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
        useless.map(|(key, _, circumstance, help)| without_effect(key, circumstance, help)).collect()
    }

    /// Values that nothing can be done with.
    fn impossible(&self) -> Vec<Problem> {
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
        impossible
            .map(|(key, _, message, help)| {
                Problem::rule(Place::Value([key].into()), message).label("not possible").help(help)
            })
            .collect()
    }

    fn config(&self, batch: usize) -> TrainConfig {
        let class_weights = match (self.balance_classes, self.class_weights.is_empty()) {
            (true, _) => ClassWeights::Balanced,
            (false, true) => ClassWeights::Even,
            (false, false) => ClassWeights::Given(self.class_weights.clone()),
        };
        let default = TrainConfig::default();
        let mix = Mix {
            mixup: self.mixup,
            mixup_alpha: self.mixup_alpha.unwrap_or(default.mix.mixup_alpha),
            cutmix: self.cutmix,
            cutmix_alpha: self.cutmix_alpha.unwrap_or(default.mix.cutmix_alpha),
        };
        let freeze =
            Freeze { count: self.freeze, rows: self.freeze_rows.clone(), names: self.freeze_names.clone() };
        TrainConfig {
            epochs: self.epochs.unwrap_or(default.epochs),
            time: self.time,
            batch,
            optimizer: self.optimizer,
            lr0: self.lr0.unwrap_or(default.lr0),
            lrf: self.lrf.unwrap_or(default.lrf),
            schedule: self.schedule,
            step_size: self.step_size.unwrap_or(default.step_size),
            step_gamma: self.step_gamma.unwrap_or(default.step_gamma),
            momentum: self.momentum.unwrap_or(default.momentum),
            weight_decay: self.weight_decay,
            warmup_epochs: self.warmup_epochs,
            warmup_momentum: self.warmup_momentum.unwrap_or(default.warmup_momentum),
            warmup_bias_lr: self.warmup_bias_lr.unwrap_or(default.warmup_bias_lr),
            nominal_batch: self.nominal_batch,
            clip: self.clip,
            ema: self.ema,
            label_smoothing: self.label_smoothing,
            class_weights,
            focal_gamma: self.focal_gamma,
            mix,
            dropout: self.dropout,
            fraction: self.fraction,
            freeze,
            patience: self.patience.unwrap_or(default.patience),
            val_period: self.val_period,
            save_period: self.save_period,
            precision: self.precision,
        }
    }

    /// The number of images asked for, or as many as there is memory for.
    fn batch(&self, cx: &Context<'_>, fitting: impl FnOnce() -> Result<usize>) -> Result<usize> {
        match self.batch {
            BatchSize::Images(batch) => Ok(batch),
            BatchSize::Word(Auto::Auto) if !matches!(cx.device, DeviceName::Cuda(_)) => {
                Ok(TrainConfig::default().batch)
            }
            BatchSize::Word(Auto::Auto) => {
                let batch = fitting()?;
                cx.progress
                    .note(format!("batches of {batch} images, of which twice as many fit into memory"));
                Ok(batch)
            }
        }
    }
}

fn without_effect(key: &str, circumstance: &str, help: &str) -> Problem {
    let message = format!("`{key}` has no effect {circumstance}");
    Problem::rule(Place::Key([key].into()), message).label("would be ignored").help(help)
}

/// The architecture of the model that training starts from, which must fit the dataset.
fn arch(start: &ModelFile, classes: usize) -> Result<Arch> {
    let arch = match (&start.arch, &start.names) {
        (Some(text), Some(names)) => {
            Arch::parse(start.arch_name.as_deref().unwrap_or("model"), text, names.len())?
        }
        _ => arch_of(start)?,
    };
    if arch.classes == classes {
        return Ok(arch);
    }
    Err(Error::new(format!("the model has {} classes, but the dataset has {classes}", arch.classes))
        .help("give the model node the same `dataset`, so that its head fits"))
}

/// The best epoch, and how good it is.
fn headline(fitted: &Fitted, names: &[String]) -> String {
    let Fitted { history, hits, .. } = fitted;
    let epochs = history.0.len();
    let best = history.best().and_then(|best| Some((best + 1, history.0[best].scores?)));
    match best {
        Some((number, Scores { top5, loss, .. })) => {
            format!("best epoch {number} of {epochs}: {}", Classes::new(names, hits).headline(top5, loss))
        }
        None => format!("{epochs} epochs, none of them validated"),
    }
}

fn write(
    cx: &Context<'_>,
    arch: &Arch,
    names: &[String],
    transforms: &Transforms,
    fitted: Fitted,
) -> Result<()> {
    let history = &fitted.history;
    let best = history.best().and_then(|best| Some((best + 1, history.0[best].scores?)));
    let training = best.map(|(number, Scores { top1, top5, .. })| {
        let mut training = json!({ "epochs": history.0.len(), "best_epoch": number, "top1": top1 });
        if let Some(top5) = top5 {
            training["top5"] = json!(top5);
        }
        training
    });
    let file = |weights: Weights| ModelFile {
        arch: Some(arch.text.clone()),
        arch_name: Some(arch.name.clone()),
        names: Some(names.to_vec()),
        size: Some(transforms.size),
        transforms: serde_json::to_value(&transforms.eval).ok(),
        training: training.clone(),
        weights,
        ..ModelFile::default()
    };
    cx.write("metrics.csv", history.to_csv())?;
    for (epoch, path) in &fitted.kept {
        let kept = weights::read(path)?.weights;
        weights::write(&cx.out.join(format!("epoch{epoch}.safetensors")), &file(kept))?;
    }
    weights::write(&cx.out.join("model.safetensors"), &file(fitted.best))?;
    weights::write(&cx.out.join("last.safetensors"), &file(fitted.last))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    fn problems(keys: Value) -> Vec<String> {
        let mut params = Map::from_iter([("model".into(), "net".into()), ("dataset".into(), "data".into())]);
        let Value::Object(keys) = keys else { panic!("keys are a mapping") };
        params.extend(keys);
        let node: Train = serde_json::from_value(Value::Object(params)).unwrap();
        let line = |problem: &Problem| {
            format!("{}; {}", problem.message, problem.help.as_deref().unwrap_or_default())
        };
        node.check().iter().map(line).collect()
    }

    #[test]
    fn keys_that_would_be_ignored_are_refused() {
        let auto = json!({ "lr0": 0.1, "momentum": 0.9, "warmup_bias_lr": 0.1, "warmup_momentum": 0.5 });
        insta::assert_debug_snapshot!(problems(auto));
        let others = json!({
            "optimizer": "adam", "warmup_momentum": 0.5, "step_size": 3, "step_gamma": 0.5, "mixup_alpha": 1.0,
            "cutmix_alpha": 1.0, "class_weights": { "a": 2.0 }, "balance_classes": true, "epochs": 3, "time": 1.0,
        });
        insta::assert_debug_snapshot!(problems(others));
        let steps = json!({ "val_period": 0, "patience": 5, "schedule": "step", "lrf": 0.1, "optimizer": "sgd", "warmup_epochs": 0,
            "warmup_momentum": 0.5, "warmup_bias_lr": 0.5 });
        insta::assert_debug_snapshot!(problems(steps));
    }

    #[test]
    fn values_that_nothing_can_be_done_with_are_refused() {
        insta::assert_debug_snapshot!(problems(json!({
            "time": 0.0, "fraction": 1.5, "mixup": 0.7, "cutmix": 0.7,
            "class_weights": { "a": 0.0 },
        })));
        assert_eq!(problems(json!({ "fraction": 0.0 })).len(), 1);
        assert_eq!(problems(json!({ "optimizer": "adam", "momentum": 1.0 })).len(), 1);
    }

    #[test]
    fn what_makes_sense_is_accepted() {
        let accepted = [
            json!({}),
            json!({ "optimizer": "musgd", "momentum": 0.9, "warmup_momentum": 0.5, "warmup_bias_lr": 0.0 }),
            json!({ "optimizer": "radam", "lr0": 0.1, "schedule": "step", "step_size": 3, "step_gamma": 0.5 }),
            json!({ "mixup": 0.5, "mixup_alpha": 0.4, "cutmix": 0.5, "cutmix_alpha": 1.0, "fraction": 500 }),
            json!({ "precision": "bf16", "time": 1.5, "batch": "auto", "freeze": 9, "freeze_rows": [1], "freeze_names": ["bn"] }),
        ];
        for keys in accepted {
            assert_eq!(problems(keys.clone()), [] as [String; 0], "{keys}");
        }
    }
}
