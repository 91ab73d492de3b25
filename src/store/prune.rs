//! Making room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    DOWNLOADS, Digest, Entry, LOCK, MANIFESTS, QUARANTINE, Store,
    atomic::{TEMPORARY, trouble},
    files_below,
    lock::{Lock, Mode},
};
use crate::error::Result;

/// What a store may hold if nobody says otherwise: 20 GiB.
pub const DEFAULT_LIMIT: u64 = 20 << 30;

/// Files that no result names are left alone for this long: somebody may be about to name them.
pub const GRACE: Duration = Duration::from_hours(1);

/// What interrupted nodes left, what is in quarantine, and downloads are kept for this long without use.
const LEFTOVERS: Duration = Duration::from_hours(30 * 24);

/// What may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most this many bytes; the results used longest ago go first.
    pub size: Option<u64>,
    /// Results used within this time.
    pub age: Option<Duration>,
    /// Results used within this time are not given up for size, so that no run throws out its own.
    pub spare: Duration,
}

/// What was, or would be, removed.
#[derive(Debug, Clone, Default)]
pub struct Pruned {
    /// Results, the one used longest ago first.
    pub results: Vec<Entry>,
    /// How many files that no result names (any more).
    pub blobs: usize,
    /// How much room that makes, in bytes.
    pub freed: u64,
    /// What the results that stay have, in bytes.
    pub kept: u64,
}

/// Removes what `limits` does not let stay from the store at `root`; `None` if a run uses the store.
///
/// Records go before their files, so that a kill leaves files without a record, never the reverse.
///
/// # Errors
/// Of kind store, when something can't be removed.
pub fn prune(root: &Path, limits: Limits, dry_run: bool) -> Result<Option<Pruned>> {
    if !root.is_dir() {
        return Ok(Some(Pruned::default()));
    }
    let lock = root.join(LOCK);
    let lock = Lock::try_take(&lock, Mode::Exclusive).map_err(|error| trouble("lock", &lock, error))?;
    let Some(_lock) = lock else { return Ok(None) };
    let store = Store::at(root, None);
    let now = SystemTime::now();
    let plan = choose(store.entries(), limits, now);
    let blobs = unnamed(&store, &plan, now);
    let pruned = Pruned {
        blobs: blobs.len(),
        freed: blobs.iter().map(|(_, size)| size).sum(),
        kept: plan.stay.values().sum(),
        results: plan.go,
    };
    if !dry_run {
        remove_all(&store, &pruned.results, blobs.into_iter().map(|(path, _)| path).collect(), now)?;
    }
    Ok(Some(pruned))
}

/// Which results go, and which blobs stay.
struct Choice {
    go: Vec<Entry>,
    /// Blobs of results that stay, with their sizes.
    stay: BTreeMap<Digest, u64>,
}

fn choose(mut entries: Vec<Entry>, limits: Limits, now: SystemTime) -> Choice {
    entries.sort_by_key(|entry| (entry.used, entry.manifest.key));
    let age = |entry: &Entry| now.duration_since(entry.used).unwrap_or_default();
    let mut users: BTreeMap<Digest, (usize, u64)> = BTreeMap::new();
    for output in entries.iter().flat_map(|entry| entry.manifest.outputs.values()) {
        users.entry(output.digest).or_insert((0, output.size)).0 += 1;
    }
    let mut total: u64 = users.values().map(|(_, size)| size).sum();
    let mut go = Vec::new();
    for entry in entries {
        let too_old = limits.age.is_some_and(|limit| age(&entry) > limit);
        let too_much = limits.size.is_some_and(|limit| total > limit) && age(&entry) >= limits.spare;
        if !(too_old || too_much) {
            continue;
        }
        for output in entry.manifest.outputs.values() {
            let (count, size) = users.get_mut(&output.digest).expect("every output was counted");
            *count -= 1;
            total -= if *count == 0 { *size } else { 0 };
        }
        go.push(entry);
    }
    let stay =
        users.into_iter().filter(|(_, (count, _))| *count > 0).map(|(d, (_, size))| (d, size)).collect();
    Choice { go, stay }
}

/// Blobs that no staying result names: those of results that go, and others once they are old enough.
fn unnamed(store: &Store, plan: &Choice, now: SystemTime) -> Vec<(PathBuf, u64)> {
    let path = |digest: &Digest| store.blobs.path(*digest);
    let stay: BTreeSet<_> = plan.stay.keys().map(path).collect();
    let outputs = plan.go.iter().flat_map(|entry| entry.manifest.outputs.values());
    let given_up: BTreeSet<_> = outputs.map(|output| path(&output.digest)).collect();
    let mut unnamed = Vec::new();
    for blob in files_below(store.blobs.root()) {
        let old = || age_of(&blob, now) > GRACE;
        if !stay.contains(&blob) && (given_up.contains(&blob) || old()) {
            let size = fs::metadata(&blob).map_or(0, |metadata| metadata.len());
            unnamed.push((blob, size));
        }
    }
    unnamed
}

fn remove_all(store: &Store, results: &[Entry], blobs: Vec<PathBuf>, now: SystemTime) -> Result<()> {
    for entry in results {
        remove(&store.manifest_path(entry.manifest.key))?;
    }
    for blob in blobs {
        remove(&blob)?;
    }
    sweep(store, now)?;
    store.files.retain(Path::exists);
    store.blobs.forget_removed();
    store.save()
}

/// Removes what killed processes left: temporary files, folders of nodes that are not running, locks.
fn sweep(store: &Store, now: SystemTime) -> Result<()> {
    let root = &store.root;
    let temporary =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
    let records = files_below(&root.join(MANIFESTS));
    let mut left: Vec<_> = list(root).into_iter().chain(records).filter(temporary).collect();
    left.extend(list(&root.join("work")));
    left.extend(list(&root.join("locks")));
    left.retain(|path| age_of(path, now) > GRACE);
    for folder in ["scratch", QUARANTINE, DOWNLOADS] {
        left.extend(list(&root.join(folder)).into_iter().filter(|path| age_of(path, now) > LEFTOVERS));
    }
    left.iter().try_for_each(|path| remove(path))
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// How long ago a file was last written; 0 if that can't be told.
fn age_of(path: &Path, now: SystemTime) -> Duration {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|modified| now.duration_since(modified).ok()).unwrap_or_default()
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble("remove", path, error)),
        _ => Ok(()),
    }
}
