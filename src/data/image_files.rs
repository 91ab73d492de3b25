//! Which files of a folder are images.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    data::system::is_left_out,
    error::{Error, Result},
    progress::Stop,
};

/// Extensions of images that Kiln reads, in lower case.
pub const EXTENSIONS: [&str; 24] = [
    "bmp", "dds", "exr", "ff", "gif", "hdr", "ico", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "mpo", "pam",
    "pbm", "pgm", "png", "pnm", "ppm", "qoi", "tif", "tiff", "webp",
];
/// Extensions of images, some without a signature, that need a word of their own.
const OTHER_EXTENSIONS: [&str; 6] = ["avif", "dng", "heic", "heif", "jxl", "tga"];

/// Whether a name ends like an image's; also of formats that Kiln can't read, so that they are
/// reported and not silently left out.
pub fn is_image(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let mut known = EXTENSIONS.iter().chain(&OTHER_EXTENSIONS);
    !stem.is_empty() && known.any(|known| known.eq_ignore_ascii_case(extension))
}

/// How many entries of a folder that is left out are looked at to see whether it matters.
const GLANCE: usize = 1_000;
/// How many ways links may lead to one folder: ten folders of two links each would make a thousand.
const MAX_WAYS: usize = 100;

/// What lies below a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whatever is named like an image, sorted; it need not be one, nor a regular file.
    pub images: Vec<PathBuf>,
    /// What is hidden or the system's own, and is or holds something named like an image; sorted.
    pub left_out: Vec<PathBuf>,
}

/// The images below `root`, as [`look`] finds them.
///
/// # Errors
/// As [`look`].
pub fn list(root: &Path, stop: &Stop) -> Result<Vec<PathBuf>> {
    Ok(look(root, stop)?.images)
}

/// All that is named like an image below `root` (or `root` itself, if it is no folder). Links are followed, but
/// not in circles; what [`is_left_out`] says is.
///
/// # Errors
/// When a folder can't be read, links lead to one folder in more than a hundred ways, or `stop` is requested.
pub fn look(root: &Path, stop: &Stop) -> Result<Found> {
    if !fs::metadata(root).map_err(|source| Error::io("read", root, source))?.is_dir() {
        return Ok(Found { images: vec![root.to_owned()], left_out: Vec::new() });
    }
    let mut walk = Walk { stop, above: Vec::new(), ways: BTreeMap::new(), found: Found::default() };
    walk.folder(root)?;
    Ok(walk.found)
}

struct Walk<'s> {
    stop: &'s Stop,
    /// The real paths of the folders that lead here.
    above: Vec<PathBuf>,
    /// How often a real folder was come to.
    ways: BTreeMap<PathBuf, usize>,
    found: Found,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<()> {
        let failed = |source| Error::io("read", folder, source);
        let real = fs::canonicalize(folder).map_err(failed)?;
        // A link to a folder that leads here, or to one around them all.
        if self.above.iter().any(|above| above.starts_with(&real)) {
            return Ok(());
        }
        self.count(&real)?;
        self.above.push(real);
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            self.stop.check()?;
            let entry = entry.map_err(failed)?;
            entries.push((entry.path(), entry.file_type()));
        }
        // Each folder by itself, which is faster than all paths at the end, and comes to the same.
        entries.sort_unstable_by(|(a, _), (b, _)| a.as_os_str().cmp(b.as_os_str()));
        entries.into_iter().try_for_each(|(path, kind)| self.entry(path, kind))?;
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, kind: io::Result<fs::FileType>) -> Result<()> {
        let before = self.found.images.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_left_out(&name) {
            let matters = is_image(&name) || holds_image(&path, &mut GLANCE.clone());
            self.found.left_out.extend(matters.then_some(path));
            return Ok(());
        }
        if is_folder(kind, &path) {
            self.folder(&path)?;
        }
        // A folder named like an image is one that can't be read, unless it holds some.
        if is_image(&name) && self.found.images.len() == before {
            self.found.images.push(path);
        }
        Ok(())
    }

    /// Counts a way to a folder, so that links can't make more of the input than it is.
    fn count(&mut self, real: &Path) -> Result<()> {
        let ways = self.ways.entry(real.to_owned()).or_default();
        *ways += 1;
        if *ways <= MAX_WAYS {
            return Ok(());
        }
        let message = format!("links lead to {} in more than {MAX_WAYS} ways", crate::shown::path(real));
        Err(Error::new(message).help("remove links, so that each folder is reached once"))
    }
}

