//! Models that are exported files: networks without an architecture, to be used, not trained.

use std::path::{Path, PathBuf};

use crate::{
    device_name::DeviceName,
    error::{Error, Result},
    eval::Classifier,
    export::{Content, FORMATS, Format, Usable},
    files,
    node::Context,
    progress::Stop,
    spec::{Place, Problem},
    store::Artifact,
    suggest::joined,
    weights::MAX_BYTES,
};

/// The most files that a format's folder has.
const MOST_FILES: usize = 1000;

/// What lies at `path` as a model that is ready to classify: an exported network, or weights of a whole model.
///
/// # Errors
/// If it is neither, or can't be used.
pub fn open(path: &Path, device: DeviceName) -> Result<Classifier> {
    match Format::of(path) {
        Some(format) => classifier(Usable::read(format, path)?),
        None => Classifier::load(path, device),
    }
}

/// Keeps the exported network at `path` as the result of a model node; none if there is no such one.
///
/// # Errors
/// If it can't be used.
pub(super) fn keep(cx: &Context<'_>, path: &Path) -> Result<Option<()>> {
    let Some(format) = Format::of(path) else { return Ok(None) };
    let usable = Usable::read(format, path)?;
    let (title, classes, size) = (format.0.title, usable.names.len(), usable.size);
    cx.progress.note(format!("an exported network ({title}) for {classes} classes and {size} pixels"));
    usable.gaps.iter().for_each(|gap| cx.progress.note(format!("the file does not tell {gap}")));
    cx.write(Usable::FILE, usable.into_bytes()?).map(Some)
}

/// The exported network that a model node kept; none if it has weights.
///
/// # Errors
/// If it can't be read.
pub(super) fn kept(artifact: &Artifact) -> Result<Option<Classifier>> {
    if !artifact.has(Usable::FILE) {
        return Ok(None);
    }
    let path = artifact.path(Usable::FILE)?;
    let bytes = files::read(&path, MAX_BYTES).map_err(|error| Error::io("read", &path, error))?;
    Usable::from_bytes(&bytes).and_then(classifier).map(Some)
}

/// An exported network as a model that is ready to classify.
///
/// # Errors
/// If what it tells of its preprocessing is not what Kiln knows.
pub fn classifier(usable: Usable) -> Result<Classifier> {
    let (names, size, eval) = (usable.names.clone(), usable.size, usable.eval.clone());
    Classifier::exported(names, size, eval, Box::new(usable.runner()))
}

/// Refuses a model that is an exported network.
///
/// # Errors
/// If it is.
pub(super) fn must_not_be(artifact: &Artifact) -> Result<()> {
    if artifact.has(Usable::FILE) { Err(no_weights()) } else { Ok(()) }
}

/// Why an exported network can't be trained, nor exported again.
pub(super) fn no_weights() -> Error {
    Error::new(
        "`model` is an exported network: it can be used by `predict` and `val`, not trained or exported",
    )
    .help("name the weights that it was exported from: a .safetensors, .bpk or .pt file")
}

/// What is wrong with the keys of a model node whose weights are the exported network at `path`; `given` are the keys that
/// make another network.
pub(super) fn problems(path: &Path, given: &[&'static str]) -> Option<Vec<Problem>> {
    let (format, _) = Format::of(path)?;
    let title = format.title;
    let problem = |key: &&'static str| {
        let message = format!("`{key}` beside an exported network");
        Problem::rule(Place::Key([*key].into()), message)
            .label(format!("{title} says it already"))
            .help(format!("leave it out, or name weights that can be trained: {WEIGHTS}"))
    };
    Some(given.iter().map(problem).collect())
}

/// What weights are called that can be trained.
pub(super) const WEIGHTS: &str = "a .safetensors, .bpk or .pt file";

/// The formats of networks, as in `ONNX, OpenVINO or TFLite`.
pub(super) fn formats() -> String {
    let networks = FORMATS.iter().filter(|format| matches!(format.content, Content::Network(_)));
    joined(&networks.map(|format| format.title).collect::<Vec<_>>(), "or")
}

/// The files that count of what weights are named: all of a folder, or the file itself.
///
/// # Errors
/// If a folder can't be read, or has very many files.
pub fn all_files(path: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
    let (mut files, mut open) = (Vec::new(), vec![path.to_owned()]);
    while let Some(path) = open.pop() {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let read = |error| Error::io("read", &path, error);
        for entry in path.read_dir().map_err(read)? {
            open.push(entry.map_err(read)?.path());
        }
        if files.len() + open.len() > MOST_FILES {
            return Err(Error::new(format!("{} has too many files for a model", path.display())));
        }
    }
    files.sort();
    Ok(files)
}
