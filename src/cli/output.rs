//! What a command says on standard output, and errors told once.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use schemars::JsonSchema;
use serde::Serialize;

use super::json;
use crate::{
    error::{Error, ErrorKind},
    report::{self, Format, Stdout},
    shown,
    spec::MessageFormat,
    width,
};

/// Whether only what was asked for is to be told, and errors.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on only what was asked for is told, and errors.
pub(super) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Writes text for people, with the lines broken that a terminal has no room for.
pub(super) fn prose(text: &str) {
    write(format_args!("{}", width::folded(text, width::of_stdout(), INDENT)));
}

/// As [`prose`], on a line of its own, unless only what was asked for is to be told.
pub(super) fn remark(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        prose(&format!("{text}\n"));
    }
}

/// As [`remark`], on standard error: beside a result.
pub(super) fn aside(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        let _ = writeln!(io::stderr(), "{}", width::folded(text, width::of_stderr(), INDENT));
    }
}

/// How a run is shown, if the user asks for `progress`.
pub(super) fn progress(progress: Format) -> Format {
    match progress {
        Format::Auto | Format::Plain if QUIET.load(Ordering::Relaxed) => Format::Quiet,
        progress => progress,
    }
}

/// By how much the rest of a line is indented that was broken, in characters.
const INDENT: usize = 4;

/// Writes to standard output; [`report::written`] tells what went wrong.
pub(super) fn write(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    let _ = Stdout.write_all(text.as_bytes()).and_then(|()| Stdout.flush());
}

/// Shows a page that was asked for, such as the help, on standard output; [`report::written`] tells what went wrong.
pub(super) fn page(page: &clap::Error) {
    let _ = page.print().inspect_err(report::remember);
}

/// Tells an error with its causes and what to do: as text on standard error, or as data on standard output.
///
/// Problems of a pipeline file were shown as data already.
pub(super) fn error(error: &Error, code: u8, format: MessageFormat) {
    match format {
        MessageFormat::Json if error.kind() == ErrorKind::Invalid => {}
        MessageFormat::Json => json::print(&Told::of(error, code)),
        MessageFormat::Human => {
            let colour = io::stderr().is_terminal() && shown::takes_colours();
            let text = width::folded(&as_text(error, colour), width::of_stderr(), INDENT);
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// An error, as it is told with `--message-format json`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Told {
    /// What went wrong.
    error: ToldError,
}

/// What went wrong.
#[derive(Serialize, JsonSchema)]
struct ToldError {
    /// What happened, in one sentence.
    message: String,
    /// What led to it, the nearest cause first.
    causes: Vec<String>,
    /// What to do, where something can be said.
    help: Option<String>,
    /// What the program says to the shell.
    exit_code: u8,
}

impl Told {
    fn of(error: &Error, exit_code: u8) -> Self {
        let help = error.hint().map(str::to_owned);
        Self { error: ToldError { message: error.to_string(), causes: error.causes(), help, exit_code } }
    }
}

fn as_text(error: &Error, colour: bool) -> String {
    let (red, cyan, end) = if colour { ("\x1b[1;31m", "\x1b[36m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error{end}: {}", shown::text(&error.to_string()));
    for cause in error.causes() {
        text.push_str(&format!("\n  because: {}", shown::text(&cause)));
    }
    if let Some(help) = error.hint() {
        text.push_str(&format!("\n  {cyan}help{end}: {}", shown::lines(help, "        ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_cause_and_what_to_do() {
        let cause = io::Error::new(io::ErrorKind::StorageFull, "no space left on device");
        let error = Error::io("write", "/store/blobs", cause).help("free some space");
        insta::assert_snapshot!(as_text(&error, false), @r"
        error: cannot write /store/blobs
          because: no space left on device
          help: free some space
        ");
        insta::assert_snapshot!(json::object(&Told::of(&error, 5)), @r#"{"version":1,"error":{"message":"cannot write /store/blobs","causes":["no space left on device"],"help":"free some space","exit_code":5}}"#);
    }
}
