//! `kiln lsp`: a language server, which an editor starts.

use std::{
    io::{IsTerminal as _, stdin},
    sync::Arc,
};

use clap::Args;

use super::{Project, StoreArgs};
use crate::{error::Result, lsp};

/// What `kiln lsp` is asked.
#[derive(Debug, Args)]
pub struct LspArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// What editors say that can speak over more than standard input and output
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// Speaks with an editor over standard input and output.
///
/// # Errors
/// When the editor does not speak the protocol, or is gone without a word.
pub fn serve(args: &LspArgs) -> Result<()> {
    if stdin().is_terminal() {
        eprintln!(
            "kiln lsp speaks with editors, not with people; the README says how to set it up. Ctrl-C ends it."
        );
    }
    let store = args.store.clone();
    lsp::serve(Arc::new(move |file| Project::of_file(file, &store).store))
}
