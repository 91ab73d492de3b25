//! `kiln val`: a model and a dataset, measured in one line.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    Project,
    oneliner::{self, CommonArgs, Show, execute, pipeline, tell},
    remembered::{Remembered, dataset_of},
};
use crate::{
    data::Split,
    error::Result,
    spec::{MessageFormat, PipelineSpec},
};

/// What `kiln val` is asked.
#[derive(Debug, Clone, Args)]
pub struct ValArgs {
    /// Trained model: a .safetensors or .bpk of Kiln's, a .pt, or an exported network such as model.onnx
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Folder of images: val/<class>/ and others, or <class>/; for a model that this project has
    /// trained, the one that it learned from unless given
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Which images to measure on: train, val or test [default: val]
    #[arg(long, value_name = "SPLIT", value_parser = split)]
    pub split: Option<Split>,
    /// Side of the square images in pixels; the model's own unless given
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u64>,
    /// Images per forward pass [default: 16]
    #[arg(long, value_name = "N")]
    pub batch: Option<u64>,
    /// Which top-k accuracies to give [default: 1,5]
    #[arg(long, value_name = "K,…", value_delimiter = ',')]
    pub top_k: Option<Vec<u64>>,
    /// Print where the results are, and metrics, as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

fn split(name: &str) -> Result<Split, String> {
    let found = Split::ALL.into_iter().find(|split| split.name() == name);
    found.ok_or_else(|| "must be train, val or test".to_owned())
}

/// Measures a model on a dataset.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn val(args: &ValArgs, format: MessageFormat) -> Result<()> {
    if let Some(results) = execute("val", spec(args)?, &args.common, Show::of(args.json), format)? {
        tell(&results, &["score"], args.json);
    }
    Ok(())
}

/// The pipeline that the command stands for.
fn spec(args: &ValArgs) -> Result<PipelineSpec> {
    let Remembered { dataset, seed } = match &args.data {
        Some(root) => Remembered { dataset: json!({ "root": oneliner::text(root)? }), seed: 0 },
        None => dataset_of(&args.model, &Project::of_command(&args.common.store)?)?,
    };
    let score = json!({
        "model": "net",
        "dataset": "data",
        "split": args.split.map(Split::name),
        "size": args.size,
        "batch": args.batch,
        "top_k": args.top_k,
    });
    let nodes = vec![
        ("data", "dataset", dataset),
        ("net", "model", json!({ "weights": oneliner::text(&args.model)? })),
        ("score", "val", score),
    ];
    Ok(pipeline(&oneliner::name("val", &args.model), seed, nodes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ValArgs,
    }

    #[test]
    fn every_argument_has_its_key() {
        let line = "kiln no/best.pt --data digits --split test --size 64 --batch 1 --top-k 1,3";
        insta::assert_snapshot!(spec(&Line::parse_from(line.split(' ')).args).unwrap().to_yaml(), @r"
        version: 1
        name: val-no-best
        seed: 0
        nodes:
          data:
            type: dataset
            root: digits
          net:
            type: model
            weights: no/best.pt
          score:
            type: val
            model: net
            dataset: data
            split: test
            size: 64
            batch: 1
            top_k:
            - 1
            - 3
        ");
    }

    #[test]
    fn splits_are_the_three_there_are() {
        assert!(Line::try_parse_from(["kiln", "m", "--data", "d", "--split", "valid"]).is_err());
    }
}
