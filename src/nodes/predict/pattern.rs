//! Which images a pattern such as `photos/**/*.jpg` means.
//!
//! `*` stands for any part of a name, `**` for any folders. A name with `[`, `]` or `?` is taken as it stands; where
//! nothing is called so, `[0-9]` stands for one of these characters and `?` for any one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
};

use glob::Pattern;

use crate::{
    data::image_files::is_image,
    error::{Error, Result},
    progress::Stop,
    shown,
};

/// How many ways links may lead to one folder: more than a hundred are no way to keep images.
const MAX_WAYS: usize = 100;

/// Whether a path is meant as a pattern: it has a `*`, and nothing is called so.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'*') && !path.exists()
}

/// The folder above the first `*`.
pub(super) fn base(pattern: &Path) -> PathBuf {
    let starred = |part: &Component<'_>| part.as_os_str().as_encoded_bytes().contains(&b'*');
    pattern.components().take_while(|part| !starred(part)).collect()
}

/// Whatever matches and is named like an image, sorted; it need not be one, nor a regular file. Hidden names match
/// only where the pattern says their dot.
///
/// # Errors
/// When the pattern is malformed, a folder can't be read, links lead to one folder in more than a hundred ways, or
/// `stop` is requested.
pub(super) fn matching(pattern: &Path, stop: &Stop) -> Result<Vec<PathBuf>> {
    let mut parts = parts(pattern)?;
    let start = match parts.first() {
        Some(Part::Plain(root)) if Path::new(root).is_absolute() => PathBuf::from(parts.remove(0).name()),
        _ => PathBuf::new(),
    };
    let mut search = Search { stop, ways: BTreeMap::new(), found: BTreeSet::new() };
    search.step(&start, &parts)?;
    Ok(search.found.into_iter().collect())
}

/// A part of a pattern.
enum Part {
    /// A name as it stands.
    Plain(std::ffi::OsString),
    /// A name with marks: with `*` alone as a mark, and with all of them.
    Marked { text: String, stars: Pattern, all: Pattern },
    /// `**`.
    Below,
}

impl Part {
    fn name(self) -> std::ffi::OsString {
        match self {
            Self::Plain(name) => name,
            Self::Marked { text, .. } => text.into(),
            Self::Below => "**".into(),
        }
    }
}

fn parts(pattern: &Path) -> Result<Vec<Part>> {
    let malformed = |error: glob::PatternError| {
        Error::new(format!("the pattern {} is malformed", shown::path(pattern))).because(error)
    };
    let mut parts = Vec::new();
    for component in pattern.components() {
        let part = part(component.as_os_str()).map_err(malformed)?;
        // `**/**` is `**`.
        if !matches!((parts.last(), &part), (Some(Part::Below), Part::Below)) {
            parts.push(part);
        }
    }
    if let Some(Part::Below) = parts.last() {
        parts.push(part(OsStr::new("*")).map_err(malformed)?);
    }
    Ok(parts)
}

fn part(name: &OsStr) -> Result<Part, glob::PatternError> {
    let text = name.to_string_lossy();
    if text == "**" {
        return Ok(Part::Below);
    }
    if !text.contains(['*', '[', '?']) {
        return Ok(Part::Plain(name.to_owned()));
    }
    let stars: Vec<String> = text.split('*').map(Pattern::escape).collect();
    let (stars, all) = (Pattern::new(&stars.join("*"))?, Pattern::new(&text)?);
    Ok(Part::Marked { text: text.into_owned(), stars, all })
}

struct Search<'s> {
    stop: &'s Stop,
    /// How often a real folder was come to, with how many parts before it.
    ways: BTreeMap<(PathBuf, usize), usize>,
    found: BTreeSet<PathBuf>,
}

