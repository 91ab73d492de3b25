//! `kiln diff`: in what two pipelines, locks or experiments differ, fact by fact.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Project, SetArgs, StoreArgs,
    changed_images::{ChangedImages, Images, images, images_now},
    compare::find,
    git, json, load_or_show, output,
};
use crate::{
    error::{Error, Result},
    run::{FactDifference, Facts, Lockfile, differences, experiments, forecast},
    shown,
    spec::MessageFormat,
    store::{Artifact, Store},
};

/// What `kiln diff` is asked.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A pipeline file, a lock, COMMIT:FILE for the lock that git has of it, or an experiment that `kiln list` shows
    #[arg(value_name = "A")]
    pub before: String,
    /// What to compare it with [default: A as it is now, with its lock in the last commit before it]
    #[arg(value_name = "B")]
    pub after: Option<String>,
    /// Digests of files and keys, too
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// One of the two things that are compared.
#[derive(Default)]
struct Side {
    facts: BTreeMap<String, Facts>,
    /// Images of datasets, where they are known, by node.
    images: BTreeMap<String, Images>,
}

/// In what a node differs.
#[derive(Serialize, JsonSchema)]
struct Changed {
    /// The node's name.
    node: String,
    /// Its facts that differ.
    facts: Vec<FactDifference>,
    /// Its images that came, went or changed.
    images: ChangedImages,
}

/// In what two things differ, as `kiln diff --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Differing {
    /// The nodes that both have, and that differ.
    changed: Vec<Changed>,
    /// The nodes that only the first has.
    only_before: Vec<String>,
    /// The nodes that only the second has.
    only_after: Vec<String>,
}

/// Shows in what two things differ.
///
/// # Errors
/// If one of them can't be read, or there is no such thing.
pub fn diff(args: &DiffArgs, format: MessageFormat) -> Result<()> {
    let (before, after) = match &args.after {
        Some(after) => (args.before.clone(), after.clone()),
        None => (format!("HEAD:{}", args.before), args.before.clone()),
    };
    let (before, after) = (side(&before, args, format)?, side(&after, args, format)?);
    let changed = changed(&before, &after);
    let only = |one: &Side, other: &Side| -> Vec<String> {
        one.facts.keys().filter(|node| !other.facts.contains_key(*node)).cloned().collect()
    };
    let (went, came) = (only(&before, &after), only(&after, &before));
    if args.json {
        json::print(&Differing { changed, only_before: went, only_after: came });
    } else {
        output::prose(&as_text(&changed, &went, &came, args.all));
    }
    Ok(())
}

fn side(name: &str, args: &DiffArgs, format: MessageFormat) -> Result<Side> {
    let path = Path::new(name);
    let is = |extensions: &[&str]| {
        path.extension()
            .is_some_and(|found| extensions.iter().any(|extension| found.eq_ignore_ascii_case(extension)))
    };
    match name.split_once(':') {
        Some((commit, file)) if !path.exists() => of_commit(commit, Path::new(file), args),
        _ if is(&["yaml", "yml"]) => of_pipeline(path, args, format),
        _ if is(&["lock"]) => {
            let lock = Lockfile::read(path)?;
            let none =
                || Error::usage(format!("there is no {}", shown::path(path))).help("`kiln run` writes it");
            with_artifacts(lock.ok_or_else(none)?, &Project::of_file(path, &args.store))
        }
        _ => of_experiment(name, args),
    }
}

/// The lock that git has of a file, or of the lock itself.
fn of_commit(commit: &str, file: &Path, args: &DiffArgs) -> Result<Side> {
    let lock = Lockfile::path_of(file);
    let (folder, name) = (crate::atomic::folder_of(&lock), lock.file_name().unwrap_or_default());
    let object = format!("{commit}:./{}", name.to_string_lossy());
    let output = git::ask(folder, &[], &["show", "--no-textconv", "--end-of-options", &object]);
    let output = output.map_err(|error| Error::new("cannot start git").because(error))?;
    if !output.status.success() {
        let says = String::from_utf8_lossy(&output.stderr);
        let says = says.lines().next().unwrap_or("nothing").trim_start_matches("fatal: ").to_owned();
        return Err(Error::usage(format!("git has no {} in {}", shown::path(&lock), shown::text(commit)))
            .because(says)
            .help("`kiln run` writes the lock; commit it with the pipeline file"));
    }
    let lock = Lockfile::parse(&String::from_utf8_lossy(&output.stdout))
        .map_err(|fault| Error::new(format!("{}:{} {fault}", shown::text(commit), shown::path(&lock))))?;
    with_artifacts(lock, &Project::of_file(file, &args.store))
}

