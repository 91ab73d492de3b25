//! `type: train`: a network is fitted to a dataset.

mod pictures;

use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{dataset, model, transforms};
use crate::{
    data::transform::Transforms,
    device,
    error::{Error, Result},
    eval::classifier::arch_of,
    node::{ArtifactType, Context, Input, Node},
    spec::{Place, Problem},
    train::{Decay, Fitted, Job, OptimizerKind, Recipe, fit, tensorboard},
    zoo::{
        Arch,
        weights::{self, ModelFile, Weights},
    },
};

/// Fits a network to a dataset. Every default is the reference's for classification.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The model node to start from: fresh, or with weights; or another train node.
    pub model: String,
    /// The dataset node to learn from.
    pub dataset: String,
    /// The transforms node that prepares the images; left out, the reference's chains at 224 pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transforms: Option<String>,
    /// Passes over the training images.
    #[serde(default = "epochs")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: usize,
    /// Images per forward pass.
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: usize,
    /// The rule that turns gradients into new weights.
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// First learning rate; 0.01 unless given. `optimizer: auto` chooses its own and takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lr0: Option<f64>,
    /// Last learning rate, as a fraction of the first.
    #[serde(default = "hundredth")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lrf: f64,
    /// How the learning rate falls.
    #[serde(default)]
    pub schedule: Decay,
    /// Momentum of SGD, first beta of AdamW; 0.937 unless given. `optimizer: auto` takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: Option<f64>,
    /// Pull of weights, not of norms and biases, towards zero; scaled by the images per step.
    #[serde(default = "weight_decay")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub weight_decay: f64,
    /// Epochs over which the learning rate rises; may be a fraction.
    #[serde(default = "warmup_epochs")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub warmup_epochs: f64,
    /// Momentum of SGD at the start of warm-up; 0.8 unless given. Only `optimizer: sgd` takes it.
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
    /// Epochs without improvement after which training stops; 0 for never.
    #[serde(default = "epochs")]
    #[schemars(range(max = 100_000))]
    pub patience: usize,
    /// Whether decoded images are kept in memory, up to 2 GiB. Changes speed, not results.
    #[serde(default = "yes")]
    pub cache: bool,
    /// Whether to write the measurements of all epochs as an event file for TensorBoard, too.
    #[serde(default)]
    pub tensorboard: bool,
}

fn epochs() -> usize {
    100
}
fn batch() -> usize {
    16
}
fn hundredth() -> f64 {
    0.01
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
fn yes() -> bool {
    true
}

impl Node for Train {
    const NAME: &'static str = "train";
    const VERSION: u32 = 1;
    const INPUTS: &'static [Input] = &[
        Input { port: "model", accepts: &[ArtifactType::Architecture, ArtifactType::Model], required: true },
        Input { port: "dataset", accepts: &[ArtifactType::Dataset], required: true },
        Input { port: "transforms", accepts: &[ArtifactType::Transforms], required: false },
    ];
    const RUNTIME: &'static [&'static str] = &["cache"];
    const LOGS: &'static [&'static str] = &["metrics.csv", tensorboard::FILE];

    fn output(&self) -> ArtifactType {
        ArtifactType::Model
    }

    fn seeded(&self) -> bool {
        true
    }

    fn uses_device(&self) -> bool {
        true
    }

    fn check(&self) -> Vec<Problem> {
        let auto = self.optimizer == OptimizerKind::Auto;
        let keys = [
            ("lr0", self.lr0.is_some() && auto, "`sgd` or `adamw`"),
            ("momentum", self.momentum.is_some() && auto, "`sgd` or `adamw`"),
            ("warmup_bias_lr", self.warmup_bias_lr.is_some() && auto, "`sgd` or `adamw`"),
            (
                "warmup_momentum",
                self.warmup_momentum.is_some() && self.optimizer != OptimizerKind::Sgd,
                "`sgd`",
            ),
        ];
        let useless = keys.into_iter().filter(|(_, useless, _)| *useless);
        useless.map(|(key, _, takers)| without_effect(key, takers)).collect()
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let transforms =
            cx.input("transforms").map_or_else(|| Ok(Transforms::default()), transforms::load)?;
        let start = model::load(cx.required("model"))?;
        let arch = arch(&start, dataset.index.classes.len())?;
        let device = device::open(cx.device)?;
        let recipe = self.recipe();
        let job = Job {
            arch: &arch,
            start: (!start.weights.is_empty()).then_some(&start.weights),
            dataset: &dataset,
            transforms: &transforms,
            recipe: &recipe,
            seed: cx.seed,
            device: &device,
            threads: cx.threads,
            cache: self.cache,
            scratch: cx.scratch,
            progress: cx.progress,
        };
        let fitted = fit(&job)?;
        pictures::curves(cx, &fitted.history)?;
        pictures::batches(cx, &dataset, &transforms, self.batch)?;
        if self.tensorboard {
            pictures::events(cx, &fitted.history)?;
        }
        write(cx, &arch, &dataset.index.classes, &transforms, fitted)
    }
}

impl Train {
    fn recipe(&self) -> Recipe {
        Recipe {
            epochs: self.epochs,
            batch: self.batch,
            optimizer: self.optimizer,
            lr0: self.lr0.unwrap_or(0.01),
            lrf: self.lrf,
            schedule: self.schedule,
            momentum: self.momentum.unwrap_or(0.937),
            weight_decay: self.weight_decay,
            warmup_epochs: self.warmup_epochs,
            warmup_momentum: self.warmup_momentum.unwrap_or(0.8),
            warmup_bias_lr: self.warmup_bias_lr.unwrap_or(0.1),
            nominal_batch: self.nominal_batch,
            patience: self.patience,
        }
    }
}

fn without_effect(key: &str, takers: &str) -> Problem {
    let message = format!("`{key}` has no effect with this optimizer");
    Problem::new("E0301", Place::Key([key].into()), message)
        .label("would be ignored")
        .help(format!("leave `{key}` out, or set `optimizer` to {takers}"))
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
    Err(Error::new(format!("the model tells {} classes apart, but the dataset has {classes}", arch.classes))
        .help("give the model node the same `dataset`, so that its head fits"))
}

fn write(
    cx: &Context<'_>,
    arch: &Arch,
    names: &[String],
    transforms: &Transforms,
    fitted: Fitted,
) -> Result<()> {
    let history = &fitted.history;
    let best = history.best().map(|best| (best + 1, &history.0[best]));
    let training = best.map(|(number, epoch)| {
        json!({ "epochs": history.0.len(), "best_epoch": number, "top1": epoch.top1, "top5": epoch.top5 })
    });
    let file = |weights: Weights| ModelFile {
        arch: Some(arch.text.clone()),
        arch_name: Some(arch.name.clone()),
        names: Some(names.to_vec()),
        size: Some(transforms.size),
        transforms: serde_json::to_value(&transforms.eval).ok(),
        training: training.clone(),
        weights,
    };
    let csv = cx.out.join("metrics.csv");
    fs::write(&csv, history.to_csv()).map_err(|error| Error::io("write", &csv, error))?;
    weights::write(&cx.out.join("model.safetensors"), &file(fitted.best))?;
    weights::write(&cx.out.join("last.safetensors"), &file(fitted.last))
}
