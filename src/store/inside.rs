//! What is done to paths inside the store: never through a link, and so never outside.
//!
//! A store may lie in a project that somebody else packed. Whoever changes something in it comes through here.
//! Who may write into the store *while* it is used could still swap a folder for a link between two steps; that
//! is nobody but its owner (`marker`).

use std::{
    fs::{self, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::files;

/// A regular file or a folder that lies in a folder of the store.
pub(super) struct Found {
    /// The name of the file or folder in the folder that it lies in.
    pub name: String,
    /// The path of the file or folder.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Refuses a path below `root` that leads through a link, or through what is no folder. What is at the path
/// itself is not looked at.
///
/// # Errors
/// That, in words for a person; of kind not found, when there is no such folder.
pub(super) fn check(root: &Path, path: &Path) -> io::Result<()> {
    let below = path.strip_prefix(root).map_err(io::Error::other)?;
    let folders = below.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    folders.map(|folder| root.join(folder)).try_for_each(|folder| must_be_folder(&folder))
}

/// Makes `folder` below `root`, and what lies between them.
///
/// # Errors
/// As [`check`], for the folder itself too; when it can't be made.
pub(super) fn make(root: &Path, folder: &Path) -> io::Result<()> {
    let below = folder.strip_prefix(root).map_err(io::Error::other)?;
    let mut at = root.to_owned();
    for part in below.components() {
        at.push(part);
        match fs::create_dir(&at) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => must_be_folder(&at)?,
            made => made?,
        }
    }
    Ok(())
}

/// The regular files and folders in a folder, by name. Links, what is neither, and what can't be listed or has
/// a name that is not UTF-8 (none of which is the store's) are left out; so is everything behind a link.
pub(super) fn list(folder: &Path) -> Vec<Found> {
    if must_be_folder(folder).is_err() {
        return Vec::new();
    }
    let mut all: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(found).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn found(entry: fs::DirEntry) -> Option<Found> {
    let kind = entry.file_type().ok().filter(|kind| kind.is_dir() || kind.is_file())?;
    Some(Found { name: entry.file_name().into_string().ok()?, path: entry.path(), is_folder: kind.is_dir() })
}

/// Removes what is at `path`, with all that lies in it; a link goes, and not what it leads to.
///
/// # Errors
/// As [`check`]; when it can't be removed. That there is nothing is no error.
pub(super) fn remove(root: &Path, path: &Path) -> io::Result<()> {
    let removed = check(root, path).and_then(|()| fs::symlink_metadata(path)).and_then(|metadata| {
        // It looks at each folder again, and follows no link in it either.
        if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    });
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The properties of a regular file.
///
/// # Errors
/// As [`check`]; of kind invalid input, when there is something else; of kind not found, when there is nothing.
pub(super) fn look(root: &Path, path: &Path) -> io::Result<Metadata> {
    check(root, path)?;
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, not a file", what(&metadata))))
}

/// All bytes of a regular file.
///
/// # Errors
/// As [`look`]; of kind file too large, when there are more than `limit`; when it can't be read.
pub(super) fn read(root: &Path, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    look(root, path).and_then(|_| files::read(path, limit))
}

/// Whether a folder has nothing but regular files and folders in it, however deep.
pub(super) fn is_plain(folder: &Path) -> bool {
    let plain = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => is_plain(&entry.path()),
            kind => kind.is_ok_and(|kind| kind.is_file()),
        })
    };
    must_be_folder(folder).and_then(|()| fs::read_dir(folder)).is_ok_and(|mut entries| entries.all(plain))
}

/// The options for opening what is no link, and without waiting for the other end of a pipe.
#[cfg(unix)]
pub(super) fn unfollowed(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

/// The options for opening what is no link, as far as this system can say so.
#[cfg(not(unix))]
pub fn unfollowed(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// What something is, with its article.
pub(super) fn what(metadata: &Metadata) -> &'static str {
    match metadata.file_type() {
        kind if kind.is_symlink() => "a link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_file() => "a file",
        _ => "neither a file nor a folder",
    }
}

fn must_be_folder(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        return Ok(());
    }
    let message = format!("{} is {}, where a folder is wanted", crate::shown::path(path), what(&metadata));
    Err(io::Error::new(io::ErrorKind::NotADirectory, message))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with `real/file`, a folder `outside` with `file`, and links to it at `real/link` and `linked`.
    fn links() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for folder in [root.join("real"), dir.path().join("outside")] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("file"), "precious").unwrap();
        }
        symlink("../outside", root.join("linked")).unwrap();
        symlink("../../outside", root.join("real/link")).unwrap();
        (dir, root)
    }

    #[test]
    fn nothing_is_reached_through_a_link() {
        let (dir, root) = links();
        let through = [root.join("linked/file"), root.join("real/link/file")];
        for path in &through {
            assert!(path.exists());
            for error in [check(&root, path), remove(&root, path), look(&root, path).map(drop)] {
                let error = error.unwrap_err().to_string();
                assert!(error.ends_with("is a link, where a folder is wanted"), "{error}");
            }
            assert!(make(&root, &path.with_file_name("new")).is_err());
            assert!(list(path.parent().unwrap()).is_empty());
        }
        let outside: Vec<_> = fs::read_dir(dir.path().join("outside")).unwrap().flatten().collect();
        assert_eq!(outside.len(), 1);
        assert!(check(&root, &dir.path().join("outside/file")).is_err());
    }

    #[test]
    fn a_link_is_removed_and_not_what_it_leads_to() {
        let (dir, root) = links();
        symlink("../outside/file", root.join("to_file")).unwrap();
        for name in ["linked", "real", "to_file", "none"] {
            remove(&root, &root.join(name)).unwrap();
        }
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(dir.path().join("outside/file")).unwrap(), "precious");
    }

    #[test]
    fn only_regular_files_and_folders_are_listed_and_read() {
        let (_dir, root) = links();
        fs::create_dir(root.join("real/below")).unwrap();
        let names: Vec<_> = list(&root.join("real")).into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["below", "file"]);
        assert_eq!(read(&root, &root.join("real/file"), 8).unwrap(), b"precious");
        let error = |name: &str| look(&root, &root.join(name)).unwrap_err().to_string();
        assert_eq!(error("real"), "it is a folder, not a file");
        assert_eq!(error("linked"), "it is a link, not a file");
        assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
        assert_eq!(error("pipe"), "it is neither a file nor a folder, not a file");
        assert!(!is_plain(&root.join("real")) && !is_plain(&root.join("linked")));
        fs::remove_file(root.join("real/link")).unwrap();
        assert!(is_plain(&root.join("real")) && !is_plain(&root.join("none")));
    }

    #[test]
    fn folders_are_made_where_none_is() {
        let (_dir, root) = links();
        make(&root, &root.join("a/b")).unwrap();
        make(&root, &root.join("a/b")).unwrap();
        assert!(root.join("a/b").is_dir());
        let error = make(&root, &root.join("real/file/c")).unwrap_err().to_string();
        assert!(error.ends_with("is a file, where a folder is wanted"), "{error}");
    }
}
