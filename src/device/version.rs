//! The version of a LibTorch, by the files beside it. The build script reads this file too.

use std::{fs, path::Path};

/// The version of the LibTorch below `root`, e.g. `2.9.0+cu128`: that of a Python package, or of an archive of LibTorch.
pub(super) fn version(root: &Path) -> Option<String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).ok();
    let of_package = || {
        let text = read("version.py")?;
        let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
        Some(line.trim_matches(['\'', '"']).to_owned())
    };
    of_package().or_else(|| Some(read("build-version")?.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lies_beside_the_libraries() {
        let root = tempfile::tempdir().unwrap();
        let lies = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        assert_eq!(version(root.path()), None);
        lies("build-version", "2.9.0+cpu\n");
        assert_eq!(version(root.path()).as_deref(), Some("2.9.0+cpu"));
        lies("version.py", "__all__ = []\n__version__ = '2.9.1+cu128'\ndebug = False\n");
        assert_eq!(version(root.path()).as_deref(), Some("2.9.1+cu128"));
    }
}
