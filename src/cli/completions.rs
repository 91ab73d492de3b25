//! `kiln completions` and `kiln man`: what shells and manuals need to know of the command line, made from it.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{Cli, output};
use crate::error::{Error, Result};

/// What `kiln completions` is asked.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// What `kiln man` is asked.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder to write the pages into
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Prints what a shell reads to complete Kiln's commands and flags.
pub fn completions(args: &CompletionsArgs) {
    let mut text = Vec::new();
    generate(args.shell, &mut Cli::command(), "kiln", &mut text);
    output::write(format_args!("{}", String::from_utf8_lossy(&text)));
}

/// Writes a manual page for Kiln and each of its commands.
///
/// # Errors
/// If the folder can't be written to.
pub fn man(args: &ManArgs) -> Result<()> {
    let wrong = |error| Error::io("write", &args.folder, error);
    std::fs::create_dir_all(&args.folder).map_err(wrong)?;
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &args.folder).map_err(wrong)
}
