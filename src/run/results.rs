//! The folder of one pipeline's results, `runs/<pipeline>/`: what a run gave, where people look for it.
//!
//! ```text
//! runs/<pipeline>/
//!   results.json        whose results these are ([`Origin`])
//!   pipeline.yaml       the pipeline as it was run, with all defaults
//!   <node>/             the node's files, `recipe.json` and `manifest.json`
//! ```
//!
//! Files there are copies (shared on disk where the file system can), never links into the store, and read-only: what
//! a person does to them can't harm the store. What Kiln did not make there ([`super::ownership`]) stays as it is: a
//! run that would replace it ends before anything is computed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    forecast::forecast,
    origin::{Origin, Record},
    ownership::{self, Foreign, MANIFEST, RECIPE, What, discard, foreign, recipe_text},
};
use crate::{
    atomic::{self, Durability, TEMPORARY},
    error::{Error, ErrorKind, Result},
    paths,
    plan::Plan,
    shown,
    spec::PipelineSpec,
    store::{Artifact, Digest, Key, Lock, Manifest, Mode, Store, set_read_only},
};

/// The pipeline as it was run.
const PIPELINE: &str = "pipeline.yaml";
/// Held while a folder is claimed or replaced.
const LOCK: &str = ".lock";

/// The folder of one pipeline's results.
#[derive(Debug, Clone)]
pub struct Results {
    root: PathBuf,
    origin: Origin,
    /// Where the paths of pipeline files in records start.
    project: PathBuf,
    /// What makes that the project, for people.
    because: String,
}

/// What became of the result that a folder showed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// There was none, or it is the same.
    Nothing,
    /// The store still has it under this key.
    InStore(Key),
    /// The store has it no more; it lies in this folder now.
    Kept(PathBuf),
}

/// What a folder is to results that would like to be shown there.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// It shows them already, or nothing yet.
    Free,
    /// It shows those of another file or command.
    Others(Origin),
    /// Something lies there that Kiln did not make.
    InTheWay(Foreign),
}

