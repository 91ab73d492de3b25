//! Digests of files that have not changed since they were last read.
//!
//! One packed file holds, for each path, what `stat` said and what the content's digest was. It is read
//! once, and rewritten once at the end of a run if something is new.

mod folder;
mod packed;

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rayon::prelude::*;

use self::{
    folder::Folder,
    packed::{Packed, pack},
};
use super::digest::Digest;
use crate::{
    atomic::{self, Durability},
    files,
};

/// The most bytes that a packed file may have: some ten million files. What does not fit is read again.
const LIMIT: u64 = 1 << 30;

/// At least, and at most, as many files are looked at one after the other.
const TOGETHER: (usize, usize) = (8, 64);

/// A file changed this shortly before it was read may change again without a new time stamp.
const RACY: Duration = Duration::from_secs(2);

/// What `stat` says of a file: if none of it changed, neither did the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The device that the file lies on.
    pub device: u64,
    /// The file's number on that device.
    pub inode: u64,
    /// The size of the file, in bytes.
    pub size: u64,
    /// When the content last changed, in nanoseconds since 1970; anybody may set it.
    pub modified: i64,
    /// When the file or its properties last changed, in nanoseconds since 1970; nobody can set it.
    pub changed: i64,
}

impl Signature {
    /// The signature of the file at `path`, links followed.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Whether the file changed so shortly before `now` that a later change might leave no trace.
    fn is_racy(&self, now: SystemTime) -> bool {
        let settled = nanoseconds(now - RACY);
        self.modified > settled || self.changed > settled
    }

    fn numbers(self) -> [u64; 5] {
        [self.device, self.inode, self.size, self.modified.cast_unsigned(), self.changed.cast_unsigned()]
    }

    fn from_numbers([device, inode, size, modified, changed]: [u64; 5]) -> Self {
        Self { device, inode, size, modified: modified.cast_signed(), changed: changed.cast_signed() }
    }
}

#[cfg(unix)]
impl From<&Metadata> for Signature {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
            changed: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        }
    }
}

#[cfg(target_os = "linux")]
impl From<rustix::fs::Stat> for Signature {
    fn from(stat: rustix::fs::Stat) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size as u64,
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }
}

#[cfg(not(unix))]
impl From<&Metadata> for Signature {
    fn from(metadata: &Metadata) -> Self {
        let time = |time: io::Result<SystemTime>| time.map_or(0, nanoseconds);
        Self {
            device: 0,
            inode: 0,
            size: metadata.len(),
            modified: time(metadata.modified()),
            changed: time(metadata.created()),
        }
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

/// A file that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// What `stat` said of the file before its content was read.
    pub signature: Signature,
    /// The digest of the file's content.
    pub digest: Digest,
}

/// The packed file of digests by path and signature.
#[derive(Debug)]
pub struct StatIndex {
    file: PathBuf,
    generation: String,
    entries: RwLock<Entries>,
    dirty: AtomicBool,
}

/// What is known of files, by path.
#[derive(Debug, Default)]
struct Entries {
    /// What the packed file has.
    old: Packed,
    /// What was found since; it counts before the old.
    new: BTreeMap<String, FileStamp>,
}

impl Entries {
    /// What is known of a file that has this signature; `next` as [`Packed::find`] has it.
    fn find(&self, path: &Path, signature: Signature, next: &mut usize) -> Option<FileStamp> {
        let path = path.to_str()?;
        let known = self.new.get(path).copied().or_else(|| self.old.find(path, next));
        known.filter(|looked| looked.signature == signature)
    }

    /// All paths in order, with what is known of each.
    fn all(&self) -> Vec<(&str, FileStamp)> {
        let old = self.old.iter().filter(|(path, _)| !self.new.contains_key(*path));
        let new = self.new.iter().map(|(path, looked)| (path.as_str(), *looked));
        let mut all: Vec<_> = old.chain(new).collect();
        all.sort_unstable_by_key(|(path, _)| *path);
        all
    }
}

impl StatIndex {
    /// The index kept at `file`; empty if there is none, if it is damaged, or if it is of another `generation`.
    pub fn open(file: PathBuf, generation: &str) -> Self {
        let old = files::read(&file, LIMIT).ok().and_then(|bytes| Packed::unpack(bytes, generation));
        let entries = Entries { old: old.unwrap_or_default(), ..Entries::default() };
        Self {
            file,
            generation: generation.to_owned(),
            entries: RwLock::new(entries),
            dirty: AtomicBool::new(false),
        }
    }

    /// The digest that the file at `path` had when its signature was `signature`, if that is known.
    pub fn known(&self, path: &Path, signature: Signature) -> Option<Digest> {
        self.entries.read().expect(UNBROKEN).find(path, signature, &mut 0).map(|looked| looked.digest)
    }

