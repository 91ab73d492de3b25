//! `kiln explain`: what a problem's code means.

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::{json, output};
use crate::{
    error::{Error, Result},
    spec::codes::{self, Code},
    suggest,
};

/// What `kiln explain` is asked.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// E.g. E0102; all codes are listed if left out
    pub code: Option<String>,
    /// Print one JSON object for each code
    #[arg(long)]
    pub json: bool,
}

/// A code, as `kiln explain --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Explained {
    /// The code, e.g. `E0102`.
    code: &'static str,
    /// What the mistake is, in a few words.
    title: &'static str,
    /// What causes it and what to do.
    text: &'static str,
    /// What gives it.
    wrong: String,
    /// The same without the mistake.
    right: &'static str,
}

impl Explained {
    fn of(code: &Code) -> Self {
        let Code { code, title, text, wrong, right } = code;
        Self { code, title, text, wrong: wrong.shown(), right }
    }
}

/// Explains a code, or lists all of them.
///
/// # Errors
/// If there is no such code.
pub fn explain(args: &ExplainArgs) -> Result<()> {
    match &args.code {
        None if args.json => codes::ALL.iter().for_each(|code| json::print(&Explained::of(code))),
        Some(wanted) if args.json => json::print(&Explained::of(find(wanted)?)),
        None => output::prose(&list()),
        Some(wanted) => print!("{}", find(wanted)?.page()),
    }
    Ok(())
}

fn find(wanted: &str) -> Result<&'static Code> {
    let upper = wanted.to_uppercase();
    let code = codes::ALL.iter().find(|code| code.code == upper || code.code[1..] == upper);
    code.ok_or_else(|| {
        let close = suggest::closest(&upper, codes::ALL.iter().map(|code| code.code));
        Error::usage(format!("there is no code `{wanted}`")).help(match close {
            Some(close) => format!("did you mean `{close}`? `kiln explain` lists all codes"),
            None => "`kiln explain` lists all codes".to_owned(),
        })
    })
}

/// A line for each code.
fn list() -> String {
    codes::ALL.iter().map(|code| format!("{}  {}\n", code.code, code.title)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_however_they_are_written() {
        for wanted in ["E0102", "e0102", "0102"] {
            assert_eq!(find(wanted).unwrap().code, "E0102");
        }
        assert_eq!(find("E9999").unwrap_err().to_string(), "there is no code `E9999`");
    }

    #[test]
    fn a_page_has_both_examples() {
        for code in codes::ALL {
            let page = code.page();
            assert!(page.contains("\nWrong:\n") && page.contains("\nRight:\n"), "{}", code.code);
        }
    }
}