/// What a lock says, with the results that the store still has.
fn with_artifacts(lock: Lockfile, project: &Project) -> Result<Side> {
    let store = Store::peek(&project.store)?;
    let found = |(node, Facts(facts)): (&String, &Facts)| {
        Some((node.clone(), store.find(facts.get("key")?.parse().ok()?)?))
    };
    let images = images_of(lock.nodes.iter().filter_map(found));
    Ok(Side { facts: lock.nodes, images })
}

/// What a pipeline file is made of now, and what it gave where the store has that.
fn of_pipeline(path: &Path, args: &DiffArgs, format: MessageFormat) -> Result<Side> {
    let plan = load_or_show(path, &SetArgs::default(), format)?.plan;
    let store = Store::peek(&Project::of_file(path, &args.store).store)?;
    let mut side = Side::default();
    for (forecast, step) in forecast(&plan, &store)?.into_iter().zip(plan.steps()) {
        let found = forecast.recipe.as_ref().and_then(|recipe| store.find(recipe.key()));
        let facts = match (&found, &forecast.recipe) {
            (Some(artifact), _) => Facts::of(artifact),
            (None, Some(recipe)) => Facts::of_recipe(recipe),
            (None, None) => Facts::default(),
        };
        let now = || images_now(step, &plan.base, &store);
        let images = found.as_ref().map_or_else(now, images);
        side.images.extend(images.map(|images| (forecast.node.clone(), images)));
        side.facts.insert(forecast.node, facts);
    }
    Ok(side)
}

/// What to do where a word names no experiment.
const OTHERS: &str =
    "`kiln list` shows experiments; the file as it is in a commit is written `HEAD:pipeline.yaml`";

fn of_experiment(name: &str, args: &DiffArgs) -> Result<Side> {
    let store = Store::peek(&Project::of_command(&args.store)?.store)?;
    let experiment = find(&experiments(&store), name, OTHERS)?;
    let found =
        experiment.keys.into_iter().filter_map(|(node, key)| Some((node, store.find(key.parse().ok()?)?)));
    let artifacts: BTreeMap<_, _> = found.collect();
    let facts = artifacts.iter().map(|(node, artifact)| (node.clone(), Facts::of(artifact))).collect();
    Ok(Side { facts, images: images_of(artifacts) })
}

/// The images of those results that have any.
fn images_of(artifacts: impl IntoIterator<Item = (String, Artifact)>) -> BTreeMap<String, Images> {
    artifacts.into_iter().filter_map(|(node, artifact)| Some((node, images(&artifact)?))).collect()
}

/// The nodes of both sides that differ, by name.
fn changed(before: &Side, after: &Side) -> Vec<Changed> {
    let both: BTreeSet<_> = before.facts.keys().filter(|node| after.facts.contains_key(*node)).collect();
    let changed = both.into_iter().map(|node| Changed {
        node: node.clone(),
        facts: known(differences(&before.facts[node], &after.facts[node]), &after.facts[node]),
        images: changed_images(before.images.get(node), after.images.get(node)),
    });
    changed.filter(|changed| !changed.facts.is_empty() || !changed.images.is_empty()).collect()
}

/// Of a node that has not run as it is now, nobody knows what it will give.
fn known(mut facts: Vec<FactDifference>, after: &Facts) -> Vec<FactDifference> {
    let has_run = after.0.contains_key("output");
    let is_result = |fact: &str| fact.starts_with("output") || fact.starts_with("metric.");
    facts.retain(|difference| {
        has_run || (!is_result(&difference.fact) && (!after.0.is_empty() || difference.after.is_some()))
    });
    facts
}

fn changed_images(before: Option<&Images>, after: Option<&Images>) -> ChangedImages {
    before.zip(after).map(|(before, after)| ChangedImages::between(before, after)).unwrap_or_default()
}

fn as_text(changed: &[Changed], went: &[String], came: &[String], all: bool) -> String {
    let mut text = String::new();
    let mut nodes = |names: &[String], words: &str| {
        names.iter().for_each(|name| text.push_str(&format!("{name}\n  {words}\n")));
    };
    nodes(went, "the second does not have this node");
    nodes(came, "the first does not have this node");
    for Changed { node, facts, images } in changed {
        let shown = facts.iter().filter(|difference| all || tells(&difference.fact));
        let mut lines: Vec<_> = shown.map(ToString::to_string).collect();
        lines.extend(images.lines());
        if lines.is_empty() {
            lines.push("the same, made into something else by what it needs".to_owned());
        }
        text.push_str(&format!("{node}\n"));
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    if text.is_empty() { "no difference\n".to_owned() } else { text }
}

/// Whether a fact says something to a person; others are digests that follow from those.
fn tells(fact: &str) -> bool {
    !["key", "output", "input."].iter().any(|name| fact.starts_with(name))
}
