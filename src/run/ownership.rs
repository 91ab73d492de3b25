//! What in a folder of results Kiln made, and what it did not.
//!
//! A folder belongs to Kiln only if its own record (`manifest.json`, with a checksum) lists all that lies there and
//! each file still has the content that the record tells. Nothing else is ever removed, moved or overwritten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    atomic::TEMPORARY,
    store::{Digest, Manifest, stat::StatIndex},
};

/// The record of the result, beside its files.
pub(super) const MANIFEST: &str = "manifest.json";
/// What decided the result, beside its files.
pub(super) const RECIPE: &str = "recipe.json";

/// The record in a folder of results; `None` if there is none, or it is damaged.
pub fn record(folder: &Path) -> Option<Manifest> {
    let path = folder.join(MANIFEST);
    // A link leads to what lies elsewhere.
    fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
    Manifest::read(&path)
}

/// What decided the result, as it lies beside its files.
pub(super) fn recipe_text(manifest: &Manifest) -> String {
    serde_json::to_string_pretty(&manifest.recipe).expect("a recipe is plain data") + "\n"
}

/// What lies at `folder` that Kiln did not make, as paths relative to it with the reason, in order; empty if the
/// folder is not there or all in it is Kiln's. Unchanged files are not read.
///
/// # Errors
/// When the folder can't be read.
pub(super) fn foreign(folder: &Path, index: &StatIndex) -> io::Result<Vec<Foreign>> {
    let whole = |what| Ok(vec![Foreign { path: folder.to_owned(), what }]);
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
        Ok(there) if there.is_symlink() => return whole(What::Link),
        Ok(there) if !there.is_dir() => return whole(What::File),
        Ok(_) => {}
    }
    let contents = Contents::list(folder)?;
    let known = record(folder).map(|manifest| known(&manifest)).unwrap_or_default();
    let folders: BTreeSet<PathBuf> =
        known.keys().flat_map(|name| Path::new(name).ancestors().skip(1)).map(Path::to_owned).collect();
    let mut found: Vec<Foreign> = Vec::new();
    for path in contents.folders.into_iter().filter(|path| !folders.contains(path)) {
        found.push(Foreign { path: folder.join(path), what: What::Unknown });
    }
    for path in contents.files {
        let what = what(folder, &path, &known, index);
        found.extend(what.map(|what| Foreign { path: folder.join(&path), what }));
    }
    found.sort();
    Ok(found)
}

/// Something that Kiln did not make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Foreign {
    /// The path of the file, folder or link.
    pub path: PathBuf,
    /// Why it is not Kiln's.
    pub what: What,
}

/// Why something is not Kiln's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// No record lists it.
    Unknown,
    /// The record lists it with another content.
    Changed,
    /// A link where a folder is wanted.
    Link,
    /// A file where a folder is wanted.
    File,
}

/// The digest of each file that the record tells of; `None` for the record itself, whose checksum was right.
fn known(manifest: &Manifest) -> BTreeMap<String, Option<Digest>> {
    let outputs = manifest.outputs.iter().map(|(name, output)| (name.to_string(), Some(output.digest)));
    let recipe = Digest::of_bytes(recipe_text(manifest).as_bytes());
    outputs.chain([(MANIFEST.to_owned(), None), (RECIPE.to_owned(), Some(recipe))]).collect()
}

/// Why the file at `path` below `folder` is not Kiln's, if it is not.
fn what(
    folder: &Path,
    path: &Path,
    known: &BTreeMap<String, Option<Digest>>,
    index: &StatIndex,
) -> Option<What> {
    let Some(digest) = path.to_str().and_then(|name| known.get(name)) else { return Some(What::Unknown) };
    let full = folder.join(path);
    if !fs::symlink_metadata(&full).is_ok_and(|there| there.is_file()) {
        return Some(What::Changed);
    }
    let same = digest.is_none_or(|digest| index.look(&full).is_ok_and(|looked| looked.digest == digest));
    (!same).then_some(What::Changed)
}

/// All below a folder, by paths relative to it; links are not followed.
#[derive(Default)]
struct Contents {
    folders: Vec<PathBuf>,
    /// Everything that is not a folder: files, links, sockets.
    files: Vec<PathBuf>,
}

impl Contents {
    fn list(root: &Path) -> io::Result<Self> {
        let (mut contents, mut open) = (Self::default(), vec![PathBuf::new()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    open.push(path.clone());
                    contents.folders.push(path);
                } else {
                    contents.files.push(path);
                }
            }
        }
        Ok(contents)
    }
}

/// Removes a folder that Kiln made: the files that its record lists, and the folders that are empty then.
///
/// What a half-filled folder holds is listed too, since the record is written first. Anything else stays.
///
/// # Errors
/// When something can't be removed, of kind directory not empty when something of somebody else's is there.
pub(super) fn discard(folder: &Path) -> io::Result<()> {
    let Some(there) = absent_as_none(fs::symlink_metadata(folder))? else { return Ok(()) };
    if !there.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let contents = Contents::list(folder)?;
    let known = record(folder).map(|manifest| known(&manifest)).unwrap_or_default();
    let is_ours = |path: &Path| {
        let Some(name) = path.to_str() else { return false };
        known.contains_key(name) || name.starts_with(TEMPORARY)
    };
    for path in contents.files.iter().filter(|path| is_ours(path) && *path != Path::new(MANIFEST)) {
        fs::remove_file(folder.join(path))?;
    }
    // What lies deeper was listed later.
    for path in contents.folders.iter().rev() {
        absent_as_none(fs::remove_dir(folder.join(path)))?;
    }
    absent_as_none(fs::remove_file(folder.join(MANIFEST)).or_else(|error| match known.is_empty() {
        true => Ok(()),
        false => Err(error),
    }))?;
    fs::remove_dir(folder)
}

fn absent_as_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::store::{FORMAT, Provenance, Recipe};

    #[test]
    fn what_kiln_did_not_make_is_found_whatever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let index = StatIndex::open(dir.path().join("none.index"), "");
        let at = |name: &str| dir.path().join(name);
        let found = |name: &str| -> Vec<(PathBuf, What)> {
            foreign(&at(name), &index).unwrap().into_iter().map(|found| (found.path, found.what)).collect()
        };
        fs::create_dir_all(at("folder/empty")).unwrap();
        fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink("folder", at("link")).unwrap();
        assert_eq!(found("folder"), [(at("folder/empty"), What::Unknown)]);
        assert_eq!(found("folder/empty"), []);
        assert_eq!(found("none"), []);
        assert_eq!(found("file"), [(at("file"), What::File)]);
        assert_eq!(found("link"), [(at("link"), What::Link)]);
        assert!(foreign(&at("file/below"), &index).is_err());
    }

    #[test]
    fn only_what_is_absent_counts_as_nothing() {
        let result = |kind: io::ErrorKind| absent_as_none(Err::<(), _>(kind.into()));
        assert_eq!(result(io::ErrorKind::NotFound).unwrap(), None);
        assert!(result(io::ErrorKind::PermissionDenied).is_err());
        assert_eq!(absent_as_none(Ok(1)).unwrap(), Some(1));
    }

    #[test]
    fn the_recipe_beside_results_is_the_records() {
        let recipe = Recipe {
            format: FORMAT,
            kind: "work".into(),
            version: 1,
            params: serde_json::Map::new(),
            inputs: BTreeMap::new(),
            sources: BTreeMap::new(),
            seed: Some(7),
            precision: None,
        };
        let manifest = Manifest::new(recipe, BTreeMap::new(), Provenance::example());
        let text = recipe_text(&manifest);
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), manifest.recipe);
    }
}
