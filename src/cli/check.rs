//! `kiln check`: what is wrong with pipeline files, without running anything.

use std::{
    io::{IsTerminal, stderr},
    path::PathBuf,
};

use clap::Args;

use crate::{
    error::{Error, Result},
    node::Kind,
    plan::{Rejected, load},
    shown,
    spec::{
        MessageFormat,
        render::{self, Style},
    },
};

/// What `kiln check` is asked.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Pipeline files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How problems are told
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
}

/// Checks every file: a line for each good one, every problem of each bad one.
///
/// # Errors
/// [`Error::invalid`] if a file has a problem.
pub fn check(args: &CheckArgs, kinds: &[Kind]) -> Result<()> {
    let mut bad = Vec::new();
    for path in &args.files {
        match (load(path, kinds), args.message_format) {
            (Ok(loaded), MessageFormat::Human) => {
                let nodes = render::count(loaded.plan.steps().len(), "node");
                println!("{}: ok, {nodes}", shown::path(path));
            }
            (Ok(loaded), MessageFormat::Json) => println!("{}", line(&render::report(&loaded.source, &[]))),
            (Err(rejected), format) => {
                show(&rejected, format);
                bad.push(rejected);
            }
        }
    }
    match &bad[..] {
        [] => Ok(()),
        [only] if args.files.len() == 1 => Err(only.error()),
        several => {
            let files = render::count(args.files.len(), "file");
            Err(Error::invalid(format!("{} of {files} have problems", several.len())))
        }
    }
}

/// Shows the problems of a file: for people on stderr, as data on stdout.
pub fn show(rejected: &Rejected, format: MessageFormat) {
    match format {
        MessageFormat::Human => eprint!("{}", rejected.human(Style::of(stderr().is_terminal()))),
        MessageFormat::Json => println!("{}", line(&rejected.report())),
    }
}

fn line(report: &render::FileReport) -> String {
    serde_json::to_string(report).expect("a report is plain data")
}
