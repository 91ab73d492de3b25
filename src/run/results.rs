//! `runs/<pipeline>/`: what a run gave, where people look for it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind, Result},
    plan::Plan,
    spec::PipelineSpec,
    store::{
        Artifact, Lock, Manifest, Mode,
        atomic::{self, Durability},
        set_read_only,
        stat::StatIndex,
    },
};

/// The record of the result, beside its files.
const MANIFEST: &str = "manifest.json";
/// What decided the result, beside its files.
const RECIPE: &str = "recipe.json";

/// The folder of one pipeline's results.
///
/// Files there are copies (shared on disk where the file system can), never links into the store, and
/// read-only: what a person does to them can't harm the store.
pub struct Results {
    root: PathBuf,
}

impl Results {
    /// The folder for the pipeline called `name` below `runs`.
    pub fn new(runs: &Path, name: &str) -> Self {
        Self { root: runs.join(name) }
    }

    /// The folder of one node's files.
    pub fn folder(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// Writes `pipeline.yaml`: the spec with its defaults, valid from where it lies.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn show_spec(&self, spec: &PipelineSpec, plan: &Plan) -> Result<()> {
        let path = self.root.join("pipeline.yaml");
        let text = with_absolute_paths(spec, plan).to_yaml();
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        atomic::write(&path, text.as_bytes(), Durability::Relaxed)
            .map_err(|error| trouble("write", &path, error))
    }

    /// Makes the folder of `node` hold the artifact's files, its recipe and its manifest.
    ///
    /// A folder that holds them already is left alone; another one is replaced as a whole.
    ///
    /// # Errors
    /// When the folder can't be written; the old one is still there then.
    pub fn show(&self, node: &str, artifact: &Artifact, index: &StatIndex) -> Result<()> {
        let folder = self.folder(node);
        if is_current(&folder, artifact, index) {
            return Ok(());
        }
        self.replace(node, artifact).map_err(|error| trouble("write", &folder, error))
    }

    fn replace(&self, node: &str, artifact: &Artifact) -> io::Result<()> {
        let lock = self.root.join(".lock");
        let _lock = Lock::take(&lock, Mode::Exclusive, || false)?.expect("nobody stops this wait");
        let (new, old) = (self.root.join(format!(".{node}.new")), self.root.join(format!(".{node}.old")));
        // A killed run may have left these.
        remove(&new)?;
        remove(&old)?;
        fill(&new, artifact)?;
        let folder = self.folder(node);
        match fs::rename(&folder, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&new, &folder)?;
        remove(&old)
    }
}

/// The spec, with every path absolute: it lies in another folder than the file it was read from.
fn with_absolute_paths(spec: &PipelineSpec, plan: &Plan) -> PipelineSpec {
    let mut spec = spec.clone();
    for step in plan.steps() {
        for source in step.node.sources() {
            let path = plan.base.join(&source.path);
            let value = spec.nodes.get_mut(&step.id).and_then(|node| node.params.get_mut(source.key));
            if let (Some(value), Some(path)) = (value, path.to_str()) {
                *value = path.into();
            }
        }
    }
    spec
}

/// Whether the folder holds exactly this artifact. Unchanged files are not read.
fn is_current(folder: &Path, artifact: &Artifact, index: &StatIndex) -> bool {
    let record = fs::read_to_string(folder.join(MANIFEST)).ok();
    let same = record.and_then(|text| Manifest::from_json(&text)).as_ref() == Some(artifact.manifest());
    let outputs = &artifact.manifest().outputs;
    let paths: Vec<_> = outputs.keys().map(|name| folder.join(name)).collect();
    same && folder.join(RECIPE).is_file()
        && index.look_all(&paths).is_ok_and(|looked| {
            looked.iter().zip(outputs.values()).all(|(looked, output)| looked.digest == output.digest)
        })
}

fn fill(folder: &Path, artifact: &Artifact) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for name in artifact.names() {
        let target = folder.join(name);
        fs::create_dir_all(atomic::folder_of(&target))?;
        let blob = artifact.path(name).expect("an artifact has the files that it names");
        reflink_copy::reflink_or_copy(blob, &target)?;
        set_read_only(&target)?;
    }
    let manifest = artifact.manifest();
    let recipe = serde_json::to_string_pretty(&manifest.recipe).expect("a recipe is plain data") + "\n";
    for (name, text) in [(MANIFEST, manifest.to_json()), (RECIPE, recipe)] {
        let path = folder.join(name);
        fs::write(&path, text)?;
        set_read_only(&path)?;
    }
    Ok(())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn trouble(action: &str, path: &Path, error: io::Error) -> Error {
    Error::io(action, path, error).of_kind(ErrorKind::Store).help("results are shown under `runs/`")
}
