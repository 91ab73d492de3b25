//! What a command says on standard output, and errors told once.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use serde_json::json;

use crate::{
    error::{Error, ErrorKind},
    report::{self, Stdout},
    shown,
    spec::MessageFormat,
};

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
        MessageFormat::Json => println!("{}", as_json(error, code)),
        MessageFormat::Human => {
            let colour = io::stderr().is_terminal() && shown::takes_colours();
            let _ = writeln!(io::stderr(), "{}", as_text(error, colour));
        }
    }
}

fn as_json(error: &Error, code: u8) -> serde_json::Value {
    json!({"error": {
        "message": error.to_string(),
        "causes": error.causes(),
        "help": error.hint(),
        "exit_code": code,
    }})
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
        insta::assert_snapshot!(as_json(&error, 5), @r#"{"error":{"message":"cannot write /store/blobs","causes":["no space left on device"],"help":"free some space","exit_code":5}}"#);
    }
}