/// Whether it is a folder, links followed. What can't be looked at is none; if it is named like an image, reading
/// it will say why.
fn is_folder(kind: io::Result<fs::FileType>, path: &Path) -> bool {
    match kind {
        Ok(kind) if kind.is_symlink() => fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()),
        kind => kind.is_ok_and(|kind| kind.is_dir()),
    }
}

/// Whether a folder has something named like an image among its first entries; links are not followed.
fn holds_image(folder: &Path, glances: &mut usize) -> bool {
    let is_real = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    let Some(entries) = is_real.then(|| fs::read_dir(folder).ok()).flatten() else { return false };
    for entry in entries.flatten() {
        if *glances == 0 {
            return false;
        }
        *glances -= 1;
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if if is_dir {
            holds_image(&entry.path(), glances)
        } else {
            is_image(&entry.file_name().to_string_lossy())
        } {
            return true;
        }
    }
    false
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn found(root: &Path) -> Found {
        look(root, &Stop::default()).unwrap()
    }

    /// A folder with empty files at these places.
    pub(crate) fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
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
        std::os::unix::fs::symlink(dir.path(), root.join("a/around")).unwrap();
        assert_eq!(list(&root, &Stop::default()).unwrap(), [root.join("a/2.png"), root.join("b/1.png")]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(Path::new("/no/such/folder"), &Stop::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/folder");
    }

    #[test]
    fn what_the_system_keeps_is_left_out_and_named() {
        let dir = folder(&[
            "cat/1.png",
            "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
            "cat/._1.png",
            "cat/Thumbs.db",
            ".git/config",
            "$RECYCLE.BIN/S-1-5-21/$R1.png",
            "__MACOSX/cat/._1.png",
        ]);
        let found = found(dir.path());
        let names = |paths: &[PathBuf]| -> Vec<String> {
            paths.iter().map(|path| crate::paths::below(dir.path(), path)).collect()
        };
        assert_eq!(names(&found.images), ["cat/1.png"]);
        let left_out = ["$RECYCLE.BIN", "__MACOSX", "cat/._1.png", "cat/@eaDir"];
        assert_eq!(names(&found.left_out), left_out, "a hidden folder without images is nobody's concern");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_listed_where_it_is_named_like_an_image() {
        let dir = folder(&["a/x.txt"]);
        let at = |name: &str| dir.path().join("a").join(name);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        link("gone.png", "dead.png");
        link("self.png", "self.png");
        link("gone", "dead");
        fs::create_dir_all(at("empty.png")).unwrap();
        fs::create_dir_all(at("full.png")).unwrap();
        fs::write(at("full.png/1.png"), "").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.png")).status().unwrap().success());
        let expected = ["dead.png", "empty.png", "full.png/1.png", "pipe.png", "self.png"];
        assert_eq!(found(dir.path()).images, expected.map(at));
    }

    #[cfg(unix)]
    #[test]
    fn links_can_not_make_more_of_a_folder_than_it_is() {
        let dir = folder(&["0/1.png"]);
        for level in 1..40 {
            let folder = dir.path().join(level.to_string());
            fs::create_dir(&folder).unwrap();
            for name in ["a", "b"] {
                let below = format!("../{}", level - 1);
                std::os::unix::fs::symlink(below, folder.join(name)).unwrap();
            }
        }
        let error = list(&dir.path().join("39"), &Stop::default()).unwrap_err();
        assert!(error.to_string().ends_with("in more than 100 ways"), "{error}");
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let dir = folder(&["1.png"]);
        let stop = Stop::default();
        stop.request();
        assert_eq!(list(dir.path(), &stop).unwrap_err().kind(), crate::error::ErrorKind::Interrupted);
    }
}
