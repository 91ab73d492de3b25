//! What says that a folder is a store of Kiln's, and whose.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{inside, store_error::store_error};
use crate::{
    atomic::{self, Durability, TEMPORARY},
    error::{Error, Result},
    shown,
};

/// The file that marks a store: [`TEXT`] and the number of its format.
pub(super) const MARKER: &str = "format";
const TEXT: &str = "kiln store ";
/// Raised when another Kiln would do harm to a store that this one has written to.
const FORMAT: u32 = 1;

/// Tells backup programs that the folder can be made again (bford.info/cachedir).
pub(super) const CACHE_TAG: &str = "CACHEDIR.TAG";
pub(super) const CACHE_TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

/// The folders that a store may have.
const FOLDERS: [&str; 8] =
    ["manifests", "blobs", "scratch", "ends", "work", "locks", "downloads", "quarantine"];
/// The files that it may have, but for the packed ones, which are made anew when they are damaged.
const FILES: [&str; 4] = [MARKER, CACHE_TAG, ".gitignore", "lock"];

/// What a folder is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing yet: there is none, or it is empty.
    Free,
    /// A store from before there were markers.
    Unmarked,
    /// A store with a marker, in the format that this Kiln writes.
    Store,
}

/// Looks whether a folder is, or can become, a store. Changes nothing.
///
/// # Errors
/// Of kind store: when other things are there; when something in it, or `.kiln` or `.kiln/store` itself, is a
/// link or otherwise not what it must be; when it is of a newer format; when it can't be looked at.
pub(super) fn look(root: &Path) -> Result<Standing> {
    let trouble = |error| store_error("open the store", root, error);
    must_not_be_linked(root)?;
    match is_free(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
        Ok(true) => return Ok(Standing::Free),
        looked => looked.map_err(trouble)?,
    };
    FOLDERS.iter().try_for_each(|name| must_be(&root.join(name), "a folder"))?;
    FILES.iter().try_for_each(|name| must_be(&root.join(name), "a file"))?;
    match format(root) {
        Some(FORMAT) => Ok(Standing::Store),
        Some(other) => Err(of_format(root, other)),
        None if is_unmarked(root) => Ok(Standing::Unmarked),
        None => Err(not_a_store(root)),
    }
}

/// Marks a folder as a store.
///
/// # Errors
/// When it can't be written.
pub(super) fn mark(root: &Path) -> io::Result<()> {
    atomic::write(&root.join(MARKER), format!("{TEXT}{FORMAT}\n").as_bytes(), Durability::Synced)
}

/// Whether a store belongs to another user than the one that this process is: to whom the files that it makes
/// there belong, whatever the file system makes of owners.
///
/// # Errors
/// When that can't be found out, because nothing can be made there.
#[cfg(unix)]
pub(super) fn is_foreign(root: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &Path| fs::metadata(path).map(|metadata| metadata.uid());
    let mut owners = vec![owner(root)?];
    owners.extend(owner(&root.join(MARKER)).ok());
    let ours = |uid: u32| owners.iter().all(|owner| *owner == uid);
    if owner(Path::new("/proc/self")).is_ok_and(ours) {
        return Ok(false);
    }
    Ok(!ours(owner(atomic::temporary(root)?.path())?))
}

