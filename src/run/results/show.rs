//! Filling a node's folder with what a run gave.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Results, in_the_way_error, store_error};
use crate::{
    atomic::{self, Durability},
    error::Result,
    run::ownership::{self, MANIFEST, RECIPE, discard, foreign, recipe_text},
    store::{Artifact, Key, Manifest, Store, set_read_only},
};

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

impl Results {
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
        let before = before(&folder, artifact, store);
        let away = if let Before::Kept(away) = &before { away } else { &old };
        match fs::rename(&folder, away) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&new, &folder)?;
        discard(&old)?;
        Ok(before)
    }

    /// Whether the folder of `node` holds exactly this artifact. Unchanged files are not read.
    pub(super) fn is_current(&self, node: &str, artifact: &Artifact, store: &Store) -> bool {
        let folder = self.folder(node);
        let outputs = &artifact.manifest().outputs;
        let paths: Vec<_> = outputs.keys().map(|name| folder.join(name)).collect();
        ownership::record(&folder).as_ref() == Some(artifact.manifest())
            && folder.join(RECIPE).is_file()
            && store.files().look_all(&paths).is_ok_and(|looked| {
                looked.iter().zip(outputs.values()).all(|(looked, output)| looked.digest == output.digest)
            })
    }
}

/// What will become of the result in `folder` when `artifact` takes its place.
fn before(folder: &Path, artifact: &Artifact, store: &Store) -> Before {
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
