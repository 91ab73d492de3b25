//! `kiln fix`: mends what is wrong with pipeline files where nobody has to choose, in the files themselves.

use std::path::{Path, PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::{check, json, output};
use crate::{
    atomic,
    error::{Error, Result},
    nodes::KINDS,
    plan::{Fixed, Rejected, fix_file},
    shown::{self, count},
    spec::{MessageFormat, Source, render},
};

/// What `kiln fix` is asked.
#[derive(Debug, Args)]
pub struct FixArgs {
    /// The pipeline files to mend; a file that they extend only if it is named
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Say what would be changed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object for each file
    #[arg(long)]
    pub json: bool,
}

/// A file and what was mended in it, as `kiln fix --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Mended {
    #[serde(flatten)]
    left: check::Checked,
    /// Whether changes were only said, and not made.
    dry_run: bool,
    /// What was changed, in order.
    changes: Vec<String>,
}

/// Mends every file: tells each line that changes, and every problem that is left.
///
/// # Errors
/// Of kind invalid if problems are left; with `--dry-run`, if there are any. If a file can't be written.
pub fn fix(args: &FixArgs, format: MessageFormat) -> Result<()> {
    let format = if args.json { MessageFormat::Json } else { format };
    let (mut bad, mut all) = (Vec::new(), 0);
    for path in &args.files {
        let (left, mended) = fix_one(path, args.dry_run, format)?;
        all += mended;
        bad.extend(left);
    }
    match check::summed_up(&bad, args.files.len()) {
        None if args.dry_run && all > 0 => {
            let message = format!("{} can be fixed", count(all, "problem"));
            Err(Error::invalid(message).help("without `--dry-run`, they are"))
        }
        error => error.map_or(Ok(()), Err),
    }
}

/// Mends a file. What is left of its problems, and how many there were.
fn fix_one(path: &Path, dry_run: bool, format: MessageFormat) -> Result<(Option<Box<Rejected>>, usize)> {
    let (source, fixed) = match fix_file(path, KINDS) {
        Ok(fixed) => fixed,
        Err(unread) => {
            check::show(&unread, format);
            return Ok((Some(unread), 0));
        }
    };
    if !fixed.titles.is_empty() && !dry_run {
        atomic::replace(path, &source.to_bytes(), &fixed.source().to_bytes())
            .map_err(|error| Error::io("change", path, error))?;
    }
    match (format, &fixed.outcome) {
        (MessageFormat::Json, outcome) => {
            let left = match outcome {
                Ok(loaded) => render::report(&loaded.source, &[]),
                Err(rejected) => rejected.report(),
            };
            json::print(&Mended { left, dry_run, changes: fixed.titles.clone() });
        }
        (MessageFormat::Human, outcome) => {
            output::remark(told(path, &source, &fixed, dry_run).trim_end());
            outcome.as_ref().err().into_iter().for_each(|rejected| check::show(rejected, format));
        }
    }
    let Fixed { outcome, titles } = fixed;
    Ok((outcome.err(), titles.len()))
}

/// What was changed in a file: the lines before, and after.
fn told(path: &Path, before: &Source, fixed: &Fixed, dry_run: bool) -> String {
    let name = shown::path(path);
    let mended = count(fixed.titles.len(), "problem");
    match (fixed.titles.len(), &fixed.outcome) {
        (0, Ok(_)) => format!("{name}: ok, nothing to fix\n"),
        (0, Err(_)) => format!("{name}: nothing that can be fixed without a choice\n"),
        _ if dry_run => {
            format!("{name}: {mended} would be fixed\n{}", lines(before.text(), fixed.source().text()))
        }
        _ => format!("{name}: {mended} fixed\n{}", lines(before.text(), fixed.source().text())),
    }
}

/// The lines that differ, those before with their numbers.
fn lines(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    let line = |change: similar::Change<&str>| {
        let number = change.old_index().map_or_else(String::new, |index| (index + 1).to_string());
        format!(
            "{number:>6} {} {}\n",
            change.tag(),
            shown::text(change.value().trim_end_matches(['\r', '\n']))
        )
    };
    changes.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_change_are_told() {
        let (before, after) = ("a: 1\nbb: 2\nc: 3\n", "a: 1\nb: 2\nnew: 0\nc: 3\n");
        assert_eq!(lines(before, after), "     2 - bb: 2\n       + b: 2\n       + new: 0\n");
    }
}
