//! What stands in for a lock where the file system has none, as on some network drives.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, SystemTime},
};

/// How often a holder shows that it lives.
const BEAT: Duration = Duration::from_secs(5);

/// A lease that was not renewed for this long belongs to nobody any more.
const STALE: Duration = Duration::from_mins(1);

/// A file that only one can create, renewed while it is held and removed when it is dropped.
///
/// Weaker than a lock: a holder that sleeps for a minute loses it. What follows then is work done twice.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    _alive: Sender<()>,
}

impl Lease {
    /// Takes the lease at `path` if it is free or stale; `None` if somebody else holds it.
    ///
    /// # Errors
    /// When the file can't be created.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        if is_stale(path) {
            // Renaming first: of two that see the same stale file, one gets it.
            let aside = path.with_extension(format!("stale-{}", process::id()));
            if fs::rename(path, &aside).is_ok() {
                fs::remove_file(aside)?;
            }
        }
        match File::create_new(path) {
            Ok(file) => Ok(Some(Self { path: path.to_owned(), _alive: beat(file) })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Renews the lease on a thread of its own until the sender is dropped.
fn beat(file: File) -> Sender<()> {
    let (alive, ended) = mpsc::channel();
    thread::spawn(move || {
        while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
            // One beat may fail; many make the lease stale.
            let _ = file.set_modified(SystemTime::now());
        }
    });
    alive
}

fn is_stale(path: &Path) -> bool {
    let renewed = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    renewed.is_ok_and(|renewed| renewed.elapsed().is_ok_and(|age| age > STALE))
}

impl Drop for Lease {
    fn drop(&mut self) {
        // If it can't be removed, it will be stale in a minute.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_excludes_others_until_it_is_dropped_or_stale() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.lease");
        let held = Lease::try_take(&path).unwrap().unwrap();
        assert!(Lease::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
        let dead = File::create_new(&path).unwrap();
        assert!(Lease::try_take(&path).unwrap().is_none());
        dead.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        assert!(Lease::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn a_lease_that_can_not_be_written_is_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Lease::try_take(&dir.path().join("none/key.lease")).is_err());
    }
}
