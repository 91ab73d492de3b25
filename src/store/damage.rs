//! What turned out to be wrong: said, and put away, so that it is made anew.

use std::{fs, io, path::Path};

use super::{Key, Manifest, QUARANTINE, Store, blob::Fault, inside, touch};
use crate::shown;

/// How many wrong files of one result are named.
const TOLD: usize = 3;

impl Store {
    /// The record for a key; a damaged one is put in quarantine.
    pub(super) fn read(&self, key: Key, damaged: &dyn Fn(String)) -> Option<Manifest> {
        let path = self.manifest_path(key);
        let wrong = |error: &io::Error| {
            // Of a kind, or of a size, that no record has.
            matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge)
        };
        match self.record(key) {
            Ok(Some(manifest)) => return Some(manifest),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if !wrong(&error) => {
                damaged(format!("cannot read {}: {error}", shown::path(&path)));
            }
            _ => damaged(format!(
                "the record of result {} is damaged; {}",
                key.short(),
                self.quarantine(&path)
            )),
        }
        None
    }

    /// Whether every blob of a result is there and right; wrong ones are put in quarantine.
    pub(super) fn is_whole(&self, manifest: &Manifest, thorough: bool, damaged: &dyn Fn(String)) -> bool {
        let (mut wrong, key) = (0, manifest.key.short());
        for (name, &output) in &manifest.outputs {
            let Err(fault) = self.blobs.check(output, thorough) else { continue };
            let what = match fault {
                Fault::Missing => "is missing".to_owned(),
                Fault::Wrong => {
                    format!("is damaged; {}", self.quarantine(&self.blobs.path(output.digest)))
                }
            };
            wrong += 1;
            if wrong <= TOLD {
                damaged(format!("stored file `{}` of result {key} {what}", shown::text(name.as_str())));
            }
        }
        if wrong > TOLD {
            damaged(format!("{} more stored files of result {key} are missing or damaged", wrong - TOLD));
        }
        wrong == 0
    }

    /// Moves a wrong file away, and says so.
    fn quarantine(&self, path: &Path) -> String {
        let folder = self.root.join(QUARANTINE);
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "-");
        let moved = || {
            inside::check(&self.root, path)?;
            inside::make(&self.root, &folder)?;
            // What was wrong there before makes room.
            inside::remove(&self.root, &folder.join(&name))?;
            fs::rename(path, folder.join(&name))?;
            touch(&folder.join(&name));
            Ok(())
        };
        match self.may_write().map_err(io::Error::other).and_then(|()| moved()) {
            Ok(()) => format!("it was moved to {}", shown::path(&folder)),
            Err(error) => format!("it could not be moved to {}: {error}", shown::path(&folder)),
        }
    }

    /// Moves what is no file away from where one is wanted, and says so.
    pub(super) fn make_way(&self, path: &Path) -> Option<String> {
        let wrong = fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file());
        wrong.then(|| format!("{} is not a file; {}", shown::path(path), self.quarantine(path)))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_away_from_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("store"), dir.path().join("outside"));
        let store = Store::open(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        std::os::unix::fs::symlink(&outside, root.join("blobs")).unwrap();
        let said = store.quarantine(&root.join("blobs/file"));
        assert!(said.ends_with("blobs is a link, where a folder is wanted"), "{said}");
        assert!(outside.join("file").exists());
    }

    #[test]
    fn three_damaged_files_are_named_and_more_are_counted() {
        for (files, told) in [(3, 3), (5, 4)] {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let write = |out: &Path| (0..files).try_for_each(|i| fs::write(out.join(i.to_string()), [i]));
            let artifact = crate::store::slot::tests::make(&store, write).unwrap();
            fs::remove_dir_all(dir.path().join("blobs")).unwrap();
            let lines = std::cell::RefCell::new(Vec::new());
            assert!(!store.is_whole(artifact.manifest(), false, &|line| lines.borrow_mut().push(line)));
            let lines = lines.into_inner();
            assert_eq!(lines.len(), told, "{lines:?}");
            assert_eq!(lines[told - 1].starts_with("2 more stored files of result"), files == 5, "{lines:?}");
        }
    }
}
