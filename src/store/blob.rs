//! Files by the digest of their content.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    digest::Digest,
    inside,
    manifest::Output,
    stat::{FileStamp, Signature, StatIndex},
    store_error::store_error,
};
use crate::{atomic, error::Result};

/// What is wrong with a blob that a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The store has no blob with this digest.
    Missing,
    /// The blob's content has another digest, or it is not a file.
    Wrong,
}

/// The folder of files by digest.
#[derive(Debug)]
pub(super) struct Blobs {
    root: PathBuf,
    /// Blobs whose content was checked since the machine was started.
    checked: StatIndex,
}

impl Blobs {
    /// The blobs in `root`; `checked` is the packed file that remembers which were verified.
    pub(super) fn open(root: PathBuf, checked: PathBuf) -> Self {
        Self { root, checked: StatIndex::open(checked, &boot()) }
    }

    /// The folder that holds the blobs.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the blob with `digest` lies.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        Self::path_in(&self.root, digest)
    }

    /// Where the blob with `digest` lies if the blobs are in `root`.
    pub(super) fn path_in(root: &Path, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        root.join(&name[..2]).join(&name[2..])
    }

    /// Puts the file at `path` into the store, and out of its place.
    ///
    /// # Errors
    /// When it can't be read or the store can't be written; there is no blob then.
    pub(super) fn take(&self, path: &Path) -> Result<Output> {
        let (digest, size) = Digest::of_file(path).map_err(|error| store_error("read", path, error))?;
        let blob = self.path(digest);
        self.place(path, &blob).map_err(|error| store_error("write", &blob, error))?;
        let signature = Signature::of(&blob).map_err(|error| store_error("read", &blob, error))?;
        self.checked.remember(&blob, FileStamp { signature, digest });
        Ok(Output { digest, size })
    }

    /// Flushes and renames; an equal blob is replaced, so that a damaged one heals.
    fn place(&self, path: &Path, blob: &Path) -> io::Result<()> {
        let folder = atomic::folder_of(blob);
        fs::create_dir_all(&self.root)?;
        inside::make(&self.root, folder)?;
        fs::File::open(path)?.sync_all()?;
        set_read_only(path)?;
        match fs::rename(path, blob) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let temporary = atomic::temporary(folder)?;
                io::copy(&mut fs::File::open(path)?, &mut temporary.as_file())?;
                temporary.as_file().sync_all()?;
                set_read_only(temporary.path())?;
                temporary.persist(blob)?;
            }
            renamed => renamed?,
        }
        atomic::sync_folder(folder)
    }

    /// Whether the blob is there and right. Its content is read once after each start of the machine, or
    /// when its properties changed, or always if `thorough`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, output: Output, thorough: bool) -> Result<(), Fault> {
        let blob = self.path(output.digest);
        let signature = self.look(&blob)?;
        if signature.size != output.size {
            return Err(Fault::Wrong);
        }
        if !thorough && self.checked.known(&blob, signature) == Some(output.digest) {
            return Ok(());
        }
        match Digest::of_file(&blob) {
            Ok((digest, _)) if digest == output.digest => {
                self.checked.remember(&blob, FileStamp { signature, digest });
                Ok(())
            }
            _ => Err(Fault::Wrong),
        }
    }

    /// Whether the blob is there with the right size: what can be said without reading it.
    pub(super) fn seems_right(&self, output: Output) -> bool {
        self.look(&self.path(output.digest)).is_ok_and(|signature| signature.size == output.size)
    }

    /// The signature of a blob. A link, a folder or the like is a wrong one.
    fn look(&self, blob: &Path) -> Result<Signature, Fault> {
        match inside::look(&self.root, blob) {
            Ok(metadata) => Ok(Signature::from(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Fault::Wrong),
            Err(_) => Err(Fault::Missing),
        }
    }

    /// Writes down which blobs were checked.
    ///
    /// # Errors
    /// When the packed file can't be written.
    pub(super) fn save(&self) -> io::Result<()> {
        self.checked.save()
    }

    /// Forgets blobs that are gone.
    pub(super) fn forget_removed(&self) {
        self.checked.retain(Path::exists);
    }
}

/// Takes everybody's right to write away.
///
/// # Errors
/// When the system doesn't let it be changed.
pub fn set_read_only(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}

