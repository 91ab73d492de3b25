//! `kiln cache`: look after the store.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Project, StoreArgs, json, output};
use crate::{
    error::{Error, Result},
    report::words::{ago, size},
    shown,
    store::{self, DEFAULT_LIMIT, Entry, Limits, Pruned, Store, Verified},
};

/// What `kiln cache` is asked.
#[derive(Debug, Args)]
pub struct CacheArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the results in the store, the one used last first
    List(ListArgs),
    /// Read everything again; what is damaged goes to quarantine, and its nodes run again
    Verify(VerifyArgs),
    /// Make room: remove what was not used for long, and what no result needs
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Print one JSON object for each result
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Args)]
struct PruneArgs {
    /// Keep at most this much, e.g. 500MB, 20GiB, 0
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value_t = Bytes(DEFAULT_LIMIT))]
    size: Bytes,
    /// Remove what was not used for this long, e.g. 12h, 30d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    age: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bytes(u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(1 << 30) {
            write!(f, "{}GiB", self.0 >> 30)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// Lists, verifies or prunes the store.
///
/// # Errors
/// Of kind store, when it is damaged or can't be used.
pub fn cache(args: &CacheArgs) -> Result<()> {
    match &args.command {
        Command::List(args) => list(&root(&args.store)?, args.json),
        Command::Verify(args) => verify(&root(&args.store)?, args.json),
        Command::Prune(args) => prune(args),
    }
}

/// The store asked for, or that of the project around the current folder.
fn root(store: &StoreArgs) -> Result<PathBuf> {
    Ok(Project::of_command(store)?.store)
}

fn list(root: &Path, as_json: bool) -> Result<()> {
    let store = Store::peek(root)?;
    let mut entries = store.entries();
    entries.sort_by(|a, b| b.used.cmp(&a.used).then(a.manifest.key.cmp(&b.manifest.key)));
    if as_json {
        entries.iter().for_each(|entry| json::print(&Listed::of(entry, store.size(&entry.manifest))));
        return Ok(());
    }
    let now = SystemTime::now();
    entries.iter().for_each(|entry| output::prose(&row(entry, store.size(&entry.manifest), now)));
    let total: u64 = entries.iter().map(|entry| store.size(&entry.manifest)).sum();
    output::remark(&format!(
        "{}, {} in {}",
        shown::count(entries.len(), "result"),
        size(total),
        shown::path(root)
    ));
    Ok(())
}

fn row(entry: &Entry, bytes: u64, now: SystemTime) -> String {
    let manifest = &entry.manifest;
    let (kind, provenance) = (&manifest.recipe.kind, &manifest.provenance);
    let used = ago(now.duration_since(entry.used).unwrap_or_default());
    let name = format!("{}/{}", shown::text(&provenance.pipeline), shown::text(&provenance.node));
    let (size, kind) = (size(bytes), shown::text(kind));
    format!("{}  {kind:<10}  {size:>10}  {used:>11}  {name}\n", manifest.key.short())
}

/// A result in the store, as `kiln cache list --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Listed {
    /// Its name in the store.
    key: String,
    /// The kind of the node that made it, e.g. `train`.
    kind: String,
    /// The pipeline that made it.
    pipeline: String,
    /// The node that made it.
    node: String,
    /// How large its files are, in bytes.
    size: u64,
    /// When it was made, in UTC.
    created: String,
    /// How long that took, in seconds.
    seconds: f64,
}

impl Listed {
    fn of(entry: &Entry, size: u64) -> Self {
        let manifest = &entry.manifest;
        Self {
            key: manifest.key.to_string(),
            kind: manifest.recipe.kind.clone(),
            pipeline: manifest.provenance.pipeline.clone(),
            node: manifest.provenance.node.clone(),
            size,
            created: manifest.created.clone(),
            seconds: manifest.provenance.seconds,
        }
    }
}

/// What became of reading everything again, as `kiln cache verify --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Checked {
    /// How many results were looked at.
    results: usize,
    /// How many bytes were read.
    bytes: u64,
    /// What was wrong, and is in quarantine now.
    damage: Vec<String>,
    /// What lies among the records and is none.
    strange: Vec<String>,
}

