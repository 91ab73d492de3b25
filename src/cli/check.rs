//! `kiln check`: what is wrong with pipeline files, without running anything.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Project, SetArgs, StoreArgs, json, output};
use crate::{
    error::{Error, Result},
    node::Kind,
    plan::{Loaded, Rejected, load_with},
    shown,
    spec::{
        MessageFormat, Source,
        render::{self, Style},
    },
    store::Store,
};

/// What `kiln check` is asked.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The pipeline files to check
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub set: SetArgs,
    /// How problems are reported
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
}

/// Checks every file: a line for each good one, every problem of each bad one.
///
/// # Errors
/// [`Error::invalid`] if a file has a problem; of kind store if something lies in the way of its results.
pub fn check(args: &CheckArgs, kinds: &[Kind]) -> Result<()> {
    let (mut bad, mut in_the_way) = (Vec::new(), None);
    for path in &args.files {
        let loaded = load_with(path, &args.set.overrides, kinds);
        let place = loaded.as_ref().map_or(Ok(()), |loaded| can_be_shown(path, loaded));
        match (loaded, args.message_format) {
            (Ok(_), _) if place.is_err() => in_the_way = in_the_way.or(place.err()),
            (Ok(loaded), MessageFormat::Human) => {
                let nodes = shown::count(loaded.plan.steps().len(), "node");
                let points =
                    loaded.plan.sweep.as_ref().map(|sweep| shown::count(sweep.points.len(), "point"));
                let points = points.map(|points| format!(" of {points}")).unwrap_or_default();
                output::remark(&format!("{}: ok, {nodes}{points}", shown::path(path)));
            }
            (Ok(loaded), MessageFormat::Json) => show_sound(&loaded.source, MessageFormat::Json),
            (Err(rejected), format) => {
                show(&rejected, format);
                bad.push(rejected);
            }
        }
    }
    summed_up(&bad, args.files.len()).or(in_the_way).map_or(Ok(()), Err)
}

/// The error with which a command ends that looked at so many files; none if all were good.
pub(super) fn summed_up(bad: &[Box<Rejected>], files: usize) -> Option<Error> {
    match bad {
        [] => None,
        [only] if files == 1 => Some(only.error()),
        several => {
            let files = shown::count(files, "file");
            Some(Error::invalid(format!("{} of {files} have problems", several.len())))
        }
    }
}

/// Whether nothing lies in the way of the file's results.
fn can_be_shown(path: &Path, loaded: &Loaded) -> Result<()> {
    let project = Project::of_file(path, &StoreArgs::default());
    let results = project.results_of_file(path, &loaded.plan.name, None);
    let all: Vec<usize> = (0..loaded.plan.steps().len()).collect();
    results.check(&loaded.plan, &Store::peek(&project.store)?, &all, &[])
}

/// Shows the problems of a file: for people on stderr, as data on stdout.
pub fn show(rejected: &Rejected, format: MessageFormat) {
    match format {
        MessageFormat::Human => eprint!("{}", rejected.human(Style::of_stderr())),
        MessageFormat::Json => json::print(&rejected.report()),
    }
}

/// Says as data that nothing is wrong with a file; people are told in words by who checked it.
pub fn show_sound(source: &Source, format: MessageFormat) {
    if format == MessageFormat::Json {
        json::print(&render::report(source, &[]));
    }
}

/// A file and its problems, as `kiln check --json` prints them.
pub(super) type Checked = render::FileReport;
