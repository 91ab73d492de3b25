//! `kiln list`: what was tried, with parameters and metrics.

use std::{cmp::Ordering, collections::BTreeSet};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Project, StoreArgs,
    filter::{self, Filter},
    grouped, output,
    overview::{Overview, OverviewFormat},
};
use crate::{
    error::{Error, Result},
    report::words::time,
    run::{Experiment, experiments},
    shown,
    store::{NodeEnding, RunRecord, Store},
    suggest, width,
};

/// What `kiln list` is asked.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only experiments of these pipelines
    #[arg(value_name = "PIPELINE")]
    pub pipelines: Vec<String>,
    /// Only experiments of which this holds, e.g. 'fit.epochs>10'; may be given several times
    #[arg(long = "where", value_name = "CONDITION")]
    filters: Vec<Filter>,
    /// Show these parameters and metrics [default: parameters that differ, accuracies and losses; all in CSV and JSON]
    #[arg(long, value_name = "NODE.NAME", value_delimiter = ',')]
    columns: Vec<String>,
    /// Runs instead of experiments: what ran, when, how long, and how it ended
    #[arg(long, conflicts_with_all = ["filters", "columns"])]
    runs: bool,
    /// One row for all repeats of a point: how many, and of each metric the mean, the standard deviation, and how far from the
    /// mean its 95 % confidence interval (Student's t) reaches
    #[arg(long, conflicts_with = "runs")]
    group: bool,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// How a table is ordered and written.
#[derive(Debug, Args)]
pub(super) struct ViewArgs {
    /// In order of this parameter or metric [default: the last one first]
    #[arg(long, value_name = "NODE.NAME")]
    pub(super) sort: Option<String>,
    /// The other way round
    #[arg(long)]
    pub(super) reverse: bool,
    /// How the table is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) format: OverviewFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
}

impl ViewArgs {
    /// The format asked for.
    pub(super) fn format(&self) -> OverviewFormat {
        if self.json { OverviewFormat::Json } else { self.format }
    }

    /// Puts experiments, the last one first, in the order asked for. Those without the field come last.
    ///
    /// # Errors
    /// If none of them has the field.
    pub(super) fn order(&self, experiments: &mut [Experiment]) -> Result<()> {
        if let Some(field) = &self.sort {
            must_be_known(field, experiments)?;
            experiments.sort_by(|a, b| by(field, self.reverse, a, b));
        } else if self.reverse {
            experiments.reverse();
        }
        Ok(())
    }
}

fn by(field: &str, reverse: bool, one: &Experiment, other: &Experiment) -> Ordering {
    match (one.value(field), other.value(field)) {
        (Some(one), Some(other)) => {
            let order = filter::order(&one, &other).unwrap_or(Ordering::Equal);
            if reverse { order.reverse() } else { order }
        }
        (one, other) => one.is_none().cmp(&other.is_none()),
    }
}

/// An experiment, as `kiln list --json` prints it in a list; with `--group`, all repeats of a point.
#[derive(Serialize, JsonSchema)]
pub(super) struct ExperimentRow {
    /// The id that `kiln compare` and `kiln diff` know it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The pipeline that it is of.
    pipeline: String,
    /// When it ran, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// Its parameters and metrics as `NODE.NAME`, those that it has.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// A run, as `kiln list --runs --json` prints it in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunRow {
    /// When it began, in UTC.
    started: String,
    /// The pipeline that ran.
    pipeline: String,
    /// How long it took, for people.
    took: String,
    /// Its exit code; none if it was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
    /// How many nodes ran.
    ran: usize,
    /// How many nodes had their results in the store.
    cached: usize,
    /// How many nodes failed.
    failed: usize,
    /// How many nodes did not get to run, or to their end.
    skipped: usize,
    /// The device.
    device: String,
    /// The command line, without the program.
    command: String,
}

