//! WHAT IS KEPT: results by the digest of their recipe, files by the digest of their content.
//!
//! ```text
//! .kiln/store/
//!   format                    marks the folder as a store, and says of which format
//!   manifests/ab/cdef….json   key -> files, recipe, provenance; written last, carries its own checksum
//!   blobs/12/3456…            read-only, named by content
//!   scratch/<key>/            what an interrupted node left for its next try
//!   ends/<key>/               where a finished node ended, if longer work can begin there
//!   work/<key>/               where a node writes now
//!   locks/<key>               one kernel lock per key; `lock` for the whole store
//!   downloads/<sha256>        files from elsewhere; `.part` is one that has not arrived yet
//!   runs/                     a small record of each of the last runs
//!   quarantine/               blobs and manifests that turned out to be wrong
//!   files.index blobs.index   digests of unchanged files, verified blobs (see [`stat`])
//! ```
//!
//! Everything appears by rename, so a kill at any moment leaves a store that just works. Hits take no
//! lock and write nothing but a time stamp, so a read-only store serves them too.
//!
//! Whoever hands over a store may have put anything in it. Only a folder that is marked as a store (`marker`), or
//! that is new, is used as one; in it nothing is read, written or removed through a link (`inside`), nor removed
//! whose name the store did not give; and what a record says is checked before it is used.

mod artifact;
mod blob;
mod damage;
mod digest;
mod ends;
mod inside;
mod key;
mod lease;
mod lock;
mod manifest;
mod marker;
mod prune;
mod run_record;
mod slot;
pub mod stat;
mod store_error;
mod surroundings;
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
    ends::Ended,
    key::{FORMAT, Key, Recipe, canonical},
    lock::{Lock, LockMode},
    manifest::{Machine, Manifest, Output, Provenance, rfc3339},
    prune::{DEFAULT_LIMIT, GRACE, Limits, Pruned, prune},
    run_record::{NodeEnding, NodeRecord, RunRecord},
    slot::Slot,
    surroundings::{Commit, Surroundings},
    verify::Verified,
};
use self::{
    blob::Blobs,
    inside::Found,
    marker::{CACHE_TAG, CACHE_TAG_TEXT, Standing},
    stat::StatIndex,
    store_error::store_error,
};
use crate::{
    atomic::{self, Durability},
    error::{Error, Result},
    shown,
};

/// The folder of finished results.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    blobs: Blobs,
    files: StatIndex,
    /// Why it may only be read, if so.
    read_only: Option<String>,
    /// Shared with other runs; keeps prune away.
    _users: Option<Lock>,
}

/// What the store has for a recipe.
#[derive(Debug)]
pub enum Lookup<'s> {
    /// The store has the result: this is it.
    Hit(Artifact),
    /// Nothing, and the right to make it: only a slot can write a result.
    Miss(Slot<'s>),
}

/// How to look a recipe up.
pub struct Request<'a> {
    /// The recipe of the result that is wanted.
    pub recipe: &'a Recipe,
    /// Whether to make the result again even if the store has it.
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
    /// The record of the result.
    pub manifest: Manifest,
    /// When it was last made or used.
    pub used: SystemTime,
}

impl Store {
    /// Opens the store at `root`, making it if needed. One that can't be written to, or that belongs to another
    /// user, is opened for reading: what is in it is found.
    ///
    /// # Errors
    /// Of kind store, when there is none and it can't be made, and when what is there is no store.
    pub fn open(root: &Path) -> Result<Self> {
        let standing = marker::look(root)?;
        let (users, read_only) = match prepare(root, standing) {
            Ok(users) => (Some(users), None),
            Err(error) if standing != Standing::Free && is_forbidden(&error) => {
                (None, Some(error.to_string()))
            }
            Err(error) => return Err(store_error("open the store", root, error)),
        };
        let store = Self::at(root, users, read_only);
        // Nothing is lost with them but time.
        for index in INDEXES {
            store.make_way(&root.join(index));
        }
        Ok(store)
    }

    /// The store at `root`, there or not, for looking only: makes and changes nothing.
    ///
    /// # Errors
    /// Of kind store, when what is there is no store.
    pub fn peek(root: &Path) -> Result<Self> {
        let there = marker::look(root)? != Standing::Free && root.join(LOCK).is_file();
        let users =
            there.then(|| Lock::try_take(&root.join(LOCK), LockMode::Shared).ok().flatten()).flatten();
        Ok(Self::at(root, users, Some("it was opened read-only".to_owned())))
    }

