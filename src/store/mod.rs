//! WHAT IS KEPT: results by the digest of their recipe, files by the digest of their content.
//!
//! ```text
//! .kiln/store/
//!   manifests/ab/cdef….json   key -> files, recipe, story; written last, carries its own checksum
//!   blobs/12/3456…            read-only, named by content
//!   scratch/<key>/            what an interrupted node left for its next try
//!   work/<key>/               where a node writes now
//!   locks/<key>               one kernel lock per key; `lock` for the whole store
//!   downloads/<sha256>        files from elsewhere; `.part` is one that has not arrived yet
//!   quarantine/               blobs and manifests that turned out to be wrong
//!   files.index blobs.index   digests of unchanged files, verified blobs (see [`stat`])
//! ```
//!
//! Everything appears by rename, so a kill at any moment leaves a store that just works. Hits take no
//! lock and write nothing but a time stamp, so a read-only store serves them too.

mod artifact;
pub mod atomic;
mod blob;
mod digest;
mod key;
mod lease;
mod lock;
mod manifest;
mod prune;
mod slot;
pub mod stat;
mod verify;

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

pub use self::{
    artifact::Artifact,
    blob::set_read_only,
    digest::{Digest, NotADigest},
    key::{FORMAT, Key, Recipe, canonical},
    lock::{Lock, Mode},
    manifest::{Machine, Manifest, Output, Story},
    prune::{DEFAULT_LIMIT, GRACE, Limits, Pruned, prune},
    slot::Slot,
    verify::Verified,
};
use self::{
    atomic::{Durability, trouble},
    blob::{Blobs, Fault},
    stat::StatIndex,
};
use crate::error::{Error, Result};

/// The folder of finished results.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    blobs: Blobs,
    files: StatIndex,
    /// Shared with other runs; keeps prune away.
    _users: Option<Lock>,
}

/// What the store has for a recipe.
#[derive(Debug)]
pub enum Lookup<'s> {
    /// The result.
    Hit(Artifact),
    /// Nothing, and the right to make it: only a slot can write a result.
    Miss(Slot<'s>),
}

/// How to look a recipe up.
pub struct Request<'a> {
    /// What is wanted.
    pub recipe: &'a Recipe,
    /// Make it anew even if it is there.
    pub force: bool,
    /// Called once if another process is making it.
    pub waiting: &'a dyn Fn(),
    /// Called for everything that turned out to be wrong with what was kept.
    pub damaged: &'a dyn Fn(String),
    /// Whether to give up waiting.
    pub stopped: &'a dyn Fn() -> bool,
}

/// One result that the store has.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The record.
    pub manifest: Manifest,
    /// When it was last made or used.
    pub used: SystemTime,
}

impl Store {
    /// Opens the store at `root`, making it if needed.
    ///
    /// # Errors
    /// Of kind store, when there is none and it can't be made.
    pub fn open(root: &Path) -> Result<Self> {
        let users = match prepare(root) {
            Ok(users) => Some(users),
            Err(error) if root.join(MANIFESTS).is_dir() && is_forbidden(&error) => None,
            Err(error) => return Err(trouble("open the store", root, error)),
        };
        Ok(Self::at(root, users))
    }

    /// The store at `root`, there or not, for looking only: makes and changes nothing.
    pub fn peek(root: &Path) -> Self {
        let there = root.join(LOCK).is_file();
        let users = there.then(|| Lock::try_take(&root.join(LOCK), Mode::Shared).ok().flatten()).flatten();
        Self::at(root, users)
    }

    fn at(root: &Path, users: Option<Lock>) -> Self {
        Self {
            root: root.to_owned(),
            blobs: Blobs::open(root.join("blobs"), root.join("blobs.index")),
            files: StatIndex::open(root.join("files.index"), ""),
            _users: users,
        }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where files from elsewhere are kept under their digests.
    pub fn downloads(&self) -> PathBuf {
        self.root.join(DOWNLOADS)
    }

    /// Digests of files that are not in the store, kept so that unchanged ones are not read again.
    pub fn files(&self) -> &StatIndex {
        &self.files
    }

    /// The result for a recipe, or the right to make it.
    ///
    /// A result is looked at without a lock; only who finds nothing takes the key's lock, and looks again,
    /// for another process may have been faster.
    ///
    /// # Errors
    /// Of kind store, when the store can't be written; of kind interrupted, when stopped while waiting.
    pub fn lookup(&self, request: &Request<'_>) -> Result<Lookup<'_>> {
        let key = request.recipe.key();
        let told = Cell::new(false);
        let first = |line| {
            told.set(true);
            (request.damaged)(line);
        };
        if let Some(artifact) = self.hit(key, request, &first) {
            return Ok(Lookup::Hit(artifact));
        }
        let lock = self.lock(key, request)?;
        // Another run may have made it meanwhile. What was damaged is not told twice.
        let second = |line| {
            if !told.get() {
                (request.damaged)(line)
            }
        };
        if let Some(artifact) = self.hit(key, request, &second) {
            return Ok(Lookup::Hit(artifact));
        }
        Slot::new(self, request.recipe.clone(), lock, request.force).map(Lookup::Miss)
    }

    fn hit(&self, key: Key, request: &Request<'_>, damaged: &dyn Fn(String)) -> Option<Artifact> {
        if request.force {
            return None;
        }
        let manifest = self.read(key, damaged)?;
        if !self.is_whole(&manifest, false, damaged) {
            return None;
        }
        self.touch(key);
        Some(Artifact::new(manifest, &self.blobs))
    }

    fn lock(&self, key: Key, request: &Request<'_>) -> Result<Lock> {
        let path = self.root.join("locks").join(key.to_string());
        let trouble = |error| trouble("lock", &path, error);
        if let Some(lock) = Lock::try_take(&path, Mode::Exclusive).map_err(trouble)? {
            return Ok(lock);
        }
        (request.waiting)();
        Lock::take(&path, Mode::Exclusive, request.stopped).map_err(trouble)?.ok_or_else(Error::interrupted)
    }

    /// The result for a key, if it is there as far as can be told without reading its files.
    pub fn find(&self, key: Key) -> Option<Artifact> {
        let manifest = Manifest::from_json(&fs::read_to_string(self.manifest_path(key)).ok()?)?;
        let whole =
            manifest.key == key && manifest.outputs.values().all(|&file| self.blobs.seems_right(file));
        whole.then(|| Artifact::new(manifest, &self.blobs))
    }

    /// The record for a key; a damaged one is put in quarantine.
    fn read(&self, key: Key, damaged: &dyn Fn(String)) -> Option<Manifest> {
        let path = self.manifest_path(key);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                damaged(format!("cannot read {}: {error}", path.display()));
                return None;
            }
        };
        let manifest =
            Manifest::from_json(&text).filter(|manifest| manifest.key == key && manifest.recipe.key() == key);
        if manifest.is_none() {
            damaged(format!("the record of result {} is damaged; {}", key.short(), self.quarantine(&path)));
        }
        manifest
    }

