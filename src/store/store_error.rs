//! What to say when the store's files can't be used.

use std::{io, path::Path};

use crate::error::{Error, ErrorKind};

/// The store can't do `action` (a verb) with `path`, because of `source`.
pub(super) fn store_error(action: &str, path: impl AsRef<Path>, source: io::Error) -> Error {
    let help = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space (`kiln cache prune`), or name another place with `--store DIR`"
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => "name a folder that you may write to with `--store DIR`",
        _ => "`kiln cache verify` checks the store; `--store DIR` names another one",
    };
    Error::io(action, path, source).of_kind(ErrorKind::Store).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_says_what_helps() {
        for (kind, wanted) in [
            (io::ErrorKind::StorageFull, "free some space"),
            (io::ErrorKind::QuotaExceeded, "free some space"),
            (io::ErrorKind::PermissionDenied, "name a folder that you may write to"),
            (io::ErrorKind::TimedOut, "`kiln cache verify` checks the store"),
        ] {
            let error = store_error("write", "x", kind.into());
            assert!(error.hint().unwrap().starts_with(wanted), "{kind:?}: {:?}", error.hint());
        }
    }
}
