//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

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
    let mut file = temporary(folder)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    if durability == Durability::Synced { sync_folder(folder) } else { Ok(()) }
}

/// A temporary file in `folder`, which others may read as far as the user's mask lets them. It is removed unless it is renamed.
///
/// # Errors
/// When the folder can't be written to.
pub fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
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

    #[test]
    fn who_reads_meanwhile_reads_the_old_file_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old", Durability::Relaxed).unwrap();
        let reader = File::open(&path).unwrap();
        write(&path, b"new", Durability::Relaxed).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn others_may_read_what_the_mask_lets_them_read() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
        write(&ours, b"", Durability::Relaxed).unwrap();
        fs::write(&plain, b"").unwrap();
        let permissions = |path| fs::metadata(path).unwrap().permissions();
        assert_eq!(permissions(ours), permissions(plain));
    }
}
