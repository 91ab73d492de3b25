//! `kiln plan`: what a run would do.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Project, SetArgs, StoreArgs, json, load_or_show, output};
use crate::{
    error::Result,
    report::words::time,
    run::{Forecast, Status, forecast},
    shown,
    spec::MessageFormat,
    store::Store,
};

/// What `kiln plan` is asked.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The pipeline file to plan
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print it as one JSON object
    #[arg(long, conflicts_with = "dot")]
    pub json: bool,
    /// Print the graph in the language of Graphviz
    #[arg(long)]
    pub dot: bool,
    #[command(flatten)]
    pub set: SetArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// What a run would do, as `kiln plan --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Planned {
    /// Name of the experiment.
    pipeline: String,
    /// Decides all random numbers.
    seed: u64,
    /// The nodes, each after those it needs.
    nodes: Vec<Forecast>,
}

/// Shows what a run would do.
///
/// # Errors
/// When the file is wrong or a source can't be read.
pub fn plan(args: &PlanArgs, format: MessageFormat) -> Result<()> {
    let loaded = load_or_show(&args.file, &args.set, format)?;
    if args.dot {
        print!("{}", loaded.plan.to_dot());
        return Ok(());
    }
    let store = Store::peek(&Project::of_file(&args.file, &args.store).store)?;
    let forecasts = forecast(&loaded.plan, &store)?;
    if args.json {
        json::print(&Planned { pipeline: loaded.plan.name, seed: loaded.plan.seed, nodes: forecasts });
    } else {
        output::prose(&table(&forecasts));
    }
    Ok(())
}

/// A line for each node: whether it is a hit, its name, its kind, the start of its key, and why.
pub(super) fn table(forecasts: &[Forecast]) -> String {
    let widest = |text: fn(&Forecast) -> &str| forecasts.iter().map(|row| text(row).len()).max().unwrap_or(0);
    let (node, kind) = (widest(|row| &row.node), widest(|row| &row.kind));
    let line = |row: &Forecast| {
        let word = match row.status {
            Status::Hit => "hit",
            Status::Miss => "miss",
            Status::Unknown => "?",
        };
        let key = row.key.as_ref().map_or("?", |key| &key[..12]);
        let line = format!(
            "{word:<4}  {:<node$}  {:<kind$}  {key:<12}  {}",
            row.node,
            row.kind,
            shown::text(&note(row))
        );
        line.trim_end().to_owned() + "\n"
    };
    let rows: String = forecasts.iter().map(line).collect();
    let hits = forecasts.iter().filter(|row| row.status == Status::Hit).count();
    format!("{rows}{hits} of {} in the store\n", forecasts.len())
}

fn note(row: &Forecast) -> String {
    match (&row.why, row.seconds) {
        (Some(why), _) => why.to_string(),
        (None, Some(seconds)) => format!("took {}", time(seconds)),
        (None, None) => String::new(),
    }
}