/// Lists experiments, or runs.
///
/// # Errors
/// When the store can't be read, or a field is asked for that no experiment has.
pub fn list(args: &ListArgs) -> Result<()> {
    let store = Store::peek(&Project::of_command(&args.store)?.store)?;
    let wanted = |pipeline: &String| args.pipelines.is_empty() || args.pipelines.contains(pipeline);
    let table = if args.runs {
        let runs = store.runs().into_iter().filter(|run| wanted(&run.pipeline));
        runs_table(&runs.collect::<Vec<_>>())
    } else {
        let mut all = experiments(&store);
        let fields = args.filters.iter().map(|filter| &filter.field).chain(&args.columns);
        fields.into_iter().try_for_each(|field| must_be_known(field, &all))?;
        all.retain(|one| wanted(&one.pipeline) && args.filters.iter().all(|filter| filter.accepts(one)));
        args.view.order(&mut all)?;
        let columns = match args.view.format() {
            _ if !args.columns.is_empty() => args.columns.clone(),
            OverviewFormat::Text | OverviewFormat::Markdown => telling(&all),
            OverviewFormat::Csv | OverviewFormat::Json => every(&all),
        };
        if args.group { grouped::table(&all, &columns) } else { experiments_table(&all, &columns) }
    };
    if table.rows.is_empty() && args.view.format() == OverviewFormat::Text {
        output::remark("nothing yet: `kiln run` leaves what is listed here");
        return Ok(());
    }
    print!("{}", table.written(args.view.format(), width::of_stdout()));
    Ok(())
}

/// An error that names the nearest field, if no experiment has this one.
pub(super) fn must_be_known(field: &str, experiments: &[Experiment]) -> Result<()> {
    let fields: BTreeSet<_> = experiments.iter().flat_map(Experiment::fields).collect();
    if fields.contains(field) || experiments.is_empty() {
        return Ok(());
    }
    let help = match suggest::closest(field, fields.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "parameters and metrics are called NODE.NAME; `kiln list --json` shows all".to_owned(),
    };
    Err(Error::usage(format!("no experiment has a `{}`", shown::text(field))).help(help))
}

/// All parameters and metrics of all experiments, for programs.
fn every(experiments: &[Experiment]) -> Vec<String> {
    let fields: BTreeSet<_> = experiments.iter().flat_map(Experiment::fields).collect();
    fields.into_iter().map(str::to_owned).collect()
}

/// Metrics that are shown unless others are asked for.
const SHOWN_METRICS: [&str; 3] = ["top1", "top5", "loss"];

/// The parameters that differ between experiments of the same pipeline, and the commonest metrics.
fn telling(experiments: &[Experiment]) -> Vec<String> {
    let differing = differing(experiments);
    let metrics: BTreeSet<_> = experiments.iter().flat_map(|one| one.metrics.keys()).collect();
    let common =
        |name: &&&String| name.rsplit_once('.').is_some_and(|(_, name)| SHOWN_METRICS.contains(&name));
    differing.into_iter().chain(metrics.iter().filter(common).map(|name| (*name).clone())).collect()
}

/// The parameters that are not the same in all experiments of a pipeline, in order.
pub(super) fn differing(experiments: &[Experiment]) -> Vec<String> {
    let names: BTreeSet<_> = experiments.iter().flat_map(|one| one.params.keys()).collect();
    let differs = |name: &&String| {
        experiments.iter().any(|one| {
            let twin = experiments.iter().find(|other| other.pipeline == one.pipeline);
            twin.is_some_and(|twin| twin.params.get(*name) != one.params.get(*name))
        })
    };
    names.into_iter().filter(differs).cloned().collect()
}

fn experiments_table(experiments: &[Experiment], columns: &[String]) -> Overview {
    let row = |one: &Experiment| {
        let head = [&one.id, &one.pipeline, &one.started].map(|text| Value::from(text.as_str()));
        let cells = columns.iter().map(|field| one.value(field).unwrap_or(Value::Null));
        head.into_iter().chain(cells).collect()
    };
    let head = ["id", "pipeline", "run"].map(str::to_owned);
    Overview {
        columns: head.into_iter().chain(columns.iter().cloned()).collect(),
        rows: experiments.iter().map(row).collect(),
    }
}

fn runs_table(runs: &[RunRecord]) -> Overview {
    let columns =
        ["started", "pipeline", "took", "exit", "ran", "cached", "failed", "skipped", "device", "command"];
    let row = |run: &RunRecord| {
        let count = |ending: &[NodeEnding]| {
            Value::from(run.nodes.values().filter(|node| ending.contains(&node.ending)).count())
        };
        vec![
            Value::from(run.started.as_str()),
            Value::from(run.pipeline.as_str()),
            Value::from(time(run.seconds)),
            Value::from(run.exit),
            count(&[NodeEnding::Ran]),
            count(&[NodeEnding::Cached]),
            count(&[NodeEnding::Failed]),
            count(&[NodeEnding::Skipped, NodeEnding::Interrupted]),
            Value::from(run.device.as_str()),
            Value::from(run.command.iter().skip(1).cloned().collect::<Vec<_>>().join(" ")),
        ]
    };
    Overview { columns: columns.map(str::to_owned).to_vec(), rows: runs.iter().map(row).collect() }
}