    /// Remembers what the file at `path` is. The caller vouches that the content can't have changed since
    /// the signature was taken.
    pub fn remember(&self, path: &Path, looked: FileStamp) {
        if let Some(name) = path.to_str() {
            self.entries.write().expect(UNBROKEN).new.insert(name.to_owned(), looked);
            self.dirty.store(true, Ordering::Relaxed);
        }
    }

    /// What the file at `path` is, read only if it is not known.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn look(&self, path: &Path) -> io::Result<FileStamp> {
        let mut all = self.look_all(&[path.to_owned()]).map_err(|(_, error)| error)?;
        Ok(all.pop().expect("one path gives one answer"))
    }

    /// What the files at `paths` are, in that order, on all threads of the current rayon pool.
    ///
    /// # Errors
    /// The first path, in order, that can't be read.
    pub fn look_all(&self, paths: &[PathBuf]) -> Result<Vec<FileStamp>, (PathBuf, io::Error)> {
        let found = self.look_each(paths, &|| false).into_iter().zip(paths);
        found.map(|(looked, path)| looked.map_err(|error| (path.clone(), error))).collect()
    }

    /// As [`StatIndex::look_all`], with an answer for each path: a file that can't be read keeps no other
    /// from being looked at. Soon after `stopped` says so, the answers are errors of kind interrupted.
    pub fn look_each(
        &self,
        paths: &[PathBuf],
        stopped: &(dyn Fn() -> bool + Sync),
    ) -> Vec<io::Result<FileStamp>> {
        self.look_each_at(paths, stopped, SystemTime::now())
    }

    fn look_each_at(
        &self,
        paths: &[PathBuf],
        stopped: &(dyn Fn() -> bool + Sync),
        now: SystemTime,
    ) -> Vec<io::Result<FileStamp>> {
        let found = look_all(&self.entries.read().expect(UNBROKEN), paths, stopped);
        let remembered = |(found, path): (Looked, &PathBuf)| {
            let (looked, fresh) = found?;
            if fresh && !looked.signature.is_racy(now) {
                self.remember(path, looked);
            }
            Ok(looked)
        };
        found.into_iter().zip(paths).map(remembered).collect()
    }

    /// Forgets the paths that `keep` does not want.
    pub fn retain(&self, keep: impl Fn(&Path) -> bool) {
        let mut entries = self.entries.write().expect(UNBROKEN);
        let count = |entries: &Entries| entries.old.len() + entries.new.len();
        let before = count(&entries);
        entries.old.retain(|path| keep(Path::new(path)));
        entries.new.retain(|path, _| keep(Path::new(path)));
        if count(&entries) < before {
            self.dirty.store(true, Ordering::Relaxed);
        }
    }

    /// Writes the packed file if something is new. Of two runs that write at once the last one wins; what
    /// is lost is read again.
    ///
    /// # Errors
    /// When the file can't be written; the old one is still there then.
    pub fn save(&self) -> io::Result<()> {
        if !self.dirty.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = pack(&self.entries.read().expect(UNBROKEN).all(), &self.generation);
        if bytes.len() as u64 > LIMIT {
            return Ok(());
        }
        // A lost index costs time only, so it needs no flush.
        atomic::write(&self.file, &bytes, Durability::Relaxed)
    }
}

const UNBROKEN: &str = "no holder of this lock panics";

/// What a file is, and whether it had to be read.
type Looked = io::Result<(FileStamp, bool)>;

/// What each file is, on all threads where there are many.
fn look_all(entries: &Entries, paths: &[PathBuf], stopped: &(dyn Fn() -> bool + Sync)) -> Vec<Looked> {
    let (least, most) = TOGETHER;
    // To wake threads takes longer than to look at a few files.
    if paths.len() <= least {
        return look(entries, paths, stopped);
    }
    let together = (paths.len() / (4 * rayon::current_num_threads())).clamp(least, most);
    let found: Vec<_> = paths.par_chunks(together).map(|paths| look(entries, paths, stopped)).collect();
    found.into_iter().flatten().collect()
}

