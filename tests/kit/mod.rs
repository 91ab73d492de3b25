//! What several files of tests would otherwise each write: the repository's files, its program, and runs of pipelines.
#![allow(dead_code, reason = "each file of tests is a program of its own, and uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use kiln::{
    error::Result,
    event::Event,
    node::Kind,
    plan::{self, Loaded},
    progress::Stop,
    run::{self, Options, Origin, Results, RunRequest, Summary},
    spec::render::Style,
    store::Store,
};

/// A file or folder of the repository.
pub(crate) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The YAML files of a folder of the repository, by name. Seen from its root, where tests run, so that snapshots
/// name no checkout.
pub(crate) fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no files");
    files
}

/// The program, in a folder and with no store but the folder's own.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.current_dir(folder).env_remove("KILN_STORE");
    command
}

/// A pipeline file that is right.
#[track_caller]
pub(crate) fn load(file: &Path, kinds: &[Kind]) -> Loaded {
    plan::load(file, kinds).unwrap_or_else(|rejected| panic!("{}", rejected.human(Style::PLAIN)))
}

/// Where the pipeline shows its results when it is run in `folder`.
pub(crate) fn results(loaded: &Loaded, folder: &Path) -> Results {
    let file = Origin::File("pipeline.yaml".into());
    Results::new(folder.join("runs").join(&loaded.plan.name), file, folder)
}

/// Runs a pipeline whose results are shown in `folder`.
pub(crate) fn run(
    loaded: &Loaded,
    folder: &Path,
    store: &Store,
    options: &Options,
    stop: &Stop,
    emit: &(dyn Fn(Event) + Sync),
) -> Result<Summary> {
    let results = results(loaded, folder);
    run::run(&RunRequest {
        spec: &loaded.spec,
        plan: &loaded.plan,
        store,
        results: &results,
        options,
        emit,
        stop,
    })
}
