//! `kiln compare`: experiments beside each other, field by field.

use std::collections::BTreeSet;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Project, StoreArgs,
    list::{ViewArgs, differing},
    overview::Overview,
    paired,
};
use crate::{
    error::{Error, Result},
    run::{Experiment, experiments},
    shown,
    store::Store,
    width,
};

/// What `kiln compare` is asked.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The experiments: the first digits of the id that `kiln list` shows, or a pipeline's name for its last one
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,
    /// Parameters that are the same, too
    #[arg(long)]
    all: bool,
    /// Instead of experiments, two settings of a sweep (rate=0.1 rate=0.01): for each metric the mean difference of the points that
    /// differ in nothing else, its 95 % confidence interval, and how probable it is by chance (Student's t)
    #[arg(long, conflicts_with_all = ["all", "sort", "reverse"])]
    paired: bool,
    /// With --paired, only this pipeline's
    #[arg(long, value_name = "PIPELINE", requires = "paired")]
    pipeline: Option<String>,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// A parameter or a metric of experiments, as `kiln compare --json` prints it in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct Row {
    /// Its name, as `NODE.NAME`; or `pipeline`, `run`, `device`.
    field: String,
    /// Its values by the experiments' ids, of those that have it.
    #[serde(flatten)]
    values: Map<String, Value>,
}

/// Shows in which parameters experiments differ, and all their metrics.
///
/// # Errors
/// Of kind usage, if no experiment, or more than one, is called so.
pub fn compare(args: &CompareArgs) -> Result<()> {
    let store = Store::peek(&Project::of_command(&args.store)?.store)?;
    let all = experiments(&store);
    if args.paired {
        return paired(args, all);
    }
    let mut chosen = args.runs.iter().map(|name| find(&all, name, LISTED)).collect::<Result<Vec<_>>>()?;
    args.view.order(&mut chosen)?;
    print!("{}", table(&chosen, args.all).written(args.view.format(), width::of_stdout()));
    Ok(())
}

fn paired(args: &CompareArgs, mut all: Vec<Experiment>) -> Result<()> {
    let [first, second] = &args.runs[..] else {
        return Err(Error::usage("`--paired` compares two settings")
            .help("e.g. `kiln compare --paired rate=0.1 rate=0.01`"));
    };
    all.retain(|one| args.pipeline.as_ref().is_none_or(|pipeline| one.pipeline == *pipeline));
    print!("{}", paired::table(&all, first, second)?.written(args.view.format(), width::of_stdout()));
    Ok(())
}

/// What to do where there is no such experiment.
const LISTED: &str = "`kiln list` shows which there are";

/// The experiment whose id begins with `name`, or the last one of the pipeline that is called so; `others` says what else there is.
pub(super) fn find(all: &[Experiment], name: &str, others: &str) -> Result<Experiment> {
    let of_id: Vec<_> = all.iter().filter(|one| one.id.starts_with(name)).collect();
    let found = all.iter().find(|one| one.pipeline == name).or_else(|| of_id.first().copied());
    match (found, of_id.len()) {
        (Some(found), 0 | 1) => Ok(found.clone()),
        (Some(found), _) if found.pipeline == name => Ok(found.clone()),
        (Some(_), count) => Err(Error::usage(format!(
            "{count} experiments have an id that begins with `{}`",
            shown::text(name)
        ))
        .help("write more of its digits")),
        (None, _) => {
            Err(Error::usage(format!("there is no experiment `{}`", shown::text(name))).help(others))
        }
    }
}

/// A row for each field, a column for each experiment.
fn table(chosen: &[Experiment], all: bool) -> Overview {
    let params: Vec<String> = match all {
        true => chosen
            .iter()
            .flat_map(|one| one.params.keys().cloned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        false => differing(chosen),
    };
    let metrics: BTreeSet<_> = chosen.iter().flat_map(|one| one.metrics.keys().cloned()).collect();
    let row = |name: &str, value: &dyn Fn(&Experiment) -> Value| {
        std::iter::once(Value::from(name)).chain(chosen.iter().map(value)).collect()
    };
    let mut rows: Vec<Vec<Value>> = vec![
        row("pipeline", &|one| one.pipeline.as_str().into()),
        row("run", &|one| one.started.as_str().into()),
        row("device", &|one| one.device.as_str().into()),
    ];
    let field = |name: &String| row(name, &|one| one.value(name).unwrap_or(Value::Null));
    // A parameter and a metric may be called the same: the parameter is shown.
    let metrics = metrics.iter().filter(|name| !params.contains(name));
    rows.extend(params.iter().chain(metrics).map(field));
    let columns =
        std::iter::once("field".to_owned()).chain(chosen.iter().map(|one| one.id.clone())).collect();
    Overview { columns, rows }
}
