//! `type: train`: a network is fitted to a dataset.

mod pictures;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    PRECISION,
    artifacts::{ARCHITECTURE, DATASET, MODEL, TRANSFORMS},
    dataset, exported, model, transforms,
};
use crate::{
    arch::Arch,
    data::transform::Transforms,
    device,
    device_name::DeviceName,
    device_names::DeviceNames,
    error::{Error, Result},
    eval::{classes::Classes, classifier::arch_of},
    node::{ArtifactType, Context, KeyRole, Node, NodeKind, SeedPurpose},
    progress::Progress,
    spec::{Place, Problem},
    store::Artifact,
    train::{FitInput, Fitted, History, KeyFault, Precision, Scores, TrainConfig, batch, fit, tensorboard},
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
    /// How to learn.
    #[serde(flatten)]
    pub config: TrainConfig,
    /// Whether decoded images are kept in memory, up to 2 GiB. Changes speed, not results.
    #[serde(default = "yes")]
    pub cache: bool,
    /// Whether to write the measurements of all epochs as an event file for TensorBoard, too.
    #[serde(default)]
    pub tensorboard: bool,
}

fn yes() -> bool {
    true
}

impl NodeKind for Train {
    const NAME: &'static str = "train";
    const VERSION: u32 = 9;
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

    fn seed(&self) -> Option<SeedPurpose> {
        Some(SeedPurpose::Training)
    }

    fn precision(&self) -> Option<&'static str> {
        Some(PRECISION)
    }

    fn check_devices(&self, devices: &DeviceNames) -> Result<()> {
        self.check_precision(devices.first())?;
        match self.config.batch.known(devices.first()) {
            Some(batch) => self.config.check_share(batch, devices),
            None => Ok(()),
        }
    }

    fn check(&self) -> Vec<Problem> {
        self.config.check().into_iter().map(problem).collect()
    }

    fn check_input(&self, port: &str, artifact: &Artifact) -> Result<()> {
        if port == "model" { exported::must_not_be(artifact) } else { Ok(()) }
    }

    fn goes_on_from(&self, epochs: u64) -> std::result::Result<(), String> {
        self.config.goes_on_from(epochs)
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        device::guard(|| self.work(cx))
    }
}

impl Train {
    fn work(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let transforms =
            cx.input("transforms").map_or_else(|| Ok(Transforms::default()), transforms::load)?;
        let start = model::load(cx.required("model"))?;
        let arch = arch(&start, dataset.index.classes.len())?;
        self.check_devices(cx.devices)?;
        let devices = device::open_all(cx.devices)?;
        let fitting = || {
            let precision = self.config.precision;
            let batch = batch::fitting(&arch, transforms.size, precision, &devices, cx.scratch)?;
            cx.progress.note(format!("batches of {batch} images, of which twice as many fit into memory"));
            Ok(batch)
        };
        let batch = self.config.batch.resolve(cx.devices.first(), fitting)?;
        self.config.check_share(batch, cx.devices)?;
        let input = FitInput {
            arch: &arch,
            start: (!start.weights.is_empty()).then_some(&start.weights),
            dataset: &dataset,
            transforms: &transforms,
            config: &self.config,
            batch,
            seed: cx.seed,
            device: &devices[0],
            others: &devices[1..],
            threads: cx.threads,
            cache: self.cache,
            scratch: cx.scratch,
            progress: cx.progress,
        };
        let fitted = fit(&input)?;
        cx.progress.headline(headline(&fitted, &dataset.index.classes));
        tell_metrics(&fitted.history, &cx.progress);
        pictures::curves(cx, &fitted.history)?;
        pictures::batches(cx, &input)?;
        if self.tensorboard {
            pictures::events(cx, &fitted.history)?;
        }
        write(cx, &arch, &dataset.index.classes, &transforms, fitted)
    }

    fn check_precision(&self, device: DeviceName) -> Result<()> {
        let precision = self.config.precision;
        if precision == Precision::Fp32 || device != DeviceName::Cpu {
            return Ok(());
        }
        let precision = precision.name();
        Err(Error::usage(format!("the device `{device}` can't train in {precision}")).help(format!(
            "`libtorch` and `cuda:N` can (`--device cuda:0`); or leave `precision: {precision}` out"
        )))
    }
}

/// The mistake, where it stands in the node.
fn problem(fault: KeyFault) -> Problem {
    let key = [fault.key].into();
    let (place, label) = match fault.useless {
        true => (Place::Key(key), "would be ignored"),
        false => (Place::Value(key), "not possible"),
    };
    Problem::rule(place, fault.message).label(label).help(fault.help)
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

/// How long it took in epochs, and how good the best of them is.
fn tell_metrics(history: &History, progress: &Progress<'_>) {
    progress.metric("epochs_run", history.0.len() as f64);
    let Some((best, scores)) = history.best().and_then(|best| Some((best, history.0[best].scores?))) else {
        return;
    };
    progress.metric("best_epoch", (best + 1) as f64);
    progress.metric("top1", scores.top1);
    scores.top5.into_iter().for_each(|top5| progress.metric("top5", top5));
    progress.metric("loss", scores.loss);
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
