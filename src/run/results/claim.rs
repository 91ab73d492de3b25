//! Whose a folder of results is, and making it a pipeline's own.

use std::{fs, io};

use super::{LOCK, PIPELINE, Results, in_the_way_error, store_error};
use crate::{
    atomic::{self, Durability, TEMPORARY},
    error::{Error, Result},
    paths,
    plan::Plan,
    run::{
        origin::{Origin, Record},
        ownership::{Foreign, What},
    },
    shown,
    spec::PipelineSpec,
    store::Digest,
};

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

    pub(super) fn must_stand_free(&self) -> Result<()> {
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

    /// Makes the folder this pipeline's, and writes `pipeline.yaml`: the spec with its defaults, valid from where
    /// it lies. Writes nothing where all is as it must be.
    ///
    /// # Errors
    /// When it can't be written, or somebody else was faster.
    pub fn claim(&self, spec: &PipelineSpec, plan: &Plan) -> Result<()> {
        let (path, text) = (self.root.join(PIPELINE), text_of(spec, plan));
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
}

/// What `pipeline.yaml` says: the spec; of a sweep, what makes it one, so that it is one again.
fn text_of(spec: &PipelineSpec, plan: &Plan) -> String {
    let Some(sweep) = &plan.sweep else { return with_absolute_paths(spec, plan).to_yaml() };
    let paths = plan
        .steps()
        .iter()
        .flat_map(|step| step.node.sources().into_iter().map(move |source| (step, source)));
    let paths: Vec<_> = paths.collect();
    sweep.to_yaml(
        &plan.base,
        paths.iter().map(|(step, source)| (step.id.as_str(), source.key, source.path.as_str())),
    )
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