impl Search<'_> {
    /// Finds what matches `parts` in `folder`.
    fn step(&mut self, folder: &Path, parts: &[Part]) -> Result<()> {
        let Some((part, rest)) = parts.split_first() else { return Ok(()) };
        match part {
            Part::Plain(name) => self.take(folder.join(name), rest),
            Part::Below => self.below(folder, rest, &mut Vec::new()),
            Part::Marked { text, stars, all } => {
                let (names, last) =
                    (self.names(folder, text.starts_with('.'), parts.len())?, rest.is_empty());
                let matching = |pattern: &Pattern| -> Vec<&PathBuf> {
                    let fits = |name: &Path| {
                        (!last || is_image(&name.to_string_lossy()))
                            && pattern.matches(&name.to_string_lossy())
                    };
                    names
                        .iter()
                        .filter(|path| path.file_name().is_some_and(|name| fits(Path::new(name))))
                        .collect()
                };
                let as_it_stands = matching(stars);
                let matching = if as_it_stands.is_empty() { matching(all) } else { as_it_stands };
                matching.into_iter().try_for_each(|path| self.take(path.clone(), rest))
            }
        }
    }

    /// Goes on behind `path`, or keeps it if it is the end.
    fn take(&mut self, path: PathBuf, rest: &[Part]) -> Result<()> {
        if !rest.is_empty() {
            return if path.is_dir() { self.step(&path, rest) } else { Ok(()) };
        }
        if is_image(&path.to_string_lossy()) && !path.is_dir() && path.symlink_metadata().is_ok() {
            self.found.insert(path);
        }
        Ok(())
    }

    /// Finds what matches `rest` in `folder` and in all folders below; `above` are the real paths that lead here.
    fn below(&mut self, folder: &Path, rest: &[Part], above: &mut Vec<PathBuf>) -> Result<()> {
        let real = fs::canonicalize(here(folder)).map_err(|error| Error::io("read", folder, error))?;
        if above.contains(&real) {
            return Ok(());
        }
        above.push(real);
        self.step(folder, rest)?;
        for path in self.names(folder, false, usize::MAX - rest.len())? {
            if path.is_dir() {
                self.below(&path, rest, above)?;
            }
        }
        above.pop();
        Ok(())
    }

    /// The paths in a folder; those of hidden names only if `hidden`.
    fn names(&mut self, folder: &Path, hidden: bool, parts: usize) -> Result<Vec<PathBuf>> {
        let failed = |error| Error::io("read", here(folder), error);
        if !here(folder).is_dir() {
            return Ok(Vec::new());
        }
        self.count(fs::canonicalize(here(folder)).map_err(failed)?, parts)?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(here(folder)).map_err(failed)? {
            self.stop.check()?;
            let name = entry.map_err(failed)?.file_name();
            if hidden || !name.as_encoded_bytes().starts_with(b".") {
                paths.push(folder.join(name));
            }
        }
        Ok(paths)
    }

    /// Counts a way to a folder, so that links can't make more of the input than it is.
    fn count(&mut self, real: PathBuf, parts: usize) -> Result<()> {
        let message = format!("links lead to {} in more than {MAX_WAYS} ways", shown::path(&real));
        let ways = self.ways.entry((real, parts)).or_default();
        *ways += 1;
        if *ways <= MAX_WAYS { Ok(()) } else { Err(Error::new(message)) }
    }
}

/// The folder that a path without parts means.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image_files::tests::folder;

    fn found(dir: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let paths = matching(&dir.path().join(pattern), &Stop::default()).unwrap();
        paths.iter().map(|path| crate::paths::below(dir.path(), path)).collect()
    }

    #[test]
    fn stars_match_parts_of_names_and_folders() {
        let dir = folder(&[
            "a.JPG",
            "b.png",
            "notes.md",
            "below/c.png",
            "below/deep/d.png",
            ".hidden/x.png",
            "._b.png",
        ]);
        assert_eq!(found(&dir, "*"), ["a.JPG", "b.png"]);
        assert_eq!(found(&dir, "**/*.png"), ["b.png", "below/c.png", "below/deep/d.png"]);
        assert_eq!(found(&dir, "**"), ["a.JPG", "b.png", "below/c.png", "below/deep/d.png"]);
        assert_eq!(found(&dir, "**/**/deep/*"), ["below/deep/d.png"]);
        assert_eq!(found(&dir, "be*/c.png"), ["below/c.png"]);
        assert_eq!(found(&dir, ".hid*/*"), [".hidden/x.png"]);
        assert!(found(&dir, "*.gif").is_empty() && found(&dir, "none/*").is_empty());
    }

    #[test]
    fn brackets_are_letters_where_something_is_called_so() {
        let dir = folder(&["run [1]/a.png", "img[1].png", "img1.png", "img2.png", "c?.png"]);
        assert_eq!(found(&dir, "run [1]/*.png"), ["run [1]/a.png"]);
        assert_eq!(found(&dir, "img[1]*.png"), ["img[1].png"]);
        assert_eq!(found(&dir, "img[12]*.png"), ["img1.png", "img2.png"]);
        assert_eq!(found(&dir, "img?*.png"), ["img1.png", "img2.png", "img[1].png"]);
        assert_eq!(found(&dir, "c?*"), ["c?.png"]);
    }

    #[test]
    fn a_malformed_pattern_is_named() {
        let error = matching(Path::new("/no/a***b"), &Stop::default()).unwrap_err();
        assert_eq!(error.to_string(), "the pattern /no/a***b is malformed");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_match_and_so_does_what_is_no_file() {
        use std::os::unix::{ffi::OsStrExt as _, fs::symlink};
        let dir = folder(&[]);
        fs::write(dir.path().join(OsStr::from_bytes(b"m\xfcll.png")), "").unwrap();
        symlink("gone", dir.path().join("link.png")).unwrap();
        assert_eq!(found(&dir, "*.png"), ["link.png", "m\\xfcll.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_make_no_more_of_a_folder_than_it_is() {
        let dir = folder(&["a/1.png"]);
        for link in ["b", "c", "d"] {
            std::os::unix::fs::symlink(".", dir.path().join("a").join(link)).unwrap();
        }
        assert_eq!(found(&dir, "**/*.png"), ["a/1.png"]);
        let stars = "*/".repeat(40) + "*.png";
        let error = matching(&dir.path().join(stars), &Stop::default()).unwrap_err();
        assert!(error.to_string().ends_with("in more than 100 ways"), "{error}");
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let dir = folder(&["a.png"]);
        let stop = Stop::default();
        stop.request();
        assert!(matching(&dir.path().join("*"), &stop).is_err());
    }
}
