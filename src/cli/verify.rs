//! `kiln verify`: do everything again from scratch, and compare.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Project, SetArgs, StoreArgs, companion, json, load_or_show, output,
    run::{HowArgs, limit_threads, run_loaded},
};
use crate::{
    device,
    error::{Error, ErrorKind, Result},
    event::Event,
    plan::Plan,
    report::{self, Reporter},
    run::{FactDifference, Facts, Lockfile, Options, Tolerance, differences, forecast},
    shown,
    spec::MessageFormat,
    store::{Artifact, Store},
    weights,
};

/// What `kiln verify` is asked.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The pipeline file whose results are made again
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Compare with the lock beside the file instead of the results in the store
    #[arg(long)]
    pub locked: bool,
    /// Let bytes differ, and metrics by this much; for another device, e.g. 0.01
    #[arg(long, value_name = "NUMBER", value_parser = tolerance)]
    pub tolerance: Option<f64>,
    /// Verify this node and what it needs, and nothing else; of a sweep also at some points (fit@lr=0.1), or all of theirs
    /// (lr=0.1); may be given several times
    #[arg(long, value_name = "NODE")]
    pub only: Vec<String>,
    /// Print what was found as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub set: SetArgs,
    #[command(flatten)]
    pub how: HowArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

fn tolerance(text: &str) -> std::result::Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "it must be a number such as 0.01".to_owned())?;
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err("it must be 0 or more".to_owned()) }
}

/// What a node gave before: the facts, and the files where the store has them.
struct Expected {
    facts: Facts,
    artifact: Option<Artifact>,
}

/// What was found out about one node.
struct Verdict {
    node: String,
    /// In what it differs; empty if it is the same.
    differences: Vec<FactDifference>,
    /// By how much the numbers of files differ, by their names.
    numbers: BTreeMap<String, f32>,
}

/// Runs a pipeline in a store of its own, and compares what every node gives with what it gave before.
///
/// # Errors
/// Of kind drift, when a node gives something else; of kind usage, when there is nothing to compare with; otherwise as
/// `kiln run`.
pub fn verify(args: &VerifyArgs, format: MessageFormat) -> Result<()> {
    let loaded = load_or_show(&args.file, &args.set, format)?;
    let options = Options { only: args.only.clone(), ..args.how.options()? };
    limit_threads(options.threads)?;
    // All of it is computed, so the other program may as well begin.
    let device = options.devices.first();
    if device::needs_other_program(device) {
        return Err(companion::go_on(device));
    }
    let project = Project::of_file(&args.file, &args.store);
    let expected = expected(args, &loaded.plan, &project)?;
    let fresh = fresh_project(&project)?;
    let apart = Project { store: fresh.path().join("store"), runs: fresh.path().join("runs"), ..project };
    let results = apart.results_of_file(&args.file, &loaded.plan.name, None);
    let shown = (!args.json).then(|| report::for_stdout(output::progress(args.how.progress)));
    run_loaded(&loaded, &apart, &results, &options, &WithoutEnd(shown))?;
    let made = results_in(&loaded.plan, &apart)?;
    let verdicts = verdicts(
        &loaded.plan,
        &expected,
        &made,
        args.tolerance.map_or(Tolerance::Bytes, Tolerance::Metrics),
    )?;
    if args.json {
        json::print(&as_data(&verdicts));
    } else {
        output::prose(&as_text(&verdicts));
    }
    let different = verdicts.iter().filter(|verdict| !verdict.differences.is_empty()).count();
    match different {
        0 => Ok(()),
        count => Err(Error::new(format!("{} gave something else than before", shown::count(count, "node")))
            .of_kind(ErrorKind::Drift)
            .help("the first one in the list is where to look; what needs it differs because of it")),
    }
}

/// Shows, if anything, all but the end, which tells of a folder that is removed.
struct WithoutEnd(Option<Box<dyn Reporter>>);

impl Reporter for WithoutEnd {
    fn report(&self, event: &Event) {
        if let Some(reporter) = self.0.as_ref().filter(|_| !matches!(event, Event::RunFinished { .. })) {
            reporter.report(event);
        }
    }
}

/// A folder for a store and results, beside the project's store, which is removed at the end.
fn fresh_project(project: &Project) -> Result<tempfile::TempDir> {
    let beside = project.store.parent().unwrap_or(&project.root);
    fs::create_dir_all(beside).map_err(|error| Error::io("make", beside, error))?;
    let folder = tempfile::Builder::new().prefix("verify-").tempdir_in(beside);
    folder.map_err(|error| Error::io("make a folder in", beside, error).of_kind(ErrorKind::Store))
}