impl Results {
    /// The folder `root` for the results of `origin` in a project, where the paths of pipeline files start.
    pub fn new(root: impl Into<PathBuf>, origin: Origin, project: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), origin, project: project.into(), because: String::new() }
    }

    /// The same, with what makes the project the one that it is, for people: "it has `.git`".
    #[must_use]
    pub fn because(self, because: impl Into<String>) -> Self {
        Self { because: because.into(), ..self }
    }

    /// The project, and what makes it the one.
    pub(super) fn project(&self) -> (&Path, &str) {
        (&self.project, &self.because)
    }

    /// The folder of all nodes' results.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one node's files.
    pub fn folder(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// Whether the results can be shown without replacing those of another file or command.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn is_free(&self) -> Result<bool> {
        Ok(self.standing()? == Standing::Free)
    }

    fn standing(&self) -> Result<Standing> {
        let look = || -> io::Result<Standing> {
            let there = match fs::symlink_metadata(&self.root) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
                there => there?,
            };
            if there.is_symlink() || !there.is_dir() {
                let what = if there.is_symlink() { What::Link } else { What::File };
                return Ok(Standing::InTheWay(Foreign { path: self.root.clone(), what }));
            }
            match Record::read(&self.root) {
                Some(record) if self.is_gone(&record.of) || record.of == self.origin => {
                    self.pipeline(&record)
                }
                Some(record) => Ok(Standing::Others(record.of)),
                None => self.unrecorded(),
            }
        };
        look().map_err(|error| store_error("read", &self.root, error))
    }

    /// Whether results are those of a file that is no longer there: it was renamed, or moved with its project.
    fn is_gone(&self, of: &Origin) -> bool {
        match (of, &self.origin) {
            (Origin::File(theirs), Origin::File(_)) => !self.project.join(theirs).exists(),
            _ => false,
        }
    }

    /// A folder with a record: `pipeline.yaml` must be as Kiln wrote it.
    fn pipeline(&self, record: &Record) -> io::Result<Standing> {
        let path = self.root.join(PIPELINE);
        let is_ours = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
            Ok(there) => there.is_file() && record.pipelines.contains(&Digest::of_file(&path)?.0),
        };
        let what = What::Changed;
        Ok(if is_ours { Standing::Free } else { Standing::InTheWay(Foreign { path, what }) })
    }

    /// A folder without a record is nobody's only if it is empty.
    fn unrecorded(&self) -> io::Result<Standing> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            names.push(entry?.file_name());
        }
        names.sort();
        let is_ours = |name: &str| name == LOCK || name.starts_with(TEMPORARY);
        let other = names.into_iter().find(|name| !name.to_str().is_some_and(is_ours));
        let in_the_way = |name| Foreign { path: self.root.join(name), what: What::Unknown };
        Ok(other.map_or(Standing::Free, |name| Standing::InTheWay(in_the_way(name))))
    }

    /// Whether the results of the `wanted` steps can be shown, and none of them is read by the same run.
    ///
    /// Nodes in `force` run anew; the others replace what is shown only if that is not what the store has for them.
    ///
    /// # Errors
    /// Of kind store: what lies in the way and what to do.
    pub fn check(&self, plan: &Plan, store: &Store, wanted: &[usize], force: &[String]) -> Result<()> {
        self.must_stand_free()?;
        self.must_not_read_itself(plan, wanted)?;
        let mut blocked = Vec::new();
        for &index in wanted {
            let folder = self.folder(&plan.steps()[index].id);
            let others =
                foreign(&folder, store.files()).map_err(|error| store_error("read", &folder, error))?;
            if !others.is_empty() {
                blocked.push((index, others));
            }
        }
        if blocked.is_empty() {
            return Ok(());
        }
        // What can't be foreseen may well be replaced.
        let forecasts = forecast(plan, store).unwrap_or_default();
        let stays = |index: usize| {
            let recipe = forecasts.get(index).and_then(|forecast| forecast.recipe.as_ref());
            let artifact = recipe.and_then(|recipe| store.find(recipe.key()));
            let id = &plan.steps()[index].id;
            !force.contains(id) && artifact.is_some_and(|artifact| self.is_current(id, &artifact, store))
        };
        let mut in_the_way = blocked.into_iter().filter(|(index, _)| !stays(*index));
        in_the_way.next().map_or(Ok(()), |(_, others)| Err(in_the_way_error(&others)))
    }

    fn must_stand_free(&self) -> Result<()> {
        match self.standing()? {
            Standing::Free => Ok(()),
            Standing::InTheWay(foreign) => Err(in_the_way_error(&[foreign])),
            Standing::Others(origin) => {
                let message = format!("{} shows the results of {}", shown::path(&self.root), owner(&origin));
                Err(Error::store(message).help(match self.origin {
                    Origin::File(_) => {
                        "give this file another `name:`, or name another folder with `--out DIR`"
                    }
                    Origin::Command(_) => "name another folder with `--out DIR`",
                }))
            }
        }
    }

    /// A source among the results that the same run replaces would be another one each time.
    fn must_not_read_itself(&self, plan: &Plan, wanted: &[usize]) -> Result<()> {
        for &index in wanted {
            let step = &plan.steps()[index];
            let paths =
                step.node.sources().into_iter().map(|source| paths::resolve(&plan.base, &source.path));
            if let Some(path) = paths.into_iter().find(|path| self.replaces(path, plan, wanted)) {
                return Err(self.reads_itself(&step.id, &path));
            }
        }
        Ok(())
    }

    /// The first of many files that lies among the results of the `wanted` steps. The system is asked only about those
    /// whose names say that they lie in this folder.
    pub(super) fn first_replaced<'f>(
        &self,
        mut files: impl Iterator<Item = &'f Path>,
        plan: &Plan,
        wanted: &[usize],
    ) -> Option<&'f Path> {
        let roots = [Some(self.root.clone()), fs::canonicalize(&self.root).ok()];
        let close = |file: &Path| roots.iter().flatten().any(|root| file.starts_with(root));
        files.find(|file| close(file) && self.replaces(file, plan, wanted))
    }

    /// Whether a file lies among the results of the `wanted` steps.
    fn replaces(&self, file: &Path, plan: &Plan, wanted: &[usize]) -> bool {
        lies_in(file, &self.root)
            && wanted.iter().any(|&index| lies_in(file, &self.folder(&plan.steps()[index].id)))
    }

    /// The error of a node that reads `path`, which lies among the results that its run replaces.
    pub(super) fn reads_itself(&self, node: &str, path: &Path) -> Error {
        let message =
            format!("node `{node}` reads {}, which this run replaces by its own result", shown::path(path));
        Error::store(message).help(
            "refer to the node that makes it, copy the file to another folder, or show these results elsewhere with \
             `--out DIR`",
        )
    }

    /// Makes the folder this pipeline's, and writes `pipeline.yaml`: the spec with its defaults, valid from where
    /// it lies. Writes nothing where all is as it must be.
    ///
    /// # Errors
    /// When it can't be written, or somebody else was faster.
    pub fn claim(&self, spec: &PipelineSpec, plan: &Plan) -> Result<()> {
        let (path, text) = (self.root.join(PIPELINE), with_absolute_paths(spec, plan).to_yaml());
        let is_written = || fs::read(&path).is_ok_and(|old| old == text.as_bytes());
        let record = Record::read(&self.root);
        if record.is_some_and(|record| record.of == self.origin) && is_written() {
            return Ok(());
        }
        let write = || -> io::Result<Result<()>> {
            fs::create_dir_all(&self.root)?;
            let _lock = self.lock()?;
            if let Err(taken) = self.must_stand_free() {
                return Ok(Err(taken));
            }
            // A kill between the two writes leaves either text, and both are Kiln's.
            let old = Digest::of_file(&path).ok().map(|(digest, _)| digest);
            let new = Digest::of_bytes(text.as_bytes());
            Record::new(self.origin.clone(), old.into_iter().chain([new])).write(&self.root)?;
            if !is_written() {
                atomic::write(&path, text.as_bytes(), Durability::Relaxed)?;
            }
            Ok(Ok(()))
        };
        write().map_err(|error| store_error("write", &self.root, error))?
    }

    /// Makes the folder of `node` hold the artifact's files, its recipe and its manifest.
    ///
    /// A folder that holds them already is left alone; another one is replaced as a whole, and it is told what became
    /// of what it showed.
    ///
    /// # Errors
    /// When the folder can't be written, or something of somebody else's lies in it; it is as before then.
    pub fn show(&self, node: &str, artifact: &Artifact, store: &Store) -> Result<Before> {
        if self.is_current(node, artifact, store) {
            return Ok(Before::Nothing);
        }
        let folder = self.folder(node);
        let others = foreign(&folder, store.files()).map_err(|error| store_error("read", &folder, error))?;
        if !others.is_empty() {
            return Err(in_the_way_error(&others));
        }
        self.replace(node, artifact, store).map_err(|error| store_error("write", &folder, error))
    }

    fn replace(&self, node: &str, artifact: &Artifact, store: &Store) -> io::Result<Before> {
        fs::create_dir_all(&self.root)?;
        let _lock = self.lock()?;
        let (new, old) = (self.root.join(format!(".{node}.new")), self.root.join(format!(".{node}.old")));
        // A killed run may have left these.
        discard(&new)?;
        discard(&old)?;
        fill(&new, artifact)?;
        let folder = self.folder(node);
        let before = self.before(&folder, artifact, store);
        let away = if let Before::Kept(away) = &before { away } else { &old };
        match fs::rename(&folder, away) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&new, &folder)?;
        discard(&old)?;
        Ok(before)
    }

    /// What will become of the result in `folder` when `artifact` takes its place.
    fn before(&self, folder: &Path, artifact: &Artifact, store: &Store) -> Before {
        let Some(Manifest { key, digest, .. }) = ownership::record(folder) else { return Before::Nothing };
        if digest == artifact.digest() {
            return Before::Nothing;
        }
        // The result that is shown now may have taken the other's place in the store.
        match store.find(key).is_some_and(|stored| stored.digest() == digest) {
            true => Before::InStore(key),
            false => Before::Kept(free_name(folder, &digest.short())),
        }
    }

    /// Whether the folder of `node` holds exactly this artifact. Unchanged files are not read.
    fn is_current(&self, node: &str, artifact: &Artifact, store: &Store) -> bool {
        let folder = self.folder(node);
        let outputs = &artifact.manifest().outputs;
        let paths: Vec<_> = outputs.keys().map(|name| folder.join(name)).collect();
        ownership::record(&folder).as_ref() == Some(artifact.manifest())
            && folder.join(RECIPE).is_file()
            && store.files().look_all(&paths).is_ok_and(|looked| {
                looked.iter().zip(outputs.values()).all(|(looked, output)| looked.digest == output.digest)
            })
    }

    fn lock(&self) -> io::Result<Lock> {
        let lock = Lock::take(&self.root.join(LOCK), Mode::Exclusive, || false)?;
        Ok(lock.expect("nobody stops this wait"))
    }
}

