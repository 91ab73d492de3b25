//! Which images a source names: a file, a folder, a pattern, or a list.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    data::folder::{self, is_image},
    error::{Error, Result},
    eval::table,
    progress::Stop,
};

/// An image to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Relative to the source, with `/`; in a list, as the list has it.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// The files that decide the result, for a source that is not `recursive`.
pub(super) fn list(source: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
    files(source, false)
}

/// The files that decide the result, for a source that is `recursive`.
pub(super) fn list_below(source: &Path, _: &Stop) -> Result<Vec<PathBuf>> {
    files(source, true)
}

/// The images, and the list that names them. What a list names and isn't there is left out: that
/// is told when the node runs, and once it is there, the result is another.
fn files(source: &Path, recursive: bool) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = entries(source, recursive)?
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

/// The images of a source: in a list's order, otherwise sorted by path.
///
/// # Errors
/// When a folder or list can't be read, or a pattern is malformed.
pub(super) fn entries(source: &Path, recursive: bool) -> Result<Vec<Entry>> {
    if source.to_string_lossy().contains('*') && !source.exists() {
        return matching(source);
    }
    if source.is_dir() {
        return inside(source, recursive);
    }
    if is_list(source) {
        return listed(source, recursive);
    }
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(vec![Entry { name, path: source.to_owned() }])
}

fn is_list(source: &Path) -> bool {
    let extension = source.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("txt" | "csv")) && source.is_file()
}

fn inside(folder: &Path, recursive: bool) -> Result<Vec<Entry>> {
    Ok(below(folder, inside_of(folder, recursive)?))
}

fn inside_of(folder: &Path, recursive: bool) -> Result<Vec<PathBuf>> {
    let mut paths = folder::list(folder, &Stop::default())?;
    paths.retain(|path| recursive || path.parent() == Some(folder));
    Ok(paths)
}

fn matching(pattern: &Path) -> Result<Vec<Entry>> {
    let (base, text) = split(pattern);
    let malformed =
        |error| Error::new(format!("the pattern {} is malformed", pattern.display())).because(error);
    let mut paths = Vec::new();
    for path in glob::glob(&text).map_err(|error: glob::PatternError| malformed(error))? {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", path, error.into())
        })?;
        if is_image(&path.to_string_lossy()) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(below(&base, paths))
}

/// The folder above the first `*`, and the pattern with that folder taken literally.
fn split(pattern: &Path) -> (PathBuf, String) {
    let starred = |component: &Component<'_>| component.as_os_str().to_string_lossy().contains('*');
    let base: PathBuf = pattern.components().take_while(|component| !starred(component)).collect();
    // A folder that is there means itself, whatever its name; otherwise `[…]` and `?` may be meant.
    let literal = if base.is_dir() {
        glob::Pattern::escape(&base.to_string_lossy())
    } else {
        base.to_string_lossy().into_owned()
    };
    let rest: PathBuf = pattern.components().skip_while(|component| !starred(component)).collect();
    let text = Path::new(&literal).join(rest).to_string_lossy().into_owned();
    (base, text)
}

/// One path a line: of an image, of a folder or a pattern of images; in a `.csv` the first field counts,
/// and a first line `path` or `source` is a header. Empty lines and lines that begin with `#` are passed
/// over.
fn listed(list: &Path, recursive: bool) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(list).map_err(|error| Error::io("read", list, error))?;
    let csv = list.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let mut names: Vec<String> = if csv {
        table::rows(&text).into_iter().filter_map(|row| row.into_iter().next()).collect()
    } else {
        text.lines().map(str::to_owned).collect()
    };
    if csv && names.first().is_some_and(|name| ["path", "source"].contains(&name.trim())) {
        names.remove(0);
    }
    let base = list.parent().unwrap_or(Path::new(""));
    let names = names.iter().map(|name| name.trim_start_matches('\u{feff}').trim());
    let names = names.filter(|name| !name.is_empty() && !name.starts_with('#'));
    let entries = names.map(|name| line(base, name, recursive)).collect::<Result<Vec<_>>>()?;
    Ok(entries.concat())
}

/// What a line of a list names: an image under the name it has there, or images of a folder or a pattern,
/// each under its own.
fn line(base: &Path, name: &str, recursive: bool) -> Result<Vec<Entry>> {
    let path = base.join(name);
    let found = if path.is_dir() {
        below(base, inside_of(&path, recursive)?)
    } else if name.contains('*') && !path.exists() {
        below(base, matching(&path)?.into_iter().map(|entry| entry.path).collect())
    } else {
        Vec::new()
    };
    // What names no image is looked at under its own name, and told as unreadable.
    Ok(if found.is_empty() { vec![Entry { name: name.to_owned(), path }] } else { found })
}

fn below(base: &Path, paths: Vec<PathBuf>) -> Vec<Entry> {
    let name = |path: &Path| {
        let relative = path.strip_prefix(base).unwrap_or(path);
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    };
    paths.into_iter().map(|path| Entry { name: name(&path), path }).collect()
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
        entries(source, recursive).unwrap().into_iter().map(|entry| entry.name).collect()
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
        assert_eq!(names(&dir.path().join("be*/c.png"), false), ["below/c.png"]);
        assert!(names(&dir.path().join("*.gif"), false).is_empty());
    }

    #[test]
    fn brackets_in_a_folders_name_are_literal() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("run [1]");
        fs::create_dir(&odd).unwrap();
        fs::write(odd.join("a.png"), "").unwrap();
        assert_eq!(names(&odd.join("*.png"), false), ["a.png"]);
    }

    #[test]
    fn a_malformed_pattern_is_named() {
        let error = entries(Path::new("/no/a***b"), false).unwrap_err();
        assert_eq!(error.to_string(), "the pattern /no/a***b is malformed");
    }

    #[test]
    fn a_list_names_images_in_its_order() {
        let dir = folder();
        let list_file = dir.path().join("list.txt");
        fs::write(&list_file, "\u{feff}# two of them\nbelow/c.png\r\n\n  b.png\ngone.png").unwrap();
        let found = entries(&list_file, false).unwrap();
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
    fn a_csv_list_may_have_a_header_and_more_columns() {
        let dir = folder();
        let list_file = dir.path().join("list.csv");
        fs::write(&list_file, "path,label\n\"a,1.png\",x\nb.png,y\n").unwrap();
        assert_eq!(names(&list_file, false), ["a,1.png", "b.png"]);
    }
}
