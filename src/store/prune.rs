//! Making room in the store: the results used longest ago go first, then files that no result names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    BLOBS, DOWNLOADS, Digest, Entry, Found, INDEXES, LOCK, LOCKS, MANIFESTS, QUARANTINE, Store,
    ends::{self, ENDS},
    inside, is_forbidden,
    lock::{Lock, LockMode},
    marker::{self, Standing},
    shelved,
    store_error::store_error,
};
use crate::{atomic::TEMPORARY, error::Result};

/// What a store may hold if nobody says otherwise: 20 GiB.
pub const DEFAULT_LIMIT: u64 = 20 << 30;

/// Files that no result names are left alone for this long: somebody may be about to name them.
pub const GRACE: Duration = Duration::from_hours(1);

/// What interrupted nodes left, what is in quarantine, and downloads are kept for this long without use.
const LEFTOVERS: Duration = Duration::from_hours(30 * 24);

/// What prune lets stay in a store.
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
/// Records go before their files, so that a kill leaves files without a record, never the reverse. Only what has
/// a name that the store gives is removed, and nothing behind a link.
///
/// # Errors
/// Of kind store, when something can't be removed, when what is there is no store, or another user's.
pub fn prune(root: &Path, limits: Limits, dry_run: bool) -> Result<Option<Pruned>> {
    if marker::look(root)? == Standing::Free {
        return Ok(Some(Pruned::default()));
    }
    let users = match lock(root) {
        Ok(None) => return Ok(None),
        Ok(lock) => lock,
        // To say what would go, it is enough to look.
        Err(error) if dry_run && is_forbidden(&error) => None,
        Err(error) => return Err(store_error("prune the store", root, error)),
    };
    let store = Store::at(root, users, None);
    let now = SystemTime::now();
    let entries = store.entries().into_iter();
    let plan =
        choose(entries.map(|entry| (ends::size(root, entry.manifest.key), entry)).collect(), limits, now);
    let blobs = unnamed(&store, &plan, now);
    let pruned = Pruned {
        blobs: blobs.len(),
        freed: blobs.iter().map(|(_, size)| size).sum::<u64>() + plan.ends_that_go,
        kept: plan.stay.values().fold(plan.ends_that_stay, |kept, size| kept.saturating_add(*size)),
        results: plan.go,
    };
    if !dry_run {
        remove_all(&store, &pruned.results, blobs.into_iter().map(|(path, _)| path).collect(), now)?;
    }
    Ok(Some(pruned))
}