    fn at(root: &Path, users: Option<Lock>, read_only: Option<String>) -> Self {
        Self {
            root: root.to_owned(),
            blobs: Blobs::open(root.join(BLOBS), root.join(INDEXES[1])),
            files: StatIndex::open(root.join(INDEXES[0]), ""),
            read_only,
            _users: users,
        }
    }

    /// The folder that the store is in.
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
        let lock = self.lock(key, request, &first)?;
        // Another run may have made it meanwhile. What was damaged is not told twice.
        let second = |line| {
            if !told.get() {
                (request.damaged)(line);
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

    fn lock(&self, key: Key, request: &Request<'_>, damaged: &dyn Fn(String)) -> Result<Lock> {
        self.may_write()?;
        let path = self.root.join(LOCKS).join(key.to_string());
        let trouble = |error| store_error("lock", &path, error);
        inside::make(&self.root, &self.root.join(LOCKS)).map_err(trouble)?;
        self.make_way(&path).into_iter().for_each(damaged);
        if let Some(lock) = Lock::try_take(&path, LockMode::Exclusive).map_err(trouble)? {
            return Ok(lock);
        }
        (request.waiting)();
        Lock::take(&path, LockMode::Exclusive, request.stopped)
            .map_err(trouble)?
            .ok_or_else(Error::interrupted)
    }

    /// The result for a key, if it is there as far as can be told without reading its files.
    pub fn find(&self, key: Key) -> Option<Artifact> {
        let manifest = self.record(key).ok()??;
        let whole = manifest.outputs.values().all(|&file| self.blobs.seems_right(file));
        whole.then(|| Artifact::new(manifest, &self.blobs))
    }

    /// How many bytes a result takes, with what is kept of where it ended.
    pub fn size(&self, result: &Manifest) -> u64 {
        result.size().saturating_add(ends::size(&self.root, result.key))
    }

    /// Whether it is kept where the work ended that made the result for a key, so that longer work can begin there.
    pub fn has_end(&self, key: Key) -> bool {
        ends::is_there(&self.root, key)
    }

    /// The record of the result for a key, if there is a sound one.
    pub fn manifest(&self, key: Key) -> Option<Manifest> {
        self.record(key).ok()?
    }

    /// Whether a result is there whose key is written so.
    fn has_record(&self, key: &str) -> bool {
        key.parse().is_ok_and(|key| self.manifest(key).is_some())
    }

    /// The record for a key, and `None` if it is damaged, or the record for another one.
    fn record(&self, key: Key) -> io::Result<Option<Manifest>> {
        let bytes = inside::read(&self.root, &self.manifest_path(key), manifest::LIMIT)?;
        let text = str::from_utf8(&bytes).unwrap_or_default();
        Ok(Manifest::from_json(text).filter(|manifest| manifest.key == key))
    }

    /// # Errors
    /// Of kind store, when the store may only be read.
    fn may_write(&self) -> Result<()> {
        let Some(why) = &self.read_only else { return Ok(()) };
        let message = format!("the store {} may only be read: {why}", shown::path(&self.root));
        Err(Error::store(message).help("name a folder that you may write to with `--store DIR`"))
    }

    /// Removes something of the store's own.
    fn remove(&self, path: &Path) -> Result<()> {
        inside::remove(&self.root, path).map_err(|error| store_error("remove", path, error))
    }

    /// Marks a result as just used. A store that can't be written does not mind.
    fn touch(&self, key: Key) {
        let path = self.manifest_path(key);
        if self.may_write().is_ok() && inside::look(&self.root, &path).is_ok() {
            touch(&path);
        }
    }

    fn manifest_path(&self, key: Key) -> PathBuf {
        let name = key.to_string();
        self.root.join(MANIFESTS).join(&name[..2]).join(format!("{}.json", &name[2..]))
    }

    /// All results with a sound record, by key.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<_> = self.records().into_iter().filter_map(|key| self.entry(key)).collect();
        entries.sort_by_key(|entry| entry.manifest.key);
        entries
    }

    fn entry(&self, key: Key) -> Option<Entry> {
        let manifest = self.record(key).ok()??;
        Some(Entry { manifest, used: fs::symlink_metadata(self.manifest_path(key)).ok()?.modified().ok()? })
    }

    /// The keys of all records, sound or not.
    fn records(&self) -> Vec<Key> {
        let key = |(shelf, found): &(String, Found)| {
            format!("{shelf}{}", found.name.strip_suffix(".json")?).parse().ok()
        };
        shelved(&self.root.join(MANIFESTS)).iter().filter_map(key).collect()
    }

    /// Writes down what was learnt about files, so that the next run need not read them.
    ///
    /// # Errors
    /// Of kind store, when it can't be written.
    pub fn save(&self) -> Result<()> {
        if self.may_write().is_err() || !self.root.is_dir() {
            return Ok(());
        }
        self.files
            .save()
            .and_then(|()| self.blobs.save())
            .map_err(|error| store_error("write", &self.root, error))
    }
}

const LOCK: &str = "lock";
const LOCKS: &str = "locks";
const MANIFESTS: &str = "manifests";
const BLOBS: &str = "blobs";
const QUARANTINE: &str = "quarantine";
const DOWNLOADS: &str = "downloads";
const RUNS: &str = "runs";
const INDEXES: [&str; 2] = ["files.index", "blobs.index"];

/// Makes and marks the store, tells other tools to leave it alone, and takes part in its use.
fn prepare(root: &Path, standing: Standing) -> io::Result<Lock> {
    fs::create_dir_all(root)?;
    if marker::is_foreign(root)? {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    if standing != Standing::Store {
        marker::mark(root)?;
    }
    inside::make(root, &root.join(MANIFESTS))?;
    let lock = Lock::take(&root.join(LOCK), LockMode::Shared, || false)?.expect("nobody stops this wait");
    for (name, text) in [(".gitignore", "*\n"), (CACHE_TAG, CACHE_TAG_TEXT)] {
        if !root.join(name).exists() {
            atomic::write(&root.join(name), text.as_bytes(), Durability::Relaxed)?;
        }
    }
    Ok(lock)
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Says that a file was used just now. Who can't say so does not mind.
fn touch(path: &Path) {
    let open = |how: &mut fs::OpenOptions| inside::unfollowed(how).open(path);
    // A read-only file of one's own may be marked too, on some systems.
    let file = open(fs::File::options().append(true)).or_else(|_| open(fs::File::options().read(true)));
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// What lies two levels below a folder of the store, as `ab/cdef…`, each with the name of its shelf.
fn shelved(folder: &Path) -> Vec<(String, Found)> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_shelf = |found: &Found| found.name.len() == 2 && found.name.bytes().all(is_digit);
    let all = inside::list(folder).into_iter().filter(is_shelf).flat_map(|shelf| {
        inside::list(&shelf.path).into_iter().map(move |found| (shelf.name.clone(), found))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{slot::tests::make, *};

    #[test]
    fn who_only_looks_keeps_prune_away_and_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        drop(Store::open(&root).unwrap());
        let limits = Limits { size: None, age: None, spare: Duration::ZERO };
        let looking = Store::peek(&root).unwrap();
        assert!(prune(&root, limits, false).unwrap().is_none());
        drop(looking);
        assert!(prune(&root, limits, false).unwrap().is_some());
        fs::remove_file(root.join(LOCK)).unwrap();
        Store::peek(&root).unwrap();
        assert!(!root.join(LOCK).exists());
    }

    #[test]
    fn a_store_that_is_only_looked_at_marks_nothing_as_used() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let key = make(&store, |_| Ok(())).unwrap().key();
        let record = fs::File::options().append(true).open(store.manifest_path(key)).unwrap();
        record.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let used = || record.metadata().unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH;
        Store::peek(dir.path()).unwrap().touch(key);
        assert!(!used());
        store.touch(key);
        assert!(used());
    }

    #[test]
    fn a_result_tells_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let artifact = make(&store, |out| fs::write(out.join("a"), "abc")).unwrap();
        assert!(artifact.has("a") && !artifact.has("b"));
        assert_eq!((artifact.kind(), artifact.output_type()), ("work", "text"));
        assert_eq!(store.verify().unwrap().bytes, 3);
        assert_eq!(store.downloads(), dir.path().join("downloads"));
    }

    #[test]
    fn a_full_disk_is_no_reason_to_open_for_reading() {
        assert!(is_forbidden(&io::ErrorKind::ReadOnlyFilesystem.into()));
        assert!(!is_forbidden(&io::ErrorKind::StorageFull.into()));
    }
}
