//! Locks that the kernel keeps, and releases when their process ends, however it ends.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    thread,
    time::Duration,
};

use super::{inside, lease::Lease};
use crate::atomic::folder_of;

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// A held lock; dropping it releases it.
///
/// Two handles of one process exclude each other as two processes do. The file stays: removing it would
/// let a third one in beside a second that already waits on the old file.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for what its drop does")] Held);

#[derive(Debug)]
#[expect(dead_code, reason = "held for what their drops do")]
enum Held {
    File(File),
    Lease(Lease),
    Nothing,
}

/// Who else may hold a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Others may hold the lock too, if they share it.
    Shared,
    /// Nobody else may hold the lock.
    Exclusive,
}

impl Lock {
    /// Takes the lock at `path` if it is free; `None` if somebody else holds it.
    ///
    /// On a file system without locks, a lease stands in for an exclusive one, and everybody gets a shared
    /// one: results are put in place by renaming and prune spares what is young.
    ///
    /// # Errors
    /// When the file can't be opened for reading and writing, or is a link.
    pub fn try_take(path: &Path, mode: LockMode) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder_of(path))?;
        // Read-write: network file systems lock only what may be written.
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = inside::unfollowed(&mut options).open(path)?;
        let taken = match mode {
            LockMode::Shared => file.try_lock_shared(),
            LockMode::Exclusive => file.try_lock(),
        };
        match taken {
            Ok(()) => Ok(Some(Self(Held::File(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => match mode {
                LockMode::Shared => Ok(Some(Self(Held::Nothing))),
                LockMode::Exclusive => {
                    Ok(Lease::try_take(&path.with_extension("lease"))?.map(|lease| Self(Held::Lease(lease))))
                }
            },
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock at `path`, waiting for it until `stopped`; `None` if stopped.
    ///
    /// # Errors
    /// When the file can't be opened for reading and writing.
    pub fn take(path: &Path, mode: LockMode, stopped: impl Fn() -> bool) -> io::Result<Option<Self>> {
        loop {
            if let Some(lock) = Self::try_take(path, mode)? {
                return Ok(Some(lock));
            }
            if stopped() {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, outside) = (dir.path().join("key"), dir.path().join("outside"));
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        assert!(Lock::try_take(&path, LockMode::Exclusive).is_err());
        assert!(!outside.exists());
    }

    #[test]
    fn one_excludes_the_other_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/key");
        let held = Lock::try_take(&path, LockMode::Exclusive).unwrap().unwrap();
        assert!(Lock::try_take(&path, LockMode::Exclusive).unwrap().is_none());
        assert!(Lock::try_take(&path, LockMode::Shared).unwrap().is_none());
        assert!(Lock::take(&path, LockMode::Exclusive, || true).unwrap().is_none());
        drop(held);
        let _one = Lock::try_take(&path, LockMode::Shared).unwrap().unwrap();
        assert!(Lock::try_take(&path, LockMode::Shared).unwrap().is_some());
        assert!(Lock::try_take(&path, LockMode::Exclusive).unwrap().is_none());
    }
}
