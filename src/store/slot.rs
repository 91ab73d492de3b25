//! The right to make one result.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Store,
    artifact::Artifact,
    ends::{self, Ended},
    inside,
    key::{Key, Recipe},
    lock::Lock,
    manifest::{self, Manifest, Provenance},
    store_error::store_error,
};
use crate::{
    atomic::{self, Durability},
    error::{Error, Result},
    names::PlainName,
    shown,
};

/// The right to make the result of one recipe: who holds it is the only one to work on it.
///
/// Dropping it without [`Self::commit`] leaves nothing behind but what the node put into its scratch
/// folder for the next try.
#[derive(Debug)]
pub struct Slot<'s> {
    store: &'s Store,
    recipe: Box<Recipe>,
    out: PathBuf,
    scratch: PathBuf,
    resumed: bool,
    _lock: Lock,
}

impl<'s> Slot<'s> {
    /// Makes the two folders; `anew` forgets what an interrupted try left. What holds links was not left by one.
    pub(super) fn new(store: &'s Store, recipe: Recipe, lock: Lock, anew: bool) -> Result<Self> {
        let key = recipe.key().to_string();
        let (out, scratch) = (store.root.join("work").join(&key), store.root.join("scratch").join(&key));
        store.remove(&out)?;
        if anew || !inside::is_plain(&scratch) {
            store.remove(&scratch)?;
        }
        for folder in [&out, &scratch] {
            inside::make(&store.root, folder).map_err(|error| store_error("make", folder, error))?;
        }
        let resumed = fs::read_dir(&scratch).is_ok_and(|mut left| left.next().is_some());
        Ok(Self { store, recipe: Box::new(recipe), out, scratch, resumed, _lock: lock })
    }

    /// An empty folder; what is left there becomes the result.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// A folder of this recipe alone that survives interruption.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Whether an earlier, interrupted try left something in the scratch folder.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Puts what is kept of where `result` ended into the scratch folder, unless an interrupted try left something there.
    ///
    /// # Errors
    /// Of kind store, when it can't be copied.
    pub fn begin_at(&mut self, result: Key) -> Result<()> {
        if self.resumed {
            return Ok(());
        }
        ends::copy(&self.store.root, result, &self.scratch)
            .map_err(|error| store_error("copy", &self.scratch, error))
    }

    /// Makes what lies in [`Self::out`] the result: files first, the record last. What lies in the scratch folder goes, or is
    /// kept as where the result `ended`, for longer work to begin at.
    ///
    /// # Errors
    /// Of kind store, when it can't be written; there is no result then.
    pub fn commit(self, provenance: Provenance, ended: Ended) -> Result<Artifact> {
        let manifest = self.take_files(provenance)?;
        let path = self.store.manifest_path(manifest.key);
        let text = manifest.to_json();
        if text.len() as u64 > manifest::LIMIT {
            return Err(too_many(&manifest));
        }
        inside::make(&self.store.root, atomic::folder_of(&path))
            .and_then(|()| atomic::write(&path, text.as_bytes(), Durability::Synced))
            .map_err(|error| store_error("write", &path, error))?;
        self.store.remove(&ends::folder(&self.store.root, manifest.key))?;
        match ended {
            Ended::Kept => ends::keep(&self.store.root, manifest.key, &self.scratch)
                .map_err(|error| store_error("keep", &self.scratch, error))?,
            Ended::Forgotten => self.store.remove(&self.scratch)?,
        }
        Ok(Artifact::new(manifest, &self.store.blobs))
    }

    /// Makes what lies in [`Self::out`] an artifact that can be used now and will not be found again,
    /// because it is not what the recipe says. Prune sweeps its files.
    ///
    /// # Errors
    /// Of kind store, when the files can't be written.
    pub fn finish_uncached(self, provenance: Provenance) -> Result<Artifact> {
        let manifest = self.take_files(provenance)?;
        self.store.remove(&self.scratch)?;
        Ok(Artifact::new(manifest, &self.store.blobs))
    }

    fn take_files(&self, provenance: Provenance) -> Result<Manifest> {
        let mut outputs = BTreeMap::new();
        collect(&self.out, "", &mut |name, path| {
            outputs.insert(plain(name, path)?, self.store.blobs.take(path)?);
            Ok(())
        })?;
        Ok(Manifest::new(*self.recipe.clone(), outputs, provenance))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // Left over folders are emptied by whoever gets the slot next, and swept by prune.
        let _ = inside::remove(&self.store.root, &self.out);
        let _ = inside::check(&self.store.root, &self.scratch).and_then(|()| fs::remove_dir(&self.scratch));
    }
}