/// Whether a store belongs to another user: not known here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn is_foreign(_root: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Whether nothing is in a folder but what a process left that was killed before it could mark it.
fn is_free(root: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(root)? {
        if !entry?.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A store that nobody named, but that was found in a project, is where it seems to be.
fn must_not_be_linked(root: &Path) -> Result<()> {
    if !root.ends_with(".kiln/store") {
        return Ok(());
    }
    [root.parent(), Some(root)].into_iter().flatten().try_for_each(|folder| must_be(folder, "a folder"))
}

/// Whether there is nothing at `path`, or what is wanted: `a file`, `a folder`.
fn must_be(path: &Path, wanted: &str) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let is = inside::what(&metadata);
    if is == wanted {
        return Ok(());
    }
    let message = format!("{} is {is}, where the store has {wanted}", shown::path(path));
    let help = "nothing was changed; remove it, or name the folder of a store with `--store DIR`";
    Err(Error::store(message).help(help))
}

/// The number in the marker.
fn format(root: &Path) -> Option<u32> {
    let text = inside::read(root, &root.join(MARKER), 100).ok()?;
    std::str::from_utf8(&text).ok()?.strip_prefix(TEXT)?.trim_end().parse().ok()
}

/// Whether all is there that a Kiln without markers made first.
fn is_unmarked(root: &Path) -> bool {
    let tag = inside::read(root, &root.join(CACHE_TAG), 100);
    let at = |name: &str| -> PathBuf { root.join(name) };
    tag.is_ok_and(|tag| tag == CACHE_TAG_TEXT.as_bytes()) && at("manifests").is_dir() && at("lock").is_file()
}

fn of_format(root: &Path, number: u32) -> Error {
    let (root, version) = (shown::path(root), env!("CARGO_PKG_VERSION"));
    let message = format!("the store {root} has format {number}, and kiln {version} knows format {FORMAT}");
    Error::store(message).help("use the Kiln that made it, or name another place with `--store DIR`")
}

fn not_a_store(root: &Path) -> Error {
    let message = format!("{} is not a store: it holds other things, and no marker", shown::path(root));
    let help = "nothing was changed; name a store, or a new or empty folder, with `--store DIR`";
    Error::store(message).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(".kiln/store");
        fs::create_dir_all(&root).unwrap();
        (dir, root)
    }

    /// What a Kiln without markers leaves.
    fn unmarked(root: &Path) {
        fs::create_dir(root.join("manifests")).unwrap();
        fs::write(root.join("lock"), "").unwrap();
        fs::write(root.join(CACHE_TAG), CACHE_TAG_TEXT).unwrap();
    }

    fn why_not(root: &Path) -> String {
        let error = look(root).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("`--store DIR`")), "{error}");
        error.to_string().replace(&shown::path(root), "ROOT")
    }

    #[test]
    fn what_is_free_can_become_a_store() {
        let (dir, root) = folder();
        assert_eq!(look(&dir.path().join("none")).unwrap(), Standing::Free);
        assert_eq!(look(&root).unwrap(), Standing::Free);
        fs::write(root.join(".tmp-killed"), "kiln st").unwrap();
        assert_eq!(look(&root).unwrap(), Standing::Free);
        mark(&root).unwrap();
        assert_eq!(look(&root).unwrap(), Standing::Store);
        fs::write(root.join("notes.txt"), "of the user's").unwrap();
        assert_eq!(look(&root).unwrap(), Standing::Store);
    }

    #[test]
    fn other_things_make_it_no_store() {
        let (_dir, root) = folder();
        let no_store = "ROOT is not a store: it holds other things, and no marker";
        for name in ["notes.txt", "manifests", ".hidden"] {
            fs::create_dir(root.join(name)).unwrap();
            assert_eq!(why_not(&root), no_store);
            fs::remove_dir(root.join(name)).unwrap();
        }
        unmarked(&root);
        fs::write(root.join(CACHE_TAG), format!("{CACHE_TAG_TEXT}# of another program\n")).unwrap();
        assert_eq!(why_not(&root), no_store);
    }

    #[test]
    fn an_old_store_is_one_also_with_a_damaged_marker() {
        let (_dir, root) = folder();
        unmarked(&root);
        assert_eq!(look(&root).unwrap(), Standing::Unmarked);
        for damage in ["", "kiln sto", "kiln store x"] {
            fs::write(root.join(MARKER), damage).unwrap();
            assert_eq!(look(&root).unwrap(), Standing::Unmarked);
        }
        mark(&root).unwrap();
        assert_eq!(look(&root).unwrap(), Standing::Store);
    }

    #[test]
    fn a_newer_format_is_told() {
        let (_dir, root) = folder();
        fs::write(root.join(MARKER), "kiln store 2\n").unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(why_not(&root), format!("the store ROOT has format 2, and kiln {version} knows format 1"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_anywhere_is_told() {
        use std::os::unix::fs::symlink;
        let (dir, root) = folder();
        unmarked(&root);
        mark(&root).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        for name in FOLDERS.iter().chain(&FILES) {
            let aside = dir.path().join("aside");
            let there = fs::rename(root.join(name), &aside).is_ok();
            symlink(&elsewhere, root.join(name)).unwrap();
            let wanted = if FOLDERS.contains(name) { "a folder" } else { "a file" };
            assert_eq!(why_not(&root), format!("ROOT/{name} is a link, where the store has {wanted}"));
            fs::remove_file(root.join(name)).unwrap();
            if there {
                fs::rename(&aside, root.join(name)).unwrap();
            }
        }
        assert_eq!(look(&root).unwrap(), Standing::Store);
        // The store itself: where a project has it, no; where the user names it, yes.
        fs::rename(&root, dir.path().join("moved")).unwrap();
        for link in [root.as_path(), &dir.path().join("named")] {
            symlink(dir.path().join("moved"), link).unwrap();
        }
        assert_eq!(why_not(&root), "ROOT is a link, where the store has a folder");
        assert_eq!(look(&dir.path().join("named")).unwrap(), Standing::Store);
        let project = dir.path().join("project");
        fs::create_dir(&project).unwrap();
        symlink(dir.path(), project.join(".kiln")).unwrap();
        let error = look(&project.join(".kiln/store")).unwrap_err().to_string();
        assert!(error.ends_with("project/.kiln is a link, where the store has a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_store_is_of_who_made_it() {
        let (_dir, root) = folder();
        assert!(!is_foreign(&root).unwrap());
        mark(&root).unwrap();
        assert!(!is_foreign(&root).unwrap());
        // Only the administrator can give files away.
        for path in [root.join(MARKER), root.clone()] {
            if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
                assert!(is_foreign(&root).unwrap());
                std::os::unix::fs::chown(&path, Some(0), None).unwrap();
            }
        }
    }
}