/// What the lock, or the store, says of each node.
fn expected(args: &VerifyArgs, plan: &Plan, project: &Project) -> Result<BTreeMap<String, Expected>> {
    let stored = results_in(plan, project)?;
    if !args.locked {
        let of =
            |(node, artifact)| (node, Expected { facts: Facts::of(&artifact), artifact: Some(artifact) });
        let expected: BTreeMap<_, _> = stored.into_iter().map(of).collect();
        return if expected.is_empty() {
            Err(nothing("the store has no result of this pipeline"))
        } else {
            Ok(expected)
        };
    }
    let path = Lockfile::path_of(&args.file);
    let lock =
        Lockfile::read(&path)?.ok_or_else(|| nothing(&format!("there is no {}", shown::path(&path))))?;
    let artifact = |node: &str, facts: &Facts| {
        stored.get(node).filter(|artifact| Facts::of(artifact) == *facts).cloned()
    };
    let of = |(node, facts): (String, Facts)| {
        (node.clone(), Expected { artifact: artifact(&node, &facts), facts })
    };
    Ok(lock.nodes.into_iter().map(of).collect())
}

fn nothing(why: &str) -> Error {
    Error::usage(format!("there is nothing to compare with: {why}")).help("`kiln run` makes it")
}

/// The results that a project's store has of a plan's nodes.
fn results_in(plan: &Plan, project: &Project) -> Result<BTreeMap<String, Artifact>> {
    let store = Store::peek(&project.store)?;
    let found = |forecast: &crate::run::Forecast| {
        let key = forecast.key.as_ref()?.parse().ok()?;
        Some((forecast.node.clone(), store.find(key)?))
    };
    Ok(forecast(plan, &store)?.iter().filter_map(found).collect())
}

/// A verdict on each node that was made and of which something was expected, in the plan's order.
fn verdicts(
    plan: &Plan,
    expected: &BTreeMap<String, Expected>,
    made: &BTreeMap<String, Artifact>,
    tolerance: Tolerance,
) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for step in plan.steps() {
        let (Some(before), Some(after)) = (expected.get(&step.id), made.get(&step.id)) else { continue };
        let mut differences = differences(&before.facts, &Facts::of(after));
        differences.retain(|difference| tolerance.minds(difference));
        let numbers = match &before.artifact {
            Some(before) => numbers(before, after, &differences)?,
            None => BTreeMap::new(),
        };
        verdicts.push(Verdict { node: step.id.clone(), differences, numbers });
    }
    Ok(verdicts)
}

/// By how much the weights differ in each file that does.
fn numbers(
    before: &Artifact,
    after: &Artifact,
    differences: &[FactDifference],
) -> Result<BTreeMap<String, f32>> {
    let names = differences.iter().filter_map(|difference| difference.fact.strip_prefix("output."));
    let mut numbers = BTreeMap::new();
    for name in names.filter(|name| name.ends_with(".safetensors") && before.has(name) && after.has(name)) {
        let (old, new) =
            (weights::read(&before.path(name)?)?.weights, weights::read(&after.path(name)?)?.weights);
        let arrays = old.iter().filter_map(|(name, old)| Some((old, new.get(name)?)));
        let largest =
            arrays.flat_map(|(old, new)| old.data.iter().zip(&new.data).map(|(old, new)| (old - new).abs()));
        numbers.insert(name.to_owned(), largest.fold(0.0, f32::max));
    }
    Ok(numbers)
}

/// What was found out, as `kiln verify --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Verified {
    /// The nodes that were made again, in order.
    nodes: Vec<VerifiedNode>,
}

/// What was found out about a node.
#[derive(Serialize, JsonSchema)]
struct VerifiedNode {
    /// The node's name.
    node: String,
    /// Whether it gave the same as before, within the tolerance.
    same: bool,
    /// In what it differs.
    differences: Vec<FactDifference>,
    /// By how much the numbers of files differ at most, by their names.
    largest_differences: BTreeMap<String, f32>,
}

fn as_data(verdicts: &[Verdict]) -> Verified {
    let one = |Verdict { node, differences, numbers }: &Verdict| VerifiedNode {
        node: node.clone(),
        same: differences.is_empty(),
        differences: differences.clone(),
        largest_differences: numbers.clone(),
    };
    Verified { nodes: verdicts.iter().map(one).collect() }
}

fn as_text(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for Verdict { node, differences, numbers } in verdicts {
        let word = if differences.is_empty() { "same" } else { "differs" };
        text.push_str(&format!("{word:<8} {node}\n"));
        for difference in differences {
            let by = difference.fact.strip_prefix("output.").and_then(|name| numbers.get(name));
            let by = by.map(|by| format!(", numbers by at most {by:.3e}")).unwrap_or_default();
            text.push_str(&format!("         {difference}{by}\n"));
        }
    }
    text
}
