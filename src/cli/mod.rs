//! The command line: one file a command, each a thin frame around a room.

/// `print!` of this module and those below: what can't be written is told at the end, and no reason to panic.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::write(format_args!($($text)*)) };
}

/// `println!` of this module and those below, as `print!`.
macro_rules! println {
    () => { print!("\n") };
    ($($text:tt)*) => { print!("{}\n", format_args!($($text)*)) };
}

pub mod bench;
pub mod cache;
mod changed_images;
pub mod check;
pub mod companion;
pub mod compare;
pub mod completions;
mod device_choice;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod export;
mod filter;
pub mod fix;
mod flags;
pub mod fmt;
mod git;
mod grouped;
pub mod init;
pub mod inspect;
pub mod json;
mod key_flags;
pub mod list;
pub mod lsp;
mod oneliner;
mod output;
mod overview;
mod paired;
pub mod plan;
pub mod predict;
mod project;
mod remembered;
pub mod restore;
pub mod run;
pub mod schema;
pub mod show;
mod signal;
mod surroundings;
pub mod train;
mod usage;
pub mod val;
pub mod verify;
pub mod why;

use std::{path::Path, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub use self::project::Project;
use crate::{
    error::{Error, ErrorKind, Result},
    nodes::KINDS,
    plan::{Loaded, load_with},
    report,
    spec::MessageFormat,
};

/// The exit codes, as `kiln help` tells them.
const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    a node failed, a file is not formatted (fmt --check), or standard output can't be written
  2    the command line is wrong
  3    the pipeline file is wrong
  4    a result is not what the lock says, or not what it was (--locked, verify)
  5    the store or the folder of results can't be used
  130  stopped by Ctrl-C      143  stopped by SIGTERM

Environment:
  KILN_STORE   the store's folder, unless --store says otherwise
  NO_COLOR     if set and not empty, no colours

Start with:  kiln run pipelines/quickstart.yaml";

/// Runs image-classification experiments written as YAML files, and only what has not run before
#[derive(Debug, Parser)]
#[command(name = "kiln", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How mistakes and errors are reported
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", display_order = 900)]
    message_format: MessageFormat,
    /// Tell only what was asked for, and errors: no progress, no remarks
    #[arg(long, short, global = true, display_order = 901)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong with pipeline files, without running anything
    Check(check::CheckArgs),
    /// Mend the mistakes of pipeline files that can be mended without a choice, in the files
    Fix(fix::FixArgs),
    /// Put pipeline files into the one layout that all have: keys in order, comments with what they are about
    Fmt(fmt::FmtArgs),
    /// Show what a run would do: the order, what is in the store, and why the rest is not
    Plan(plan::PlanArgs),
    /// Run a pipeline file, except what is already in the store
    Run(run::RunArgs),
    /// Do everything again from scratch, and compare with what it gave before
    Verify(Box<verify::VerifyArgs>),
    /// Show how a node's recipe differs from that of its last result
    Why(why::WhyArgs),
    /// Show a pipeline file with all put in place, and where each value comes from
    Show(show::ShowArgs),
    /// List what was tried, with parameters and metrics; or every run
    List(list::ListArgs),
    /// Show experiments beside each other
    Compare(compare::CompareArgs),
    /// Show in what two pipelines, locks or experiments differ, images by name
    Diff(diff::DiffArgs),
    /// Look after the store
    Cache(cache::CacheArgs),
    /// Bring back a result that is no longer shown
    Restore(restore::RestoreArgs),
    /// Train a model on a folder of images, without a file
    Train(Box<train::TrainArgs>),
    /// Measure a model on a folder of images, without a file
    Val(val::ValArgs),
    /// Classify images, without a file
    Predict(predict::PredictArgs),
    /// Write a model as a file for another program, without a file
    Export(export::ExportArgs),
    /// Measure models beside each other: speed, memory, size, and accuracy on a folder of images
    Bench(bench::BenchArgs),
    /// Show an architecture row by row: parameters, shapes, operations
    Inspect(inspect::InspectArgs),
    /// Say what there is to compute with, what is missing, and what mends it
    Doctor(doctor::DoctorArgs),
    /// Look at a folder of images, and write a pipeline file for it
    Init(init::InitArgs),
    /// Print what a shell completes commands and flags from
    Completions(completions::CompletionsArgs),
    /// Write manual pages
    Man(completions::ManArgs),
    /// Write the JSON Schema of pipeline files, for editors
    Schema(schema::SchemaArgs),
    /// Speak with an editor over standard input and output: the language server
    Lsp(lsp::LspArgs),
    /// Explain a code such as E0102, with a wrong and a right example
    Explain(explain::ExplainArgs),
}