/// A name for the time since the machine was started; where the system tells none, one for this process,
/// so that every run checks again.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| format!("process {}", std::process::id()), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs(dir: &Path) -> Blobs {
        Blobs::open(dir.join("blobs"), dir.join("blobs.index"))
    }

    fn put(dir: &Path, blobs: &Blobs, content: &str) -> Output {
        let path = dir.join("new");
        fs::write(&path, content).unwrap();
        blobs.take(&path).unwrap()
    }

    /// Writes into a blob in place, as a failing disk or a careless hand would.
    fn overwrite(path: &Path, content: &str) {
        fs::remove_file(path).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_blob_is_read_only_and_named_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let output = put(dir.path(), &blobs, "content");
        let path = blobs.path(output.digest);
        assert_eq!(output, Output { digest: Digest::of_bytes(b"content"), size: 7 });
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        assert!(!dir.path().join("new").exists());
    }

    #[test]
    fn damage_is_found_and_healed() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let output = put(dir.path(), &blobs, "content");
        assert_eq!(blobs.check(output, false), Ok(()));
        overwrite(&blobs.path(output.digest), "kontent");
        assert_eq!(blobs.check(output, false), Err(Fault::Wrong));
        overwrite(&blobs.path(output.digest), "longer content");
        assert_eq!(blobs.check(output, false), Err(Fault::Wrong));
        assert!(!blobs.seems_right(output));
        fs::remove_file(blobs.path(output.digest)).unwrap();
        assert_eq!(blobs.check(output, false), Err(Fault::Missing));
        assert!(!blobs.seems_right(output));
        put(dir.path(), &blobs, "content");
        assert_eq!(blobs.check(output, true), Ok(()));
        assert_eq!(blobs.check(Output { size: 8, ..output }, true), Err(Fault::Wrong));
    }

    #[test]
    fn what_is_remembered_is_believed_unless_all_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let output = put(dir.path(), &blobs, "content");
        let path = blobs.path(output.digest);
        overwrite(&path, "kontent");
        let remember = |digest| {
            let signature = Signature::of(&path).unwrap();
            blobs.checked.remember(&path, FileStamp { signature, digest });
        };
        remember(output.digest);
        assert_eq!(blobs.check(output, false), Ok(()));
        assert_eq!(blobs.check(output, true), Err(Fault::Wrong));
        remember(Digest::of_bytes(b"kontent"));
        assert_eq!(blobs.check(output, false), Err(Fault::Wrong));
        // What was found to be right is remembered.
        overwrite(&path, "content");
        assert_eq!(blobs.check(output, false), Ok(()));
        assert_eq!(blobs.checked.known(&path, Signature::of(&path).unwrap()), Some(output.digest));
    }

    #[test]
    fn a_check_of_the_whole_store_believes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(&dir.path().join("store")).unwrap();
        let made = crate::store::slot::tests::make(&store, |out| fs::write(out.join("file"), "content"));
        let path = made.unwrap().path("file").unwrap();
        overwrite(&path, "kontent");
        let (signature, digest) = (Signature::of(&path).unwrap(), Digest::of_bytes(b"content"));
        store.blobs.checked.remember(&path, FileStamp { signature, digest });
        assert_eq!(store.verify().unwrap().damage.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_damage_and_never_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let output = put(dir.path(), &blobs, "content");
        let path = blobs.path(output.digest);
        fs::rename(&path, dir.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("moved"), &path).unwrap();
        assert_eq!(blobs.check(output, false), Err(Fault::Wrong));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(blobs.check(output, false), Err(Fault::Wrong));
        fs::remove_dir(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(blobs.check(output, true), Err(Fault::Wrong));
    }

    #[test]
    fn a_checked_blob_is_not_read_again_until_the_next_boot() {
        let dir = tempfile::tempdir().unwrap();
        let first = blobs(dir.path());
        let output = put(dir.path(), &first, "content");
        first.save().unwrap();
        let path = first.path(output.digest);
        let signature = Signature::of(&path).unwrap();
        assert_eq!(blobs(dir.path()).checked.known(&path, signature), Some(output.digest));
        for boot in ["another boot", ""] {
            let rebooted = StatIndex::open(dir.path().join("blobs.index"), boot);
            assert_eq!(rebooted.known(&path, signature), None);
        }
    }
}