/// Calls `take` with the name and the path of each file below `folder`, in order.
fn collect(folder: &Path, prefix: &str, take: &mut dyn FnMut(String, &Path) -> Result<()>) -> Result<()> {
    let list = || fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>();
    let mut entries = list().map_err(|error| store_error("list", folder, error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else { return Err(odd(&path, "its name is not UTF-8")) };
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(|error| store_error("look at", &path, error))?;
        if kind.is_dir() {
            collect(&path, &format!("{name}/"), take)?;
        } else if kind.is_file() {
            take(name, &path)?;
        } else {
            return Err(odd(&path, "it is neither a file nor a folder"));
        }
    }
    Ok(())
}

/// The name of a file that a node left, if a result can have such a file.
fn plain(name: String, path: &Path) -> Result<PlainName> {
    let name = PlainName::try_from(name).map_err(|error| odd(path, &error.to_string()))?;
    if manifest::is_reserved(&name) {
        return Err(odd(path, "Kiln writes a file of its own by this name beside each result"));
    }
    Ok(name)
}

fn odd(path: &Path, why: &str) -> Error {
    Error::new(format!("the node left {} behind, which can't be stored: {why}", shown::path(path)))
}

fn too_many(manifest: &Manifest) -> Error {
    let files = manifest.outputs.len();
    Error::new(format!("the node left {files} files behind, more than the record of a result can name"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::{Lookup, Request};

    /// What comes of a node that leaves in its folder what `work` does.
    pub(in crate::store) fn make(
        store: &Store,
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<Artifact> {
        let recipe = Recipe {
            format: crate::store::FORMAT,
            kind: "work".into(),
            version: 1,
            params: serde_json::Map::new(),
            inputs: BTreeMap::new(),
            sources: BTreeMap::new(),
            seed: None,
            precision: None,
        };
        let request = Request {
            recipe: &recipe,
            force: true,
            waiting: &|| (),
            damaged: &|line| panic!("{line}"),
            stopped: &|| true,
        };
        let Lookup::Miss(slot) = store.lookup(&request)? else { panic!("it is forced") };
        work(slot.out()).unwrap();
        slot.commit(Provenance::example(), Ended::Forgotten)
    }

    fn names(store: &Store, work: impl FnOnce(&Path) -> io::Result<()>) -> Result<Vec<String>, String> {
        let made =
            make(store, work).map_err(|error| error.to_string().replace(store.root().to_str().unwrap(), ""));
        made.map(|artifact| artifact.names().map(str::to_owned).collect())
    }

    #[test]
    fn what_a_node_leaves_is_named_by_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let left = names(&store, |out| {
            fs::create_dir_all(out.join("a/b"))?;
            fs::write(out.join("a/b/manifest.json"), "")?;
            fs::write(out.join("a-b"), "")
        });
        assert_eq!(left.unwrap(), ["a-b", "a/b/manifest.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_can_not_be_stored_is_told() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let touch = |name: &'static [u8]| move |out: &Path| fs::write(out.join(OsStr::from_bytes(name)), "");
        let mut told: Vec<_> = [&b"a:b"[..], b"Manifest.json", b"recipe.json", b"a\nb", b"\xff"]
            .into_iter()
            .map(|name| names(&store, touch(name)).unwrap_err())
            .collect();
        told.push(names(&store, |out| std::os::unix::fs::symlink("/etc/passwd", out.join("l"))).unwrap_err());
        let key = make(&store, |_| Ok(())).unwrap().key().to_string();
        insta::assert_snapshot!(told.join("\n").replace(&key, "KEY"), @r"
        the node left /work/KEY/a:b behind, which can't be stored: `a:b` is not a plain relative name
        the node left /work/KEY/Manifest.json behind, which can't be stored: Kiln writes a file of its own by this name beside each result
        the node left /work/KEY/recipe.json behind, which can't be stored: Kiln writes a file of its own by this name beside each result
        the node left /work/KEY/a\nb behind, which can't be stored: `a\nb` is not a plain relative name
        the node left /work/KEY/\xff behind, which can't be stored: its name is not UTF-8
        the node left /work/KEY/l behind, which can't be stored: it is neither a file nor a folder
        ");
    }
}
