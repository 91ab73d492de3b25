//! `kiln train`: dataset, transforms, model, train and val in one line.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

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
    /// Built-in architecture or a model YAML
    #[arg(long, value_name = "ARCH", default_value = "yolo11n-cls")]
    pub arch: String,
    /// Weights to start from: a .safetensors of Kiln's or a .pt
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Passes over the training images [default: 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,
    /// Side of the square images in pixels [default: 224]
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u64>,
    /// Images per forward pass [default: 16]
    #[arg(long, value_name = "N")]
    pub batch: Option<u64>,
    /// Decides all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Trains a model and measures it on the validation images.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn train(args: &TrainArgs, format: MessageFormat) -> Result<()> {
    if let Some(results) = execute(&spec(args)?, &args.common, Show::Progress, format)? {
        tell(&results, &["fit", "score"]);
    }
    Ok(())
}

/// The pipeline that the command stands for.
fn spec(args: &TrainArgs) -> Result<PipelineSpec> {
    let weights = args.weights.as_deref().map(oneliner::text).transpose()?;
    let mut fit = json!({ "model": "net", "dataset": "data", "epochs": args.epochs, "batch": args.batch });
    let mut nodes = vec![
        ("data", "dataset", json!({ "root": oneliner::text(&args.data)? })),
        ("net", "model", json!({ "arch": args.arch, "dataset": "data", "weights": weights })),
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
        let line =
            "--data no/digits --arch yolo11s-cls --weights s.pt --epochs 3 --size 64 --batch 8 --seed 7";
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
            transforms: prep
          score:
            type: val
            model: fit
            dataset: data
        ");
    }
}
