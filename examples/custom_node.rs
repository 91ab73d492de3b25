//! A node kind of one's own, beside Kiln's: `type: brightness` says how bright each class of a dataset is.
//!
//! ```text
//! cargo run --release --example custom_node
//! ```
//!
//! The kind is one struct: its fields are the keys that a file may have, its doc comments their documentation, and
//! [`Node::run`] what happens. Checking, planning, caching and reporting come with it: a second run computes nothing.

use std::{fs, path::Path, process::ExitCode};

use kiln::{
    error::Result,
    event::Event,
    node::{ArtifactType, Context, KeyRole, Kind, Node, NodeKind},
    nodes::{KINDS, artifacts, dataset},
    plan::load_source,
    progress::Stop,
    report::{self, Format},
    run::{self, Options, Origin, Results, RunRequest},
    spec::{Source, render::Style},
    store::Store,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const PIPELINE: &str = "
version: 1
name: bright
nodes:
  digits: { type: dataset, root: examples/data/mnist160 }
  light:  { type: brightness, dataset: digits, decimals: 1 }
";

/// How bright the training images of each class are, from 0 to 255.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Brightness {
    /// The dataset node.
    dataset: String,
    /// Digits behind the point.
    #[serde(default)]
    decimals: usize,
}

impl NodeKind for Brightness {
    const NAME: &'static str = "brightness";
    const VERSION: u32 = 1;
    const KEYS: &'static [(&'static str, KeyRole)] = &[("dataset", KeyRole::Input(&[artifacts::DATASET]))];
}

impl Node for Brightness {
    fn output(&self) -> ArtifactType {
        artifacts::METRICS
    }

    fn run(&self, cx: &Context<'_>) -> Result<()> {
        let dataset = dataset::load(cx.required("dataset"))?;
        let mut sums = vec![(0.0, 0.0); dataset.index.classes.len()];
        for sample in &dataset.index.train {
            cx.progress.check()?;
            let image = dataset.decode(sample)?;
            let (sum, count) = &mut sums[sample.class];
            *sum += image.as_raw().iter().map(|byte| f64::from(*byte)).sum::<f64>();
            *count += image.as_raw().len() as f64;
        }
        let line = |(class, (sum, count)): (&String, &(f64, f64))| {
            format!("{class} {:.*}\n", self.decimals, sum / count)
        };
        let text: String = dataset.index.classes.iter().zip(&sums).map(line).collect();
        cx.write("brightness.txt", text)
    }
}

fn main() -> ExitCode {
    let kinds: Vec<Kind> = KINDS.iter().copied().chain([Kind::of::<Brightness>()]).collect();
    match load_source(Source::new("bright.yaml", PIPELINE), Path::new("."), &kinds) {
        Err(rejected) => {
            eprint!("{}", rejected.human(Style::of_stderr()));
            ExitCode::from(3)
        }
        Ok(loaded) => match run(&loaded) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(loaded: &kiln::plan::Loaded) -> Result<()> {
    let store = Store::open(Path::new("target/custom_node/store"))?;
    let reporter = report::for_stdout(Format::Plain);
    let results = Results::new("target/custom_node/runs", Origin::File("bright.yaml".into()), ".");
    let request = RunRequest {
        spec: &loaded.spec,
        plan: &loaded.plan,
        store: &store,
        results: &results,
        options: &Options::default(),
        emit: &|event: Event| reporter.report(&event),
        stop: &Stop::default(),
    };
    run::run(&request)?;
    print!("{}", fs::read_to_string("target/custom_node/runs/light/brightness.txt").unwrap_or_default());
    Ok(())
}
