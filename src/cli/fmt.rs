//! `kiln fmt`: pipeline files in the one layout that all have.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{check, json, output};
use crate::{
    atomic,
    error::{Error, Result},
    nodes::KINDS,
    plan::Rejected,
    shown::{self, count},
    spec::{MessageFormat, Source, formatted},
};

/// What `kiln fmt` is asked.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// The pipeline files to format; `-` reads standard input and writes standard output
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change nothing; name the files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object for each file
    #[arg(long)]
    pub json: bool,
}

/// A file, as `kiln fmt --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Formatted {
    /// The file as given.
    file: String,
    /// Whether it was formatted anew; with `--check`, whether it is not formatted.
    changed: bool,
}

/// Formats every file that can be read, and names those that change.
///
/// # Errors
/// With `--check`, if a file is not formatted. Of kind invalid if a file is not read; if one can't be written.
pub fn fmt(args: &FmtArgs, format: MessageFormat) -> Result<()> {
    let format = if args.json { MessageFormat::Json } else { format };
    let (mut bad, mut changed) = (0, 0);
    for path in &args.files {
        match one(path, args.check) {
            Ok(is_changed) => {
                let is_changed = is_changed?;
                tell(path, is_changed, args.check, format);
                changed += usize::from(is_changed);
            }
            Err(rejected) => {
                check::show(&rejected, format);
                bad += 1;
            }
        }
    }
    let those = |number: usize| match &args.files[..] {
        [only] => shown::path(only),
        files => format!("{number} of {}", count(files.len(), "file")),
    };
    match (bad, changed) {
        (1.., _) => Err(Error::invalid(format!("{} can't be formatted", those(bad)))),
        (0, 1..) if args.check => {
            let verb = if changed == 1 { "is" } else { "are" };
            Err(Error::new(format!("{} {verb} not formatted", those(changed)))
                .help("`kiln fmt` without `--check` formats"))
        }
        _ => Ok(()),
    }
}

/// Formats a file. Whether it was not yet, if it could be written.
fn one(path: &Path, only_check: bool) -> Result<Result<bool>, Box<Rejected>> {
    let is_stdin = path == Path::new("-");
    let source = if is_stdin { stdin() } else { Source::read(path) };
    let source = source.map_err(|unread| {
        let (source, problem) = *unread;
        Box::new(Rejected { source, problems: vec![problem] })
    })?;
    let text = match formatted(&source, KINDS) {
        Ok(text) => text,
        Err(problem) => return Err(Box::new(Rejected { source, problems: vec![*problem] })),
    };
    let is_changed = text != source.text();
    Ok(match (only_check, is_stdin) {
        (false, true) => {
            print!("{text}");
            Ok(false)
        }
        (false, false) if is_changed => written(path, &source, text),
        _ => Ok(is_changed),
    })
}

fn tell(path: &Path, changed: bool, only_check: bool, format: MessageFormat) {
    let file = shown::path(path);
    match format {
        MessageFormat::Json if path == Path::new("-") && !only_check => {}
        MessageFormat::Json => json::print(&Formatted { file, changed }),
        MessageFormat::Human if changed && only_check => println!("{file}"),
        MessageFormat::Human if changed => output::remark(&format!("{file}: formatted")),
        MessageFormat::Human => {}
    }
}

fn stdin() -> Result<Source, Box<(Source, crate::spec::Problem)>> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
    Source::of_bytes(Path::new("<stdin>"), read)
}

fn written(path: &Path, source: &Source, text: String) -> Result<bool> {
    atomic::replace(path, &source.to_bytes(), &source.with_text(text).to_bytes())
        .map_err(|error| Error::io("change", path, error))?;
    Ok(true)
}