/// What was removed, as `kiln cache prune --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Removed {
    /// Whether it was only said, and nothing removed.
    dry_run: bool,
    /// The results, the one used longest ago first.
    results: Vec<Listed>,
    /// How many files that no result names.
    files: usize,
    /// How much room that makes, in bytes.
    freed: u64,
    /// What the results that stay have, in bytes.
    kept: u64,
}

impl Removed {
    fn of(pruned: &Pruned, dry_run: bool) -> Self {
        let Pruned { results, blobs, freed, kept } = pruned;
        let results = results.iter().map(|entry| Listed::of(entry, entry.manifest.size())).collect();
        Self { dry_run, results, files: *blobs, freed: *freed, kept: *kept }
    }
}

fn verify(root: &Path, as_json: bool) -> Result<()> {
    if !root.is_dir() {
        return Err(nothing_at(root));
    }
    let Verified { results, bytes, damage, strange } = Store::open(root)?.verify()?;
    let is_whole = damage.is_empty();
    if as_json {
        json::print(&Checked { results, bytes, damage, strange });
    } else {
        damage.iter().chain(&strange).for_each(|line| println!("{}", shown::text(line)));
        output::remark(&format!("{}, {} read", shown::count(results, "result"), size(bytes)));
    }
    if is_whole {
        return Ok(());
    }
    Err(Error::store("the store had damaged files").help("the next run makes what it needs again"))
}

fn nothing_at(root: &Path) -> Error {
    Error::store(format!("there is no store at {}", shown::path(root)))
        .help("a run creates one; `--store DIR` names another place")
}

fn prune(args: &PruneArgs) -> Result<()> {
    let root = root(&args.store)?;
    let limits = Limits { size: Some(args.size.0), age: args.age, spare: Duration::ZERO };
    let pruned = store::prune(&root, limits, args.dry_run)?.ok_or_else(|| in_use(&root))?;
    if args.json {
        json::print(&Removed::of(&pruned, args.dry_run));
        return Ok(());
    }
    let now = SystemTime::now();
    pruned.results.iter().for_each(|entry| output::prose(&row(entry, entry.manifest.size(), now)));
    let Pruned { results, blobs, freed, kept } = pruned;
    let verb = if args.dry_run { "would remove" } else { "removed" };
    let (results, blobs) = (shown::count(results.len(), "result"), shown::count(blobs, "file"));
    output::remark(&format!("{verb} {results} and {blobs}, {}; {} stay", size(freed), size(kept)));
    Ok(())
}

fn in_use(root: &Path) -> Error {
    Error::store(format!("a run uses the store at {}", shown::path(root))).help("prune when it has ended")
}

/// `500MB`, `20GiB`, `1.5g`, `4096`.
fn parse_size(text: &str) -> Result<Bytes, String> {
    let wrong = || format!("`{text}` is not a size such as 500MB or 20GiB");
    let (number, unit) = split_unit(text).ok_or_else(wrong)?;
    let unit = match unit.to_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024_f64.powi(2),
        "g" | "gib" => 1024_f64.powi(3),
        "t" | "tib" => 1024_f64.powi(4),
        _ => return Err(wrong()),
    };
    Ok(Bytes((number * unit) as u64))
}

/// `90s`, `30min`, `12h`, `30d`, `2w`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not an age such as 12h or 30d");
    let (number, unit) = split_unit(text).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

/// A number that is not negative, and what follows it.
fn split_unit(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    Some((number, text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_read() {
        let sizes = ["0", "500MB", "20GiB", "1.5 k"].map(|text| parse_size(text).unwrap().0);
        assert_eq!(sizes, [0, 500_000_000, 20 << 30, 1536]);
        assert_eq!(parse_size(&Bytes(DEFAULT_LIMIT).to_string()), Ok(Bytes(DEFAULT_LIMIT)));
        let ages = ["90s", "12h", "30d"].map(|text| parse_age(text).unwrap().as_secs());
        assert_eq!(ages, [90, 43_200, 2_592_000]);
        for wrong in ["", "-1", "GiB", "5 parsecs", "1.2.3k"] {
            assert!(parse_size(wrong).is_err() && parse_age(wrong).is_err(), "{wrong}");
        }
    }
}
