//! Whether a program made what it should.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// The place of what a program made in the folder where it ran: a file, or a folder of files, none of them a link.
///
/// # Errors
/// If nothing is there, it has no bytes, or something else is among it.
pub(super) fn checked(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    match size(&path) {
        Ok(0) => Err(Error::new(format!("the program ended well, but `{name}` is empty"))),
        Ok(_) => Ok(path),
        Err(Fault::Missing) => Err(Error::new(format!("the program ended well, but made no `{name}`"))),
        Err(Fault::Odd(path)) => {
            Err(Error::new(format!("{} is neither a file nor a folder", path.display())))
        }
    }
}

enum Fault {
    Missing,
    Odd(PathBuf),
}

/// All files at `path` and below, in bytes.
fn size(path: &Path) -> Result<u64, Fault> {
    // Of a link, which could lead anywhere, it tells the link.
    let metadata = fs::symlink_metadata(path).map_err(|_| Fault::Missing)?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    if !metadata.is_dir() {
        return Err(Fault::Odd(path.to_owned()));
    }
    let entries = fs::read_dir(path).map_err(|_| Fault::Missing)?.flatten();
    entries.map(|entry| size(&entry.path())).sum()
}

/// Checks that a file has these bytes at this place.
///
/// # Errors
/// If it has not.
pub(super) fn has_mark(path: &Path, at: usize, mark: &[u8]) -> Result<()> {
    let mut found = vec![0; mark.len()];
    let mut read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at as u64))?;
        file.read_exact(&mut found)
    };
    match read() {
        Ok(()) if found == mark => Ok(()),
        _ => {
            let mark = String::from_utf8_lossy(mark);
            Err(Error::new(format!("what the program made does not have the mark `{mark}` of such a file")))
        }
    }
}