/// Keeps everybody else away.
fn lock(root: &Path) -> io::Result<Option<Lock>> {
    if marker::is_foreign(root)? {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    Lock::try_take(&root.join(LOCK), LockMode::Exclusive)
}

/// Which results go, and which blobs stay.
struct Choice {
    go: Vec<Entry>,
    /// Blobs of results that stay, with their sizes.
    stay: BTreeMap<Digest, u64>,
    /// How many bytes are kept of where the results ended that go, and those that stay.
    ends_that_go: u64,
    ends_that_stay: u64,
}

/// Of results, each with how many bytes are kept of where it ended.
fn choose(mut entries: Vec<(u64, Entry)>, limits: Limits, now: SystemTime) -> Choice {
    entries.sort_by_key(|(_, entry)| (entry.used, entry.manifest.key));
    let age = |entry: &Entry| now.duration_since(entry.used).unwrap_or_default();
    let mut users: BTreeMap<Digest, (usize, u64)> = BTreeMap::new();
    for output in entries.iter().flat_map(|(_, entry)| entry.manifest.outputs.values()) {
        users.entry(output.digest).or_insert((0, output.size)).0 += 1;
    }
    let (mut ends_that_go, mut ends_that_stay) = (0, entries.iter().map(|(end, _)| end).sum::<u64>());
    let mut total = users.values().fold(ends_that_stay, |total, (_, size)| total.saturating_add(*size));
    let mut go = Vec::new();
    for (end, entry) in entries {
        let too_old = limits.age.is_some_and(|limit| age(&entry) > limit);
        let too_much = limits.size.is_some_and(|limit| total > limit) && age(&entry) >= limits.spare;
        if !(too_old || too_much) {
            continue;
        }
        for output in entry.manifest.outputs.values() {
            let (count, size) = users.get_mut(&output.digest).expect("every output was counted");
            *count -= 1;
            total = total.saturating_sub(if *count == 0 { *size } else { 0 });
        }
        (ends_that_go, ends_that_stay) = (ends_that_go + end, ends_that_stay - end);
        total = total.saturating_sub(end);
        go.push(entry);
    }
    let stay =
        users.into_iter().filter(|(_, (count, _))| *count > 0).map(|(d, (_, size))| (d, size)).collect();
    Choice { go, stay, ends_that_go, ends_that_stay }
}

/// Blobs that no staying result names: those of results that go, and others once they are old enough.
fn unnamed(store: &Store, plan: &Choice, now: SystemTime) -> Vec<(PathBuf, u64)> {
    let path = |digest: &Digest| store.blobs.path(*digest);
    let stay: BTreeSet<_> = plan.stay.keys().map(path).collect();
    let outputs = plan.go.iter().flat_map(|entry| entry.manifest.outputs.values());
    let given_up: BTreeSet<_> = outputs.map(|output| path(&output.digest)).collect();
    let mut unnamed = Vec::new();
    for (_, Found { path, .. }) in shelved(&store.root.join(BLOBS)).into_iter().filter(is_blob) {
        let old = || age_of(&path, now) > GRACE;
        if !stay.contains(&path) && (given_up.contains(&path) || old()) {
            let size = fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
            unnamed.push((path, size));
        }
    }
    unnamed
}

/// Whether it has the name of a blob, or of one that has not arrived yet.
fn is_blob((shelf, found): &(String, Found)) -> bool {
    let named = || format!("{shelf}{}", found.name).parse::<Digest>().is_ok();
    !found.is_folder && (is_temporary(found) || named())
}

fn remove_all(store: &Store, results: &[Entry], blobs: Vec<PathBuf>, now: SystemTime) -> Result<()> {
    for entry in results {
        store.remove(&store.manifest_path(entry.manifest.key))?;
        store.remove(&ends::folder(&store.root, entry.manifest.key))?;
    }
    blobs.iter().try_for_each(|blob| store.remove(blob))?;
    leftovers(store, now).iter().try_for_each(|path| store.remove(path))?;
    store.files.retain(Path::exists);
    store.blobs.forget_removed();
    store.save()
}

/// What killed processes left: temporary files, folders of nodes that are not running, locks; and what has lain in
/// quarantine and the like for long.
fn leftovers(store: &Store, now: SystemTime) -> Vec<PathBuf> {
    let list = |name: &str| inside::list(&store.root.join(name)).into_iter();
    let records = shelved(&store.root.join(MANIFESTS)).into_iter().map(|(_, found)| found);
    let mut left: Vec<_> = list("").chain(records).filter(is_temporary).collect();
    left.extend(["work", LOCKS].into_iter().flat_map(list).filter(is_of_digest));
    left.retain(|found| age_of(&found.path, now) > GRACE);
    let mut late: Vec<_> = ["scratch", DOWNLOADS].into_iter().flat_map(list).filter(is_of_digest).collect();
    late.extend(list(ENDS).filter(is_of_digest).filter(|found| !store.has_record(&found.name)));
    late.extend(list(QUARANTINE).filter(is_quarantined));
    late.retain(|found| age_of(&found.path, now) > LEFTOVERS);
    left.into_iter().chain(late).map(|found| found.path).chain(store.late_runs()).collect()
}

pub(super) fn is_temporary(found: &Found) -> bool {
    !found.is_folder && found.name.starts_with(TEMPORARY)
}

/// Whether its name is a digest, perhaps with an extension.
fn is_of_digest(found: &Found) -> bool {
    found.name.split('.').next().is_some_and(|name| name.parse::<Digest>().is_ok())
}

/// Whether its name begins with where it was before, as [`Store::quarantine`] names things.
fn is_quarantined(found: &Found) -> bool {
    let from = [BLOBS, MANIFESTS, LOCKS].map(|folder| format!("{folder}-"));
    from.iter().any(|from| found.name.starts_with(from)) || INDEXES.contains(&found.name.as_str())
}

/// How long ago a file was last written; 0 if that can't be told.
fn age_of(path: &Path, now: SystemTime) -> Duration {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.ok().and_then(|modified| now.duration_since(modified).ok()).unwrap_or_default()
}
