//! What `kiln explain` says, as files that an editor can open: a code in a list of problems is a link.

use std::{
    fs,
    sync::{Mutex, PoisonError},
};

use gen_lsp_types::{CodeDescription, Uri};
use tempfile::TempDir;

use super::uri;
use crate::spec::codes;

/// A folder of the system's for temporary files, which goes with the server; made when the first is asked for.
#[derive(Debug, Default)]
pub(super) struct Explanations(Mutex<Option<TempDir>>);

impl Explanations {
    /// The link of a code; none where there can be no such file.
    pub(super) fn link(&self, code: &str) -> Option<CodeDescription> {
        Some(CodeDescription { href: self.uri(code)? })
    }

    fn uri(&self, code: &str) -> Option<Uri> {
        let explained = codes::ALL.iter().find(|known| known.code == code)?;
        let mut folder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.is_none() {
            *folder = tempfile::Builder::new().prefix("kiln-explain-").tempdir().ok();
        }
        let path = folder.as_ref()?.path().join(format!("{code}.md"));
        if !path.exists() {
            fs::write(&path, explained.page()).ok()?;
        }
        Some(uri::of(&path))
    }
}
