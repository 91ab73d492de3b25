//! Where the results of a pipeline file or a command belong.

use std::path::{Path, PathBuf};

use super::StoreArgs;
use crate::{
    error::{Error, Result},
    run::{Origin, Results},
};

/// A folder with a store and with results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder itself, absolute.
    pub root: PathBuf,
    /// What makes it the one, for people.
    pub because: String,
    /// Where results are kept.
    pub store: PathBuf,
    /// Where they are shown.
    pub runs: PathBuf,
}

/// What marks the folder of a project: a repository, or a file made for it. A store does not: Kiln makes one wherever it
/// runs, and where it once ran decides nothing.
const MARKS: [&str; 2] = [".git", ".kiln/project"];

impl Project {
    /// The project of a pipeline file: the nearest folder above it that is marked, or the file's own folder.
    ///
    /// The store is the one asked for, that of `KILN_STORE`, or `.kiln/store` of the project.
    pub fn of_file(file: &Path, store: &StoreArgs) -> Self {
        let file = absolute(file);
        Self::around(file.parent().unwrap_or(Path::new("/")), "the file's own folder", store)
    }

    /// The project of a command without a file: its results are shown in the current folder, its store is that of the
    /// marked folder around it, if there is one.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn of_command(store: &StoreArgs) -> Result<Self> {
        let here = std::env::current_dir().map_err(|error| Error::io("read", ".", error))?;
        let project = Self::around(&here, "", store);
        let because = "the current folder".to_owned();
        Ok(Self { runs: here.join("runs"), because, root: here, ..project })
    }

    fn around(folder: &Path, otherwise: &str, store: &StoreArgs) -> Self {
        let mark = |folder: &&Path| MARKS.iter().find(|mark| folder.join(mark).exists());
        let marked = folder.ancestors().find_map(|folder| Some((folder, mark(&folder)?)));
        let (root, because) = match marked {
            Some((root, mark)) => (root, format!("it has `{mark}`")),
            None => (folder, otherwise.to_owned()),
        };
        let asked = store
            .store
            .clone()
            .or_else(|| std::env::var_os("KILN_STORE").filter(|value| !value.is_empty()).map(PathBuf::from));
        let store = asked.unwrap_or_else(|| root.join(".kiln").join("store"));
        Self { root: root.to_owned(), because, store, runs: root.join("runs") }
    }

    /// The folder of the results of a pipeline file: `out`, or `runs/<name>`.
    pub fn results_of_file(&self, file: &Path, name: &str, out: Option<&Path>) -> Results {
        let file = absolute(file);
        let inside = file.strip_prefix(&self.root).map(Path::to_owned);
        let root = out.map_or_else(|| self.runs.join(name), absolute);
        self.results(root, Origin::File(inside.unwrap_or(file)))
    }

    /// The folder `root` for the results of `origin`.
    pub(super) fn results(&self, root: PathBuf, origin: Origin) -> Results {
        Results::new(root, origin, &self.root).because(&self.because)
    }
}

/// The path from the root of the file system, with its links and `..` left to the system.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_marked_folder_is_the_project() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        let none = StoreArgs::default();
        let of = |file: &str| Project::of_file(&root.join(file), &none);
        assert_eq!(of("a/b/c/p.yaml").runs, root.join("a/b/c/runs"));
        assert_eq!(of("a/b/c/p.yaml").because, "the file's own folder");
        fs::create_dir_all(root.join("a/.git")).unwrap();
        assert_eq!(of("a/b/c/p.yaml").runs, root.join("a/runs"));
        assert_eq!(of("a/b/c/p.yaml").because, "it has `.git`");
        fs::create_dir_all(root.join("a/b/.kiln/store")).unwrap();
        assert_eq!(of("a/b/c/p.yaml").runs, root.join("a/runs"), "a store marks nothing");
        fs::write(root.join("a/b/.kiln/project"), "").unwrap();
        assert_eq!(of("a/b/c/p.yaml").runs, root.join("a/b/runs"));
        let asked = StoreArgs { store: Some("elsewhere".into()) };
        let project = Project::of_file(&root.join("a/b/p.yaml"), &asked);
        assert_eq!((project.store, project.runs), ("elsewhere".into(), root.join("a/b/runs")));
    }
}
