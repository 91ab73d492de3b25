//! Which files of a folder are images, and what their places say: split and class.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    data::Split,
    error::{Error, Result},
};

/// Extensions of images that Kiln reads, in lower case.
pub const EXTENSIONS: [&str; 24] = [
    "bmp", "dds", "exr", "ff", "gif", "hdr", "ico", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "mpo", "pam",
    "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tif", "tiff", "webp",
];
/// Extensions of images, some without a signature, that need a word of their own.
const OTHER_EXTENSIONS: [&str; 6] = ["avif", "dng", "heic", "heif", "jxl", "tga"];

/// Names of the folder with validation images; the first that exists counts.
const VAL_NAMES: [&str; 3] = ["val", "validation", "valid"];

/// A file, as the engine saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the dataset's root, with `/`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// BLAKE3 of the content, in hex.
    pub digest: String,
}

/// Whether a name ends like an image's; also of formats that Kiln can't read, so that they are
/// reported and not silently left out.
pub fn is_image(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let extension = extension.to_ascii_lowercase();
    !stem.is_empty()
        && (EXTENSIONS.contains(&extension.as_str()) || OTHER_EXTENSIONS.contains(&extension.as_str()))
}

/// All images below `root` (or `root` itself, if it is a file), sorted. Hidden files and folders are
/// left out; links are followed, but not in circles.
///
/// # Errors
/// When a folder can't be read, or a link leads nowhere.
pub fn list(root: &Path) -> Result<Vec<PathBuf>> {
    if !fs::metadata(root).map_err(|source| Error::io("read", root, source))?.is_dir() {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    walk(root, &mut Vec::new(), &mut found)?;
    found.sort();
    Ok(found)
}

/// Adds the images below `folder`; `above` are the real paths of the folders that lead here.
fn walk(folder: &Path, above: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |source| Error::io("read", folder, source);
    let real = fs::canonicalize(folder).map_err(failed)?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if is_folder(&entry, &path)? {
            walk(&path, above, found)?;
        } else if is_image(&name) {
            found.push(path);
        }
    }
    above.pop();
    Ok(())
}

fn is_folder(entry: &fs::DirEntry, path: &Path) -> Result<bool> {
    let failed = |source| Error::io("read", path, source);
    let kind = entry.file_type().map_err(failed)?;
    if !kind.is_symlink() {
        return Ok(kind.is_dir());
    }
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_dir()),
        // A link that leads nowhere: if it is named like an image, reading it will say so.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// How a dataset's folders are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Class names in code-point order: the folders of `train`, or of the only split there is.
    pub classes: Vec<String>,
    /// The images of the known classes, in the order of the files.
    pub placed: Vec<Placed>,
    /// Folders of other splits that are no class of `train`, e.g. `val/zebra`.
    pub unknown: BTreeSet<String>,
    /// Names of images that lie in no class folder.
    pub stray: Vec<String>,
    /// Whether there are split folders; if not, every image is placed in `train`.
    pub has_splits: bool,
}

/// An image whose place says what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Place in the list of files.
    pub file: usize,
    /// The folder it lies in.
    pub split: Split,
    /// Index into [`Layout::classes`].
    pub class: usize,
}

/// Tells split and class of every file from its name: `<split>/<class>/**` if there is a split
/// folder, else `<class>/**`.
pub fn layout(files: &[File]) -> Layout {
    let val = VAL_NAMES.into_iter().find(|name| files.iter().any(|file| has_class(file, name)));
    let splits = [("train", Split::Train), (val.unwrap_or("val"), Split::Val), ("test", Split::Test)];
    let has_splits = splits.iter().any(|(name, _)| files.iter().any(|file| has_class(file, name)));
    let place = |file: &File| {
        let place = if has_splits { in_split(&file.name, &splits) } else { in_class(&file.name) };
        place.map(|(split, class)| (split, class.to_owned()))
    };
    let places: Vec<_> = files.iter().map(place).collect();
    let classes = classes(&places);
    let mut layout =
        Layout { classes, placed: Vec::new(), unknown: BTreeSet::new(), stray: Vec::new(), has_splits };
    for (file, place) in places.into_iter().enumerate() {
        layout.put(file, &files[file].name, place);
    }
    layout
}

