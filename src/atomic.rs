//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::files;

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

/// Writes `bytes` in place of `old`, which `path` has, with the permissions that it has; as [`write`].
///
/// # Errors
/// As [`write`]; when nobody may write to the file, when it is a link, and when it does not have `old` any more.
pub fn replace(path: &Path, old: &[u8], bytes: &[u8]) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    if there.is_symlink() {
        let target = fs::read_link(path)?;
        let message = format!("it is a link to {}: name that file", crate::shown::path(&target));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if there.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it may not be written to"));
    }
    let mut file = temporary(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(there.permissions())?;
    file.as_file().sync_all()?;
    if files::read(path, old.len() as u64).ok().as_deref() != Some(old) {
        return Err(io::Error::other("it has changed in the meantime"));
    }
    file.persist(path)?;
    sync_folder(folder_of(path))
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

    #[cfg(unix)]
    #[test]
    fn what_is_replaced_keeps_its_permissions_and_is_what_was_read() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, b"old").unwrap();
        symlink(&path, &link).unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        replace(&path, b"old", b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let why = |path, old: &[u8]| replace(path, old, b"no").unwrap_err().to_string();
        assert_eq!(why(&path, b"old"), "it has changed in the meantime");
        assert_eq!(why(&link, b"new"), format!("it is a link to {}: name that file", path.display()));
        mode(0o440);
        assert_eq!(why(&path, b"new"), "it may not be written to");
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
