//! What is told of the program and the sources in the records of results.

use std::{path::Path, process::Command};

use crate::{
    device::{self, LibTorch, Nvidia},
    store::{Commit, Digest, Surroundings},
};

/// The program, the libraries, and what git says of the folder `base`.
pub(super) fn surroundings(base: &Path) -> Surroundings {
    let libtorch = LibTorch::loaded();
    // Drivers matter to those who compute with them.
    let driver = libtorch.as_ref().and_then(|_| Nvidia::loaded()?.driver);
    Surroundings {
        binary: std::env::current_exe().ok().and_then(|program| Some(Digest::of_file(&program).ok()?.0)),
        vectors: Some(device::vectors().to_owned()),
        libtorch: libtorch.and_then(|loaded| loaded.version),
        driver,
        commit: commit(base),
        ..Surroundings::default()
    }
}

/// The commit that a folder is at, if git looks after it and is installed.
fn commit(folder: &Path) -> Option<Commit> {
    let id = git(folder, &[], &["rev-parse", "HEAD"])?;
    let question = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"];
    let dirty = !git(folder, &without_filters(folder), &question)?.is_empty();
    Some(Commit { id, dirty })
}

/// Settings that switch off each filter that git is told of: a filter is a program, and whoever packed the folder may have
/// named any.
fn without_filters(folder: &Path) -> Vec<String> {
    let names = git(
        folder,
        &[],
        &["config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"],
    );
    let off = |name: &str| format!("{name}={}", if name.ends_with(".required") { "false" } else { "" });
    names.unwrap_or_default().lines().map(off).collect()
}

/// What git answers, if it does; none of the programs that a repository's settings name is run for it.
fn git(folder: &Path, settings: &[String], question: &[&str]) -> Option<String> {
    let off = ["core.fsmonitor=false".to_owned()];
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(off.iter().chain(settings).flat_map(|setting| ["-c", setting]))
        .args(question)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .ok()?;
    let answer = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(folder: &Path, words: &[&str]) {
        let name = ["user.name=n", "user.email=e", "commit.gpgsign=false"].map(str::to_owned);
        git(folder, &name, words).unwrap_or_else(|| panic!("git {words:?}"));
    }

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        run(root.path(), &["init", "--quiet"]);
        fs::write(root.path().join("file"), "a").unwrap();
        run(root.path(), &["add", "file"]);
        root
    }

    #[test]
    fn git_tells_of_folders_that_it_looks_after() {
        assert_eq!(commit(tempfile::tempdir().unwrap().path()), None);
        let root = repository();
        assert_eq!(commit(root.path()), None, "nothing is committed yet");
        run(root.path(), &["commit", "--quiet", "--message", "m"]);
        let clean = commit(root.path()).unwrap();
        assert!(clean.id.len() >= 40 && !clean.dirty, "{clean:?}");
        fs::write(root.path().join("file"), "b").unwrap();
        assert_eq!(commit(root.path()), Some(Commit { dirty: true, ..clean }));
    }

    #[test]
    fn no_program_that_a_repository_names_is_run() {
        let root = repository();
        run(root.path(), &["commit", "--quiet", "--message", "m"]);
        let trace = root.path().join("trace");
        let program = format!("touch {}; cat", trace.display());
        for setting in ["filter.f.clean", "filter.f.process", "core.fsmonitor"] {
            run(root.path(), &["config", setting, &program]);
        }
        run(root.path(), &["config", "filter.f.required", "true"]);
        fs::write(root.path().join(".gitattributes"), "* filter=f\n").unwrap();
        fs::write(root.path().join("file"), "b").unwrap();
        assert!(commit(root.path()).unwrap().dirty);
        assert!(!trace.exists());
    }
}
