//! Asking git about a folder that somebody else may have packed: none of the programs that its settings name is run.

use std::{
    io,
    path::Path,
    process::{Command, Output},
};

use crate::store::Commit;

/// What git says to a question, run in `folder` with additional `settings`.
///
/// # Errors
/// If git can't be started.
pub(super) fn ask(folder: &Path, settings: &[String], question: &[&str]) -> io::Result<Output> {
    let off = ["core.fsmonitor=false".to_owned()];
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(off.iter().chain(settings).flat_map(|setting| ["-c", setting]))
        .args(question)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
}

/// The commit that a folder is at, if git looks after it and is installed.
pub(super) fn commit(folder: &Path) -> Option<Commit> {
    let id = answer(folder, &[], &["rev-parse", "HEAD"])?;
    let question = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"];
    let dirty = !answer(folder, &without_filters(folder), &question)?.is_empty();
    Some(Commit { id, dirty })
}

/// Settings that switch off each filter that git is told of: a filter is a program, and whoever packed the folder may have
/// named any.
fn without_filters(folder: &Path) -> Vec<String> {
    let question = ["config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"];
    let off = |name: &str| format!("{name}={}", if name.ends_with(".required") { "false" } else { "" });
    answer(folder, &[], &question).unwrap_or_default().lines().map(off).collect()
}

/// What git answers, if it has an answer.
fn answer(folder: &Path, settings: &[String], question: &[&str]) -> Option<String> {
    let output = ask(folder, settings, question).ok()?;
    let answer = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(folder: &Path, words: &[&str]) {
        let name = ["user.name=n", "user.email=e", "commit.gpgsign=false"].map(str::to_owned);
        answer(folder, &name, words).unwrap_or_else(|| panic!("git {words:?}"));
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
