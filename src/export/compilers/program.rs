//! Where a program lies.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The program called `name`, as a shell would find it: on `PATH`, or where the name says if that is a path. Links are
/// left alone, as an interpreter may find its packages by them.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.components().count() > 1 {
        return std::path::absolute(named).ok().filter(|path| can_run(path));
    }
    let folders = env::var_os("PATH")?;
    let places = env::split_paths(&folders).map(|folder| folder.join(name));
    places.filter_map(|path| std::path::absolute(path).ok()).find(|path| can_run(path))
}

#[cfg(unix)]
fn can_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn can_run(path: &Path) -> bool {
    path.is_file()
}