/// Where results are kept, for every command that needs it.
#[derive(Debug, Clone, Default, Args)]
pub struct StoreArgs {
    /// Where results are kept [default: .kiln/store of the project, or KILN_STORE]
    #[arg(long, value_name = "DIR")]
    pub store: Option<std::path::PathBuf>,
}

/// Values of the command line in place of the file's, for every command that reads a pipeline file.
#[derive(Debug, Clone, Default, Args)]
pub struct SetArgs {
    /// Put a value in place of the file's, e.g. nodes.fit.epochs=3 or params.lr=1e-3; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// The whole program: reads the command line, does what it says, tells an error once.
pub fn main() -> ExitCode {
    let (format, done) = match Cli::try_parse() {
        Ok(cli) => (cli.message_format(), cli.execute()),
        Err(refused) => match usage::error(&refused) {
            Some(error) => (asked_format(), Err(error)),
            None if refused.use_stderr() => refused.exit(),
            // What was asked for is help, or the version.
            None => (MessageFormat::Human, {
                output::page(&refused);
                Ok(())
            }),
        },
    };
    let failed = done.err().map(|error| tell(&error, format));
    // As text: as data it would go where nothing can be written.
    let unwritten = report::written().err().map(|error| tell(&error, MessageFormat::Human));
    failed.or(unwritten).map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// Tells an error, and gives its exit code.
fn tell(error: &Error, format: MessageFormat) -> u8 {
    let code = exit_code(error.kind());
    output::error(error, code, format);
    code
}

/// How errors are told that a command line asks for which is wrong elsewhere.
fn asked_format() -> MessageFormat {
    let words: Vec<_> = std::env::args_os().collect();
    let json = words.windows(2).any(|pair| pair[0] == "--message-format" && pair[1] == "json")
        || words.iter().any(|word| word == "--message-format=json");
    if json { MessageFormat::Json } else { MessageFormat::Human }
}

impl Cli {
    fn message_format(&self) -> MessageFormat {
        match &self.command {
            Command::Check(args) if self.message_format == MessageFormat::Human => args.message_format,
            _ => self.message_format,
        }
    }

    fn execute(self) -> Result<()> {
        let format = self.message_format();
        if self.quiet {
            output::be_quiet();
        }
        match self.command {
            Command::Check(args) => check::check(&check::CheckArgs { message_format: format, ..args }, KINDS),
            Command::Fix(args) => fix::fix(&args, format),
            Command::Fmt(args) => fmt::fmt(&args, format),
            Command::Plan(args) => plan::plan(&args, format),
            Command::Run(args) => run::run(&args, format),
            Command::Verify(args) => verify::verify(&args, format),
            Command::Why(args) => why::why(&args, format),
            Command::Show(args) => show::show(&args, format),
            Command::List(args) => list::list(&args),
            Command::Compare(args) => compare::compare(&args),
            Command::Diff(args) => diff::diff(&args, format),
            Command::Cache(args) => cache::cache(&args),
            Command::Restore(args) => restore::restore(&args),
            Command::Train(args) => train::train(&args, format),
            Command::Val(args) => val::val(&args, format),
            Command::Predict(args) => predict::predict(&args, format),
            Command::Export(args) => export::export(&args, format),
            Command::Bench(args) => bench::bench(&args, format),
            Command::Inspect(args) => inspect::inspect(&args, format),
            Command::Doctor(args) => doctor::doctor(&args),
            Command::Init(args) => init::init(&args),
            Command::Completions(args) => {
                completions::completions(&args);
                Ok(())
            }
            Command::Man(args) => completions::man(&args),
            Command::Schema(args) => schema::schema(&args),
            Command::Lsp(args) => lsp::serve(&args),
            Command::Explain(args) => explain::explain(&args),
        }
    }
}

/// What the program says to the shell.
fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Interrupted => signal::exit_code(),
        kind => kind.exit_code(),
    }
}

/// Reads, checks and plans a pipeline file; shows its problems if there are any.
///
/// # Errors
/// Of kind invalid, when there are problems.
pub fn load_or_show(file: &Path, set: &SetArgs, format: MessageFormat) -> Result<Loaded> {
    load_with(file, &set.overrides, KINDS).map_err(|rejected| {
        check::show(&rejected, format);
        Error::of_kind(rejected.error(), ErrorKind::Invalid)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_tells_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        insta::assert_snapshot!(help);
    }

    #[test]
    fn either_place_of_the_message_format_counts() {
        for line in ["kiln check f --message-format json", "kiln --message-format json check f"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.message_format(), MessageFormat::Json, "{line}");
        }
        let cli = Cli::try_parse_from(["kiln", "plan", "f", "--message-format", "json"]).unwrap();
        assert_eq!(cli.message_format(), MessageFormat::Json);
    }
}