impl Layout {
    fn put(&mut self, file: usize, name: &str, place: Option<(Split, String)>) {
        let Some((split, class)) = place else { return self.stray.push(name.to_owned()) };
        match self.classes.binary_search(&class) {
            Ok(class) => self.placed.push(Placed { file, split, class }),
            Err(_) => _ = self.unknown.insert(format!("{split}/{class}")),
        }
    }
}

/// The class folders of the first split that has any.
fn classes(places: &[Option<(Split, String)>]) -> Vec<String> {
    let of =
        |split| places.iter().flatten().filter(move |place| place.0 == split).map(|place| place.1.clone());
    let sorted = |split| of(split).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    Split::ALL.into_iter().map(sorted).find(|classes| !classes.is_empty()).unwrap_or_default()
}

/// Whether a file lies in a class folder of the split folder `split`.
fn has_class(file: &File, split: &str) -> bool {
    let rest = file.name.strip_prefix(split).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| rest.contains('/'))
}

fn in_split<'a>(name: &'a str, splits: &[(&str, Split)]) -> Option<(Split, &'a str)> {
    let (folder, rest) = name.split_once('/')?;
    let (_, split) = splits.iter().find(|(name, _)| *name == folder)?;
    Some((*split, rest.split_once('/')?.0))
}

fn in_class(name: &str) -> Option<(Split, &str)> {
    Some((Split::Train, name.split_once('/')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<File> {
        names.iter().map(|name| File { name: (*name).into(), size: 1, digest: String::new() }).collect()
    }

    #[test]
    fn classes_are_the_folders_of_train_in_code_point_order() {
        let names = ["train/apple/1.png", "train/10/1.png", "train/2/1.png", "train/Cherry/deep/er/1.png"];
        assert_eq!(layout(&files(&names)).classes, ["10", "2", "Cherry", "apple"]);
    }

    #[test]
    fn the_first_name_of_val_counts() {
        let layout =
            layout(&files(&["train/a/1.png", "valid/a/1.png", "validation/a/1.png", "test/b/1.png"]));
        let val: Vec<usize> = layout
            .placed
            .iter()
            .filter(|placed| placed.split == Split::Val)
            .map(|placed| placed.file)
            .collect();
        assert_eq!(val, [2]);
        assert_eq!(layout.stray, ["valid/a/1.png"]);
        assert_eq!(layout.unknown, BTreeSet::from(["test/b".to_owned()]));
    }

    #[test]
    fn class_folders_alone_are_all_train() {
        let layout = layout(&files(&["cat/1.png", "dog/x/1.png", "loose.png"]));
        assert!(!layout.has_splits);
        assert_eq!(layout.classes, ["cat", "dog"]);
        assert_eq!(layout.placed.len(), 2);
        assert_eq!(layout.stray, ["loose.png"]);
    }

    #[test]
    fn a_class_may_be_called_like_a_split_file() {
        assert!(!layout(&files(&["train/1.png", "cat/1.png"])).has_splits);
    }

    #[test]
    fn images_are_told_by_extension() {
        for name in ["a.PNG", "a.b.jpeg", "x.heic", "x.tif"] {
            assert!(is_image(name), "{name}");
        }
        for name in ["a", "png", ".png", "a.txt", "a.png.bak"] {
            assert!(!is_image(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let outside = dir.path().join("outside");
        for folder in [root.join("a"), root.join(".hidden"), outside.clone()] {
            fs::create_dir_all(folder).unwrap();
        }
        for file in
            [root.join("a/2.png"), root.join(".hidden/x.png"), root.join("a/.y.png"), outside.join("1.png")]
        {
            fs::write(file, "").unwrap();
        }
        std::os::unix::fs::symlink(&outside, root.join("b")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("a/loop")).unwrap();
        assert_eq!(list(&root).unwrap(), [root.join("a/2.png"), root.join("b/1.png")]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(Path::new("/no/such/folder")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/folder");
    }
}
