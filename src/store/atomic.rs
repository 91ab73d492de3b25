//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind};

/// Whether a file must survive a power cut the moment it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Flushed to the disk, and its folder too, before going on.
    Synced,
    /// May be lost; it is made again then.
    Relaxed,
}

/// Writes `bytes` to `path`: a temporary file in the same folder, then a rename.
///
/// # Errors
/// When the folder can't be written to or is full; what was at `path` is still there then.
pub fn write(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::with_prefix_in(TEMPORARY, folder)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    if durability == Durability::Synced { sync_folder(folder) } else { Ok(()) }
}

/// How the names of temporary files begin; left over ones are swept by prune.
pub const TEMPORARY: &str = ".tmp-";

/// Flushes a folder's list of names to the disk.
///
/// # Errors
/// When the system says so.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder that `path` lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The store can't do `action` (a verb) with `path`, because of `source`.
pub fn trouble(action: &str, path: impl AsRef<Path>, source: io::Error) -> Error {
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
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old", Durability::Synced).unwrap();
        assert!(write(&path.join("below"), b"new", Durability::Synced).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
