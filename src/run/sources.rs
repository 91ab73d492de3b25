//! What lies at the paths that a node names.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    node::{DynNode, Source, SourceFile, SourceFiles},
    store::{
        Digest,
        stat::{Looked, Signature, StatIndex},
    },
};

const DOMAIN: &str = "kiln 2026 source files";

/// A node's sources as they were when the run looked at them.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// What was found, by key.
    pub files: BTreeMap<String, SourceFiles>,
    signatures: Vec<(PathBuf, Signature)>,
}

impl Watched {
    /// Looks at all sources of a node; relative paths start at `base`. Unchanged files are not read.
    ///
    /// # Errors
    /// When something is missing or can't be read.
    pub fn look(node: &dyn DynNode, base: &Path, index: &StatIndex) -> Result<Self> {
        let mut watched = Self::default();
        for source in node.sources() {
            let (files, looked) = look(&source, base, index)?;
            let paths = files.files.iter().map(|file| file.path.clone());
            watched.signatures.extend(paths.zip(looked.iter().map(|looked| looked.signature)));
            watched.files.insert(source.key.to_owned(), files);
        }
        Ok(watched)
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
        let changed =
            |(path, before): &&(PathBuf, Signature)| Signature::of(path).ok().as_ref() != Some(before);
        self.signatures.iter().find(changed).map(|(path, _)| path.as_path())
    }
}

fn look(source: &Source, base: &Path, index: &StatIndex) -> Result<(SourceFiles, Vec<Looked>)> {
    let path = absolute(base, &source.path);
    let pattern = source.path.contains('*');
    if !pattern && !path.exists() {
        return Err(Error::new(format!("`{}` names {}, and nothing is there", source.key, path.display())));
    }
    let paths = (source.list)(&path)?;
    let looked = index.look_all(&paths).map_err(|(path, error)| Error::io("read", path, error))?;
    let root = if pattern { fixed_part(&path) } else { path.clone() };
    let file = |(path, looked): (&PathBuf, &Looked)| SourceFile {
        name: name_below(&root, path),
        path: path.clone(),
        size: looked.signature.size,
        digest: looked.digest,
    };
    let files: Vec<_> = paths.iter().zip(&looked).map(file).collect();
    let digest = Digest::of_named(DOMAIN, files.iter().map(|file| (file.name.as_str(), file.digest)));
    Ok((SourceFiles { path, files, digest }, looked))
}

/// The absolute path, without `..` and links in its folders; its last component stays as written.
fn absolute(base: &Path, written: &str) -> PathBuf {
    let joined = base.join(written);
    let resolved = match (joined.parent(), joined.file_name()) {
        (Some(folder), Some(name)) => folder.canonicalize().map(|folder| folder.join(name)),
        _ => joined.canonicalize(),
    };
    resolved.or_else(|_| std::path::absolute(&joined)).unwrap_or(joined)
}

/// The path up to its first component with a `*`.
fn fixed_part(path: &Path) -> PathBuf {
    let starred = |component: &Component<'_>| component.as_os_str().to_string_lossy().contains('*');
    path.components().take_while(|component| !starred(component)).collect()
}

/// Relative to `root`, with `/`; a file that is `root` goes by its own name.
fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let below =
        if below.as_os_str().is_empty() { Path::new(path.file_name().unwrap_or_default()) } else { below };
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        Ok(files)
    }

    fn one_file(path: &Path) -> Result<Vec<PathBuf>> {
        Ok(vec![path.to_owned()])
    }

    fn digest_of(base: &Path, path: &str, list: fn(&Path) -> Result<Vec<PathBuf>>) -> Digest {
        let index = StatIndex::open(base.join("none.index"), "");
        let source = Source { key: "root", path: path.to_owned(), list };
        look(&source, base, &index).unwrap().0.digest
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

    #[test]
    fn names_are_relative() {
        assert_eq!(name_below(Path::new("/d"), Path::new("/d/train/7/x.png")), "train/7/x.png");
        assert_eq!(name_below(Path::new("/d/x.png"), Path::new("/d/x.png")), "x.png");
        assert_eq!(fixed_part(Path::new("/d/*/x.png")), Path::new("/d"));
    }
}
