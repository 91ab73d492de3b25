//! Where the results of a pipeline file belong.

use std::path::{Path, PathBuf};

use super::StoreArgs;

/// A folder with a store and with results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Where results are kept.
    pub store: PathBuf,
    /// Where they are shown.
    pub runs: PathBuf,
}

/// What marks the folder of a project.
const MARKS: [&str; 2] = [".kiln", ".git"];

impl Project {
    /// The project of a pipeline file: the nearest folder above it that has `.kiln` or `.git`, or its own.
    ///
    /// The store is the one asked for, that of `KILN_STORE`, or `.kiln/store` of the project.
    pub fn of_file(file: &Path, store: &StoreArgs) -> Self {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Self::of_folder(absolute.parent().unwrap_or(Path::new("/")), store)
    }

    /// The project that a folder, such as the current one, belongs to.
    pub fn of_folder(folder: &Path, store: &StoreArgs) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let marked = |folder: &&Path| MARKS.iter().any(|mark| folder.join(mark).exists());
        let root = folder.ancestors().find(marked).unwrap_or(&folder);
        let asked = store
            .store
            .clone()
            .or_else(|| std::env::var_os("KILN_STORE").filter(|value| !value.is_empty()).map(PathBuf::from));
        Self { store: asked.unwrap_or_else(|| root.join(".kiln").join("store")), runs: root.join("runs") }
    }
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
        let runs = |file: &str| Project::of_file(&root.join(file), &none).runs;
        assert_eq!(runs("a/b/c/p.yaml"), root.join("a/b/c/runs"));
        fs::create_dir(root.join("a/.git")).unwrap();
        assert_eq!(runs("a/b/c/p.yaml"), root.join("a/runs"));
        fs::create_dir(root.join("a/b/.kiln")).unwrap();
        assert_eq!(runs("a/b/c/p.yaml"), root.join("a/b/runs"));
        let asked = StoreArgs { store: Some("elsewhere".into()) };
        let project = Project::of_file(&root.join("a/b/p.yaml"), &asked);
        assert_eq!(project, Project { store: "elsewhere".into(), runs: root.join("a/b/runs") });
    }
}
