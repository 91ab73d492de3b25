//! `kiln train`: dataset, transforms, model, train and val in one line.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};
use serde_json::{Map, Value, json};

use super::{
    key_flags,
    oneliner::{self, CommonArgs, Show, execute, pipeline, tell},
};
use crate::{
    error::Result,
    node::Kind,
    nodes::train::Train,
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
    /// Side of the square images in pixels [default: 224]
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u64>,
    #[command(flatten)]
    pub keys: TrainKeys,
    /// Decides all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print where the results are, and metrics, as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The kind whose keys are flags.
const KIND: Kind = Kind::of::<Train>();
/// The keys that `-h` tells of; `--help` tells of all.
const COMMON: [&str; 15] = [
    "epochs",
    "time",
    "batch",
    "optimizer",
    "lr0",
    "schedule",
    "label_smoothing",
    "mixup",
    "cutmix",
    "dropout",
    "fraction",
    "freeze",
    "patience",
    "save_period",
    "precision",
];

/// Keys of a train node, by flag ([`key_flags`]).
#[derive(Debug, Clone, Default)]
pub struct TrainKeys(Map<String, Value>);

impl Args for TrainKeys {
    fn augment_args(command: clap::Command) -> clap::Command {
        // Only who trains waits for the flags to be made.
        command.defer(|command| {
            let flags =
                key_flags::flags(&KIND, &COMMON).into_iter().map(|flag| flag.help_heading("Training"));
            command.args(flags).mut_arg("time", |time| time.conflicts_with("epochs"))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TrainKeys {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(key_flags::given(&KIND, matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(key_flags::given(&KIND, matches));
        Ok(())
    }
}

/// Trains a model and measures it on the validation images.
///
/// # Errors
/// When the arguments make no valid pipeline, or a node fails.
pub fn train(args: &TrainArgs, format: MessageFormat) -> Result<()> {
    if let Some(results) = execute("train", spec(args)?, &args.common, Show::of(args.json), format)? {
        tell(&results, &["fit", "score"], args.json);
    }
    Ok(())
}

/// The pipeline that the command stands for.
fn spec(args: &TrainArgs) -> Result<PipelineSpec> {
    let weights = args.weights.as_deref().map(oneliner::text).transpose()?;
    let arch = args.arch.as_deref().or_else(|| weights.is_none().then_some("yolo11n-cls"));
    let ports = [("model", "net"), ("dataset", "data")].map(|(port, node)| (port.to_owned(), node.into()));
    let mut fit: Map<String, Value> = ports.into_iter().chain(args.keys.0.clone()).collect();
    let mut nodes = vec![
        ("data", "dataset", json!({ "root": oneliner::text(&args.data)? })),
        ("net", "model", json!({ "arch": arch, "dataset": "data", "weights": weights })),
    ];
    if args.size.is_some() {
        nodes.insert(1, ("prep", "transforms", json!({ "size": args.size })));
        fit.insert("transforms".into(), "prep".into());
    }
    nodes.push(("fit", "train", fit.into()));
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
            optimizer: adamw
            lr0: 0.002
            schedule: cosine
            label_smoothing: 0.1
            mixup: 0.3
            cutmix: 0.4
            dropout: 0.2
            fraction: 0.5
            freeze: 5
            patience: 9
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
    fn a_time_budget_and_a_word_for_the_batch() {
        let yaml = yaml("--data no/digits --time 0.5 --batch auto");
        assert!(
            yaml.contains("time: 0.5\n") && yaml.contains("batch: auto\n") && !yaml.contains("epochs"),
            "{yaml}"
        );
    }
}
