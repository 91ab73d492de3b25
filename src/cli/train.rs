//! `kiln train`: dataset, transforms, model, train and val in one line.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::oneliner::{self, CommonArgs, Show, execute, pipeline, tell};
use crate::{
    error::Result,
    spec::{MessageFormat, PipelineSpec},
};

/// What `kiln train` is asked.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// Folder of images: train/<class>/ and val/<class>/, or <class>/
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Built-in architecture or a model YAML [default: that of --weights, else yolo11n-cls]
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Weights to start from: a .safetensors of Kiln's or a .pt
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Passes over the training images [default: 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,
    /// Side of the square images in pixels [default: 224]
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u64>,
    /// Images per forward pass; auto for as many as fit into a GPU's memory [default: 16]
    #[arg(long, value_name = "N")]
    pub batch: Option<String>,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Decides all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The commonest keys of a train node; `kiln schema` tells of all of them.
#[derive(Debug, Clone, Default, Args)]
pub struct RecipeArgs {
    /// Hours to train for, in place of --epochs
    #[arg(long, value_name = "HOURS", conflicts_with = "epochs")]
    pub time: Option<f64>,
    /// Epochs without improvement after which training stops; 0 for never [default: 100]
    #[arg(long, value_name = "N")]
    pub patience: Option<u64>,
    /// auto, sgd, musgd, adam, adamw, adamax, nadam, radam or rmsprop [default: auto]
    #[arg(long, value_name = "NAME")]
    pub optimizer: Option<String>,
    /// First learning rate, for any --optimizer but auto [default: 0.01]
    #[arg(long, value_name = "RATE")]
    pub lr0: Option<f64>,
    /// How the learning rate falls: linear, cosine, step or one_cycle [default: linear]
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// The part of each target that is spread over all classes [default: 0]
    #[arg(long, value_name = "PART")]
    pub label_smoothing: Option<f64>,
    /// Probability that a feature is left out before the last layer [default: 0]
    #[arg(long, value_name = "P")]
    pub dropout: Option<f64>,
    /// Probability that a batch's images are blended with each other [default: 0]
    #[arg(long, value_name = "P")]
    pub mixup: Option<f64>,
    /// Probability that a batch's images get patches of each other [default: 0]
    #[arg(long, value_name = "P")]
    pub cutmix: Option<f64>,
    /// How many of the first rows of the architecture do not learn [default: 0]
    #[arg(long, value_name = "ROWS")]
    pub freeze: Option<u64>,
    /// The part of the training images that is used, or how many of them [default: 1]
    #[arg(long, value_name = "PART")]
    pub fraction: Option<f64>,
    /// Keep the weights of every so many epochs too [default: 0, for none]
    #[arg(long, value_name = "N")]
    pub save_period: Option<u64>,
    /// fp32; bf16 or fp16 for mixed precision on LibTorch's devices [default: fp32]
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<String>,
}

impl RecipeArgs {
    /// The keys of a train node.
    fn keys(&self) -> Value {
        json!({
            "time": self.time,
            "patience": self.patience,
            "optimizer": self.optimizer,
            "lr0": self.lr0,
            "schedule": self.schedule,
            "label_smoothing": self.label_smoothing,
            "dropout": self.dropout,
            "mixup": self.mixup,
            "cutmix": self.cutmix,
            "freeze": self.freeze,
            "fraction": self.fraction,
            "save_period": self.save_period,
            "precision": self.precision,
        })
    }
}

/// Trains a model and measures it on the validation images.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn train(args: &TrainArgs, format: MessageFormat) -> Result<()> {
    if let Some(results) = execute("train", spec(args)?, &args.common, Show::Progress, format)? {
        tell(&results, &["fit", "score"]);
    }
    Ok(())
}

/// The pipeline that the command stands for.
fn spec(args: &TrainArgs) -> Result<PipelineSpec> {
    let weights = args.weights.as_deref().map(oneliner::text).transpose()?;
    let arch = args.arch.as_deref().or_else(|| weights.is_none().then_some("yolo11n-cls"));
    let batch = args.batch.as_ref().map(|text| text.parse().map_or_else(|_| json!(text), |n: u64| json!(n)));
    let mut fit = json!({ "model": "net", "dataset": "data", "epochs": args.epochs, "batch": batch });
    if let (Some(fit), Value::Object(keys)) = (fit.as_object_mut(), args.recipe.keys()) {
        fit.extend(keys);
    }
    let mut nodes = vec![
        ("data", "dataset", json!({ "root": oneliner::text(&args.data)? })),
        ("net", "model", json!({ "arch": arch, "dataset": "data", "weights": weights })),
    ];
    if args.size.is_some() {
        nodes.insert(1, ("prep", "transforms", json!({ "size": args.size })));
        fit["transforms"] = "prep".into();
    }
    nodes.push(("fit", "train", fit));
    nodes.push(("score", "val", json!({ "model": "fit", "dataset": "data" })));
    Ok(pipeline(&oneliner::name("train", &args.data), args.seed, nodes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TrainArgs,
    }

    fn yaml(line: &str) -> String {
        let words = std::iter::once("kiln").chain(line.split(' '));
        spec(&Line::parse_from(words).args).unwrap().to_yaml()
    }

    #[test]
    fn the_shortest_command() {
        insta::assert_snapshot!(yaml("--data no/digits"), @r"
        version: 1
        name: train-digits
        seed: 0
        nodes:
          data:
            type: dataset
            root: no/digits
          net:
            type: model
            arch: yolo11n-cls
            dataset: data
          fit:
            type: train
            model: net
            dataset: data
          score:
            type: val
            model: fit
            dataset: data
        ");
    }

    #[test]
    fn every_argument_has_its_key() {
        let line = "--data no/digits --arch yolo11s-cls --weights s.pt --epochs 3 --size 64 --batch 8 --seed 7 \
             --patience 9 --optimizer adamw --lr0 0.002 --schedule cosine --label-smoothing 0.1 --dropout 0.2 \
             --mixup 0.3 --cutmix 0.4 --freeze 5 --fraction 0.5 --save-period 10 --precision bf16";
        insta::assert_snapshot!(yaml(line), @r"
        version: 1
        name: train-digits
        seed: 7
        nodes:
          data:
            type: dataset
            root: no/digits
          prep:
            type: transforms
            size: 64
          net:
            type: model
            arch: yolo11s-cls
            dataset: data
            weights: s.pt
          fit:
            type: train
            model: net
            dataset: data
            epochs: 3
            batch: 8
            patience: 9
            optimizer: adamw
            lr0: 0.002
            schedule: cosine
            label_smoothing: 0.1
            dropout: 0.2
            mixup: 0.3
            cutmix: 0.4
            freeze: 5
            fraction: 0.5
            save_period: 10
            precision: bf16
            transforms: prep
          score:
            type: val
            model: fit
            dataset: data
        ");
    }

    #[test]
    fn time_takes_the_place_of_epochs() {
        let yaml = yaml("--data no/digits --time 0.5 --batch auto");
        assert!(
            yaml.contains("time: 0.5\n") && yaml.contains("batch: auto\n") && !yaml.contains("epochs"),
            "{yaml}"
        );
        let both = "kiln --data no/digits --time 0.5 --epochs 3".split(' ');
        assert!(Line::try_parse_from(both).is_err());
    }
}