/// What each file is, one after the other.
fn look(entries: &Entries, paths: &[PathBuf], stopped: &(dyn Fn() -> bool + Sync)) -> Vec<Looked> {
    let (mut folder, mut next) = (Folder::default(), 0);
    let look = |path: &PathBuf| {
        let signature = folder.look(path)?;
        if let Some(looked) = entries.find(path, signature, &mut next) {
            return Ok((looked, false));
        }
        let (digest, _) = Digest::of_file_unless(path, stopped)?;
        Ok((FileStamp { signature, digest }, true))
    };
    paths.iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose content and time stamps lie well in the past, as far as `utimes` can do it.
    fn old_file(dir: &Path, name: &str, content: &str) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, content).unwrap();
        set_old(&path);
        path
    }

    fn set_old(path: &Path) {
        let past = SystemTime::now() - Duration::from_mins(1);
        fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
    }

    fn index(dir: &Path) -> StatIndex {
        StatIndex::open(dir.join("files.index"), "")
    }

    #[test]
    fn what_is_remembered_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = old_file(dir.path(), "a", "content");
        let wrong = Digest::of_bytes(b"not what is in the file");
        let first = index(dir.path());
        first.remember(&path, FileStamp { signature: Signature::of(&path).unwrap(), digest: wrong });
        first.save().unwrap();
        assert_eq!(index(dir.path()).look(&path).unwrap().digest, wrong, "the index was not used");
    }

    #[test]
    fn an_edit_is_seen_even_if_size_and_time_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = old_file(dir.path(), "a", "one");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let first = index(dir.path());
        let before = first.look(&path).unwrap();
        first.remember(&path, before);
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(first.look(&path).unwrap().digest, Digest::of_bytes(b"two"));
    }

    #[test]
    fn a_file_changed_just_now_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let first = index(dir.path());
        let looked = first.look(&path).unwrap();
        assert_eq!(first.known(&path, looked.signature), None);
        assert!(looked.signature.is_racy(SystemTime::now()));
        assert!(!looked.signature.is_racy(SystemTime::now() + Duration::from_secs(3)));
    }

    #[test]
    fn what_was_looked_at_is_remembered_once_it_has_settled() {
        let dir = tempfile::tempdir().unwrap();
        let path = old_file(dir.path(), "a", "one");
        let index = index(dir.path());
        let later = SystemTime::now() + RACY + Duration::from_secs(1);
        let looked = index.look_each_at(std::slice::from_ref(&path), &|| false, later).remove(0).unwrap();
        assert_eq!(index.known(&path, looked.signature), Some(Digest::of_bytes(b"one")));
    }

    #[test]
    fn a_damaged_or_foreign_index_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = old_file(dir.path(), "a", "content");
        let first = index(dir.path());
        first.remember(&path, first.look(&path).unwrap());
        first.save().unwrap();
        let file = dir.path().join("files.index");
        let whole = fs::read(&file).unwrap();
        let size_of = |bytes: &[u8], generation| {
            Packed::unpack(bytes.to_vec(), generation).map(|entries| entries.len())
        };
        assert_eq!(size_of(&whole, ""), Some(1));
        assert_eq!(size_of(&whole, "another boot"), None);
        for cut in 0..whole.len() {
            assert_eq!(size_of(&whole[..cut], ""), None);
            let mut flipped = whole.clone();
            flipped[cut] ^= 1;
            assert_eq!(size_of(&flipped, ""), None);
        }
    }

    #[test]
    fn all_are_looked_at_in_order_and_the_first_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<_> =
            (0..300).map(|i| old_file(dir.path(), &format!("{i}"), &format!("{i}"))).collect();
        let index = index(dir.path());
        let digests: Vec<_> = index.look_all(&paths).unwrap().iter().map(|looked| looked.digest).collect();
        let expected: Vec<_> = (0..300).map(|i| Digest::of_bytes(format!("{i}").as_bytes())).collect();
        assert_eq!(digests, expected);
        fs::remove_file(&paths[7]).unwrap();
        fs::remove_file(&paths[250]).unwrap();
        assert_eq!(index.look_all(&paths).unwrap_err().0, paths[7]);
    }

    #[test]
    fn either_time_can_be_too_young_to_trust() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let racy = |modified: i64, changed: i64| {
            let [modified, changed] = [modified, changed].map(|seconds| seconds * 1_000_000_000);
            Signature { device: 1, inode: 1, size: 1, modified, changed }.is_racy(now)
        };
        assert!(racy(99, 50) && racy(50, 99) && racy(99, 99));
        assert!(!racy(50, 50) && !racy(98, 98));
    }

    #[cfg(unix)]
    #[test]
    fn times_are_counted_in_nanoseconds() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = old_file(dir.path(), "a", "");
        let time = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let (metadata, signature) = (fs::metadata(&path).unwrap(), Signature::of(&path).unwrap());
        assert_eq!(signature.modified, 1_700_000_000_123_456_789);
        let changed = Duration::new(metadata.ctime() as u64, metadata.ctime_nsec() as u32);
        assert_eq!(signature.changed as u128, changed.as_nanos());
    }
}