/// Writes an artifact's files, its recipe and its manifest into a folder that is not there yet or empty.
///
/// # Errors
/// When it can't be written.
pub fn fill(folder: &Path, artifact: &Artifact) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let manifest = artifact.manifest();
    // The record first: whatever a kill leaves is listed.
    for (name, text) in [(MANIFEST, manifest.to_json()), (RECIPE, recipe_text(manifest))] {
        let path = folder.join(name);
        atomic::write(&path, text.as_bytes(), Durability::Relaxed)?;
        set_read_only(&path)?;
    }
    for name in artifact.names() {
        let target = folder.join(name);
        fs::create_dir_all(atomic::folder_of(&target))?;
        let blob = artifact.path(name).expect("an artifact has the files that it names");
        reflink_copy::reflink_or_copy(blob, &target)?;
        set_read_only(&target)?;
    }
    Ok(())
}

/// `<folder>-<mark>`, or with a number behind it the first one where nothing lies.
fn free_name(folder: &Path, mark: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let names = std::iter::once(format!("{name}-{mark}")).chain((2..).map(|n| format!("{name}-{mark}-{n}")));
    let mut paths = names.map(|name| folder.with_file_name(name));
    paths.find(|path| fs::symlink_metadata(path).is_err()).expect("there are more numbers than files")
}

