//! What lies at the paths that a node names.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::{Error, Result},
    node::{Node, SourceFile, SourceFiles, SourcePath},
    paths,
    progress::Stop,
    shown,
    store::{
        Digest,
        stat::{FileStamp, Signature, StatIndex},
    },
};

const DOMAIN: &str = "kiln 2026 source files";

/// What stands for the content of a file that can't be read.
const FAULT: &str = "kiln 2026 why a file can't be read";

/// A node's sources as they were when the run looked at them.
#[derive(Debug, Clone, Default)]
pub struct SourceSnapshot {
    /// What was found, by key.
    pub files: BTreeMap<String, SourceFiles>,
    /// What the system said of each of a key's files; none for a link that leads nowhere.
    signatures: BTreeMap<String, Signatures>,
}

impl SourceSnapshot {
    /// Looks at all sources of a node; relative paths start at `base`. Unchanged files are not read.
    ///
    /// # Errors
    /// When something is missing, what a key itself names can't be read, or `stop` is requested.
    pub fn take(node: &dyn Node, base: &Path, index: &StatIndex, stop: &Stop) -> Result<Self> {
        let mut snapshot = Self::default();
        for source in node.sources() {
            let (files, signatures) = look(&source, base, index, stop)?;
            snapshot.signatures.insert(source.key.to_owned(), signatures);
            snapshot.files.insert(source.key.to_owned(), files);
        }
        Ok(snapshot)
    }

    /// The digests, by key.
    pub fn digests(&self) -> BTreeMap<String, Digest> {
        self.files.iter().map(|(key, files)| (key.clone(), files.digest)).collect()
    }

    /// The paths, by key.
    pub fn paths(&self) -> BTreeMap<String, PathBuf> {
        self.files.iter().map(|(key, files)| (key.clone(), files.path.clone())).collect()
    }

    /// A file that is not what it was, if there is one.
    pub fn changed(&self) -> Option<&Path> {
        let files = self.files.values().flat_map(|source| source.files.iter());
        let mut both = files.zip(self.signatures.values().flatten());
        let changed =
            |(file, before): &(&SourceFile, &Option<Signature>)| Signature::of(&file.path).ok() != **before;
        both.find(changed).map(|(file, _)| file.path.as_path())
    }
}

type Signatures = Vec<Option<Signature>>;

fn look(
    source: &SourcePath,
    base: &Path,
    index: &StatIndex,
    stop: &Stop,
) -> Result<(SourceFiles, Signatures)> {
    let path = paths::resolve(base, &source.path);
    let pattern = source.path.contains('*');
    if !pattern && !path.exists() {
        let shown = shown::path(&path);
        return Err(Error::new(format!("`{}` names {shown}, and nothing is there", source.key)));
    }
    let paths = (source.list)(&path, stop)?;
    let looked = index.look_each(&paths, &|| stop.requested());
    stop.check()?;
    let root = if pattern { paths::fixed_part(&path) } else { path.clone() };
    let mut signatures = Vec::with_capacity(paths.len());
    let mut found = |(one, looked): (PathBuf, io::Result<FileStamp>)| match looked {
        // What a key itself names must be there; of a folder, the node says what it can do without.
        Err(error) if one == path => Err(Error::io("read", &one, error)),
        looked => {
            let signature = looked.as_ref().map(|looked| looked.signature);
            signatures.push(signature.ok().or_else(|| Signature::of(&one).ok()));
            Ok(file(&root, one, looked))
        }
    };
    let files: Arc<[SourceFile]> = paths.into_iter().zip(looked).map(&mut found).collect::<Result<_>>()?;
    let digest = Digest::of_named(DOMAIN, files.iter().map(|file| (file.name.as_str(), file.digest)));
    Ok((SourceFiles { path, files, digest }, signatures))
}

fn file(root: &Path, path: PathBuf, looked: io::Result<FileStamp>) -> SourceFile {
    let name = paths::below(root, &path);
    match looked {
        Ok(FileStamp { signature, digest }) => {
            SourceFile { name, path, size: signature.size, digest, fault: None }
        }
        Err(error) => {
            let fault = error.to_string();
            SourceFile { name, path, size: 0, digest: Digest::of_text(FAULT, &fault), fault: Some(fault) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn all_files(folder: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        Ok(files)
    }

    fn one_file(path: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
        Ok(vec![path.to_owned()])
    }

    type List = fn(&Path, &Stop) -> Result<Vec<PathBuf>>;

    fn look_at(base: &Path, path: &str, list: List, stop: &Stop) -> Result<SourceFiles> {
        let index = StatIndex::open(base.join("none.index"), "");
        let source = SourcePath::new("root", path, list);
        look(&source, base, &index, stop).map(|(files, _)| files)
    }

    fn digest_of(base: &Path, path: &str, list: List) -> Digest {
        look_at(base, path, list, &Stop::default()).unwrap().digest
    }

    #[test]
    fn names_and_contents_count_and_places_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (folder, files) in [("a", ["1", "2"]), ("b", ["1", "2"]), ("c", ["1", "3"]), ("d", ["1", "2"])] {
            fs::create_dir(at(folder)).unwrap();
            for file in files {
                fs::write(at(folder).join(file), if folder == "d" { "other" } else { "same" }).unwrap();
            }
        }
        let digest = |folder| digest_of(dir.path(), folder, all_files);
        assert_eq!(digest("a"), digest("b"));
        assert_eq!(digest("a"), digest("b/../a"));
        assert_ne!(digest("a"), digest("c"));
        assert_ne!(digest("a"), digest("d"));
        assert_eq!(digest_of(dir.path(), "a/1", one_file), digest_of(dir.path(), "b/1", one_file));
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_be_read_is_kept_apart_from_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        let at = |name: &str| dir.path().join("a").join(name);
        fs::write(at("1"), "one").unwrap();
        std::os::unix::fs::symlink("gone", at("2")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("3")).status().unwrap().success());
        let look = || look_at(dir.path(), "a", all_files, &Stop::default()).unwrap();
        let before = look();
        let faults: Vec<_> = before.files.iter().map(|file| file.fault.as_deref()).collect();
        assert_eq!(faults[0], None);
        assert!(faults[1].unwrap().starts_with("No such file"), "{faults:?}");
        assert_eq!(faults[2], Some("it is a named pipe, not a regular file"));
        fs::write(dir.path().join("a/gone"), "there").unwrap();
        assert_ne!(
            look().files[1].digest,
            before.files[1].digest,
            "a link that leads somewhere is another file"
        );
        let error = look_at(dir.path(), "a/3", one_file, &Stop::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot read"), "{error}");
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("1"), "one").unwrap();
        let stop = Stop::default();
        stop.request();
        let error = look_at(dir.path(), "1", one_file, &stop).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Interrupted);
    }

    #[test]
    fn a_path_that_names_nothing_is_told_with_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let error = look_at(dir.path(), "none", one_file, &Stop::default()).unwrap_err().to_string();
        assert!(error.starts_with("`root` names ") && error.ends_with("and nothing is there"), "{error}");
    }
}
