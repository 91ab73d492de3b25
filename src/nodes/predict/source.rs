//! Which images a source names: a file, a folder, a pattern, or a list.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    list::{self, Line, is_list},
    pattern::{self, is_pattern},
};
use crate::{
    budget::Budget,
    data::{
        image_files::{self, is_image},
        system::is_left_out,
    },
    error::{Error, Result},
    eval::predict::ImageFile,
    paths,
    progress::Stop,
    shown,
};

/// The most images that a list may name.
const MOST: u64 = 10_000_000;

/// The files that decide the result, for a source that is not `recursive`.
pub(super) fn list(source: &Path, stop: &Stop) -> Result<Vec<PathBuf>> {
    files(source, false, stop)
}

/// The files that decide the result, for a source that is `recursive`.
pub(super) fn list_below(source: &Path, stop: &Stop) -> Result<Vec<PathBuf>> {
    files(source, true, stop)
}

/// The images, and the list that names them. What is named and is no file is left out: that is told when the node
/// runs, and once it is one, the result is another.
fn files(source: &Path, recursive: bool, stop: &Stop) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = entries(source, recursive, stop)?
        .into_iter()
        .map(|entry| entry.path)
        .filter(|path| path.is_file())
        .collect();
    if is_list(source) {
        files.push(source.to_owned());
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The images of a source: in a list's order, otherwise sorted by path. What is named like an image is there even
/// if it is none, or no regular file: reading it tells why.
///
/// # Errors
/// When a folder or list can't be read, a pattern is malformed, or `stop` is requested.
pub(super) fn entries(source: &Path, recursive: bool, stop: &Stop) -> Result<Vec<ImageFile>> {
    if is_pattern(source) {
        return Ok(below(&pattern::base(source), pattern::matching(source, stop)?));
    }
    if source.is_dir() {
        return Ok(below(source, inside(source, recursive, stop)?));
    }
    if is_list(source) {
        return listed(source, recursive, stop);
    }
    Ok(vec![ImageFile { name: paths::below(source, source), path: source.to_owned() }])
}

/// The images in a folder, and in those below it if `recursive`.
fn inside(folder: &Path, recursive: bool, stop: &Stop) -> Result<Vec<PathBuf>> {
    if recursive {
        return image_files::list(folder, stop);
    }
    let failed = |error| Error::io("read", folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        stop.check()?;
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_image(&name) && !is_left_out(&name) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The images that the lines of a list name, relative to the list.
fn listed(list: &Path, recursive: bool, stop: &Stop) -> Result<Vec<ImageFile>> {
    let base = list.parent().unwrap_or(Path::new(""));
    let (mut all, mut budget) = (Vec::new(), Budget::new(MOST));
    for line in list::lines(list)? {
        stop.check()?;
        let entries = named(base, &line, recursive, stop)?;
        budget
            .take(entries.len() as u64)
            .map_err(|_| Error::new(format!("{} names more than {MOST} images", shown::path(list))))?;
        all.extend(entries);
    }
    Ok(all)
}

/// What a line of a list names: an image under the name it has there, or images of a folder or a pattern, each under
/// its own. The first reading counts that names something.
fn named(base: &Path, line: &Line, recursive: bool, stop: &Stop) -> Result<Vec<ImageFile>> {
    for reading in &line.0 {
        let entry = entry(base, reading);
        if entry.path.is_dir() {
            let found = below(base, inside(&entry.path, recursive, stop)?);
            return Ok(if found.is_empty() { vec![entry] } else { found });
        }
        if entry.path.symlink_metadata().is_ok() {
            return Ok(vec![entry]);
        }
        if is_pattern(&entry.path) {
            let found = below(base, pattern::matching(&entry.path, stop)?);
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    if line.is_remark() {
        return Ok(Vec::new());
    }
    // What names nothing is looked at under its own name, and told as unreadable.
    let is_name =
        |reading: &[u8]| reading == reading.trim_ascii() && is_image(&String::from_utf8_lossy(reading));
    let trimmed = |reading: &&Vec<u8>| reading.trim_ascii() == reading.as_slice();
    let meant = line.0.iter().find(|reading| is_name(reading)).or_else(|| line.0.iter().find(trimmed));
    Ok(vec![entry(base, meant.unwrap_or(&line.0[0]))])
}

/// An image under the name that a list has for it.
fn entry(base: &Path, reading: &[u8]) -> ImageFile {
    let path = paths::of_bytes(reading.to_vec());
    let name = match std::str::from_utf8(reading) {
        Ok(text) if !text.contains('\\') => text.to_owned(),
        _ => paths::to_text(&path),
    };
    ImageFile { name, path: base.join(path) }
}

fn below(base: &Path, paths: Vec<PathBuf>) -> Vec<ImageFile> {
    paths.into_iter().map(|path| ImageFile { name: paths::below(base, &path), path }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with images (empty files; nobody decodes them here), a note, and a folder below.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        for name in ["b.png", "a.JPG", "notes.md", "below/c.png"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        dir
    }

    fn names(source: &Path, recursive: bool) -> Vec<String> {
        entries(source, recursive, &Stop::default()).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn a_file_is_itself() {
        let dir = folder();
        assert_eq!(names(&dir.path().join("b.png"), false), ["b.png"]);
    }

    #[test]
    fn a_folder_is_its_images() {
        let dir = folder();
        assert_eq!(names(dir.path(), false), ["a.JPG", "b.png"]);
        assert_eq!(names(dir.path(), true), ["a.JPG", "b.png", "below/c.png"]);
        assert_eq!(list(dir.path(), &Stop::default()).unwrap().len(), 2);
        assert_eq!(list_below(dir.path(), &Stop::default()).unwrap().len(), 3);
    }

    #[test]
    fn a_pattern_is_the_images_that_match() {
        let dir = folder();
        assert_eq!(names(&dir.path().join("*"), false), ["a.JPG", "b.png"]);
        assert_eq!(names(&dir.path().join("**/*.png"), false), ["b.png", "below/c.png"]);
    }

    #[test]
    fn a_list_names_images_in_its_order() {
        let dir = folder();
        let list_file = dir.path().join("list.txt");
        fs::write(&list_file, "\u{feff}# two of them\nbelow/c.png\r\n\n  b.png\ngone.png").unwrap();
        let found = entries(&list_file, false, &Stop::default()).unwrap();
        assert_eq!(names(&list_file, false), ["below/c.png", "b.png", "gone.png"]);
        assert_eq!(found[1].path, dir.path().join("b.png"));
        let files = list(&list_file, &Stop::default()).unwrap();
        assert_eq!(files, ["b.png", "below/c.png", "list.txt"].map(|name| dir.path().join(name)));
    }

    #[test]
    fn a_list_may_name_folders_and_patterns() {
        let dir = folder();
        let list_file = dir.path().join("list.txt");
        fs::write(&list_file, "below\n*.png\n.\n").unwrap();
        assert_eq!(names(&list_file, false), ["below/c.png", "b.png", "a.JPG", "b.png"]);
        assert_eq!(names(&list_file, true), ["below/c.png", "b.png", "a.JPG", "b.png", "below/c.png"]);
        assert_eq!(list(&list_file, &Stop::default()).unwrap().len(), 4);
    }

    #[test]
    fn of_the_readings_of_a_line_the_first_counts_that_names_something() {
        let dir = folder();
        fs::write(dir.path().join("a 1.png"), "").unwrap();
        let list_file = dir.path().join("list.txt");
        fs::write(&list_file, "a 1.png\nb.png 1\n\"b.png\"\nbelow/c.png;cat\n*.JPG\tx\n# gone\ngone.png 3\n")
            .unwrap();
        let found = ["a 1.png", "b.png", "b.png", "below/c.png", "a.JPG", "gone.png"];
        assert_eq!(names(&list_file, false), found);
    }

    #[test]
    fn a_remark_may_be_a_files_name() {
        let dir = folder();
        fs::write(dir.path().join("#1.png"), "").unwrap();
        let list_file = dir.path().join("list.csv");
        fs::write(&list_file, "# two\n#1.png\n").unwrap();
        assert_eq!(names(&list_file, false), ["#1.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn whatever_is_named_like_an_image_is_there_and_no_name_is_lost() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let dir = folder();
        let odd = dir.path().join(OsStr::from_bytes(b"m\xfcll.png"));
        fs::write(&odd, "").unwrap();
        std::os::unix::fs::symlink("gone", dir.path().join("link.png")).unwrap();
        fs::create_dir(dir.path().join("z.png")).unwrap();
        assert_eq!(names(dir.path(), false), ["a.JPG", "b.png", "link.png", "m\\xfcll.png", "z.png"]);
        let list_file = dir.path().join("list.txt");
        for content in [&b"m\xfcll.png\n"[..], b"m\\xfcll.png\n"] {
            fs::write(&list_file, content).unwrap();
            let found = entries(&list_file, false, &Stop::default()).unwrap();
            assert_eq!(found, [ImageFile { name: "m\\xfcll.png".into(), path: odd.clone() }]);
        }
    }
}
