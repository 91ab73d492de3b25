//! `kiln show`: a pipeline file as it is once everything is put where it belongs.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{SetArgs, check};
use crate::{
    error::{Error, ErrorKind, Result},
    nodes::KINDS,
    plan,
    spec::{
        MessageFormat,
        show::{self, Shown},
    },
};

/// What `kiln show` is asked.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The pipeline file to show
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Say beside each value where it comes from: a line of a file, `--set`, the environment or a default
    #[arg(long)]
    pub origin: bool,
    /// Write out the values of keys that were left out
    #[arg(long)]
    pub defaults: bool,
    /// Show a sweep as it is at this point, e.g. lr=0.1; without it, `matrix` and what depends on it stay as written
    #[arg(long, value_name = "POINT")]
    pub point: Option<String>,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub set: SetArgs,
}

/// Prints the file without `extends`, `params`, and references: valid input again, beside the file.
///
/// # Errors
/// When the file is wrong.
pub fn show(args: &ShowArgs, format: MessageFormat) -> Result<()> {
    let (source, draft) = plan::draft(&args.file, &args.set.overrides, args.point.as_deref(), KINDS)
        .map_err(|rejected| {
            check::show(&rejected, format);
            Error::of_kind(rejected.error(), ErrorKind::Invalid)
        })?;
    let shown = Shown::new(&source, &draft, args.defaults);
    match (args.json, args.origin) {
        (false, origin) => {
            print!("{}", show::yaml(&shown.document, &|path| origin.then(|| shown.origin(path))));
        }
        (true, false) => println!("{}", shown.document),
        (true, true) => {
            super::json::print(&json!({ "origins": shown.origins(), "document": shown.document }));
        }
    }
    Ok(())
}