/// Whether `path` lies in `folder` or is it, as the file system sees it; both may be missing in part.
fn lies_in(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| {
        path.ancestors().find_map(|known| {
            let rest = path.strip_prefix(known).ok()?;
            fs::canonicalize(known).ok().map(|known| known.join(rest))
        })
    };
    match (real(path), real(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => path.starts_with(folder),
    }
}

/// The spec, with every path absolute: it lies in another folder than the file it was read from.
fn with_absolute_paths(spec: &PipelineSpec, plan: &Plan) -> PipelineSpec {
    let mut spec = spec.clone();
    for step in plan.steps() {
        for source in step.node.sources() {
            let path = paths::resolve(&plan.base, &source.path);
            let value = spec.nodes.get_mut(&step.id).and_then(|node| node.params.get_mut(source.key));
            if let (Some(value), Some(path)) = (value, path.to_str()) {
                *value = path.into();
            }
        }
    }
    spec
}

fn owner(origin: &Origin) -> String {
    match origin {
        Origin::File(path) => shown::path(path),
        Origin::Command(_) => "another command".to_owned(),
    }
}

fn in_the_way_error(others: &[Foreign]) -> Error {
    let Foreign { path, what } = &others[0];
    let path = shown::path(path);
    let more = match others.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more there)"),
    };
    let message = match what {
        What::Unknown => format!("{path}{more} is in the way of the results, and Kiln did not make it"),
        What::Changed => {
            format!("{path}{more} is in the way of the results: it was changed after Kiln wrote it")
        }
        What::Link => format!("{path} is a link, and a folder for results is wanted there"),
        What::File => format!("{path} is a file, and a folder for results is wanted there"),
    };
    Error::store(message).help(
        "nothing was touched; move it elsewhere, give the pipeline another `name:`, or name another folder with \
         `--out DIR`",
    )
}

fn store_error(action: &str, path: &Path, error: io::Error) -> Error {
    Error::io(action, path, error)
        .of_kind(ErrorKind::Store)
        .help("results are shown there; name another folder with `--out DIR`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pipeline_that_kiln_wrote_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("runs");
        let results = |root: PathBuf| Results::new(root, Origin::File("a.yaml".into()), dir.path());
        let is_free = || results(root.clone()).is_free();
        assert!(is_free().unwrap());
        fs::create_dir(&root).unwrap();
        let path = root.join(PIPELINE);
        fs::write(&path, "ours").unwrap();
        let ours = Digest::of_bytes(b"ours");
        Record::new(Origin::File("a.yaml".into()), [ours]).write(&root).unwrap();
        assert!(is_free().unwrap());
        fs::write(&path, "edited").unwrap();
        assert!(!is_free().unwrap());
        fs::remove_file(&path).unwrap();
        assert!(is_free().unwrap(), "what is gone is in nobody's way");
        fs::create_dir(&path).unwrap();
        assert!(!is_free().unwrap());
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(results(dir.path().join("file/below")).is_free().is_err());
    }
}