    /// Whether every blob of a result is there and right; wrong ones are put in quarantine.
    fn is_whole(&self, manifest: &Manifest, thorough: bool, damaged: &dyn Fn(String)) -> bool {
        let mut whole = true;
        for (name, &output) in &manifest.outputs {
            let Err(fault) = self.blobs.check(output, thorough) else { continue };
            let what = match fault {
                Fault::Missing => "is missing".to_owned(),
                Fault::Wrong => {
                    format!("is damaged; {}", self.quarantine(&self.blobs.path(output.digest)))
                }
            };
            damaged(format!("stored file `{name}` of result {} {what}", manifest.key.short()));
            whole = false;
        }
        whole
    }

    /// Moves a wrong file away, and says so.
    fn quarantine(&self, path: &Path) -> String {
        let folder = self.root.join(QUARANTINE);
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "-");
        match fs::create_dir_all(&folder).and_then(|()| fs::rename(path, folder.join(name))) {
            Ok(()) => format!("it was moved to {}", folder.display()),
            Err(error) => format!("it could not be moved to {}: {error}", folder.display()),
        }
    }

    /// Marks a result as just used. A store that can't be written does not mind.
    fn touch(&self, key: Key) {
        let file = fs::File::options().append(true).open(self.manifest_path(key));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    fn manifest_path(&self, key: Key) -> PathBuf {
        let name = key.to_string();
        self.root.join(MANIFESTS).join(&name[..2]).join(format!("{}.json", &name[2..]))
    }

    /// All results with a sound record, by key.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<_> = manifest_files(&self.root).iter().filter_map(|path| entry(path)).collect();
        entries.sort_by_key(|entry| entry.manifest.key);
        entries
    }

    /// Writes down what was learnt about files, so that the next run need not read them.
    ///
    /// # Errors
    /// Of kind store, when it can't be written.
    pub fn save(&self) -> Result<()> {
        if !self.root.is_dir() {
            return Ok(());
        }
        self.files
            .save()
            .and_then(|()| self.blobs.save())
            .map_err(|error| trouble("write", &self.root, error))
    }
}

const LOCK: &str = "lock";
const MANIFESTS: &str = "manifests";
const QUARANTINE: &str = "quarantine";
const DOWNLOADS: &str = "downloads";

/// Makes the store's folders, tells other tools to leave them alone, and takes part in its use.
fn prepare(root: &Path) -> io::Result<Lock> {
    fs::create_dir_all(root.join(MANIFESTS))?;
    let lock = Lock::take(&root.join(LOCK), Mode::Shared, || false)?.expect("nobody stops this wait");
    for (name, text) in [(".gitignore", "*\n"), ("CACHEDIR.TAG", CACHE_TAG)] {
        if !root.join(name).exists() {
            atomic::write(&root.join(name), text.as_bytes(), Durability::Relaxed)?;
        }
    }
    Ok(lock)
}

/// Tells backup programs that the folder can be made again (bford.info/cachedir).
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn manifest_files(root: &Path) -> Vec<PathBuf> {
    let mut files = files_below(&root.join(MANIFESTS));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files
}

/// The files two levels below `folder`, as `ab/cdef…`; whatever can't be listed is left out.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = list(folder).flat_map(|shelf| list(&shelf).collect::<Vec<_>>()).collect();
    files.sort();
    files
}

fn entry(path: &Path) -> Option<Entry> {
    let manifest = Manifest::from_json(&fs::read_to_string(path).ok()?)?;
    Some(Entry { manifest, used: fs::metadata(path).ok()?.modified().ok()? })
}
