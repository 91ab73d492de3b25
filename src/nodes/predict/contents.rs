//! What can be said of a source before anything runs: that there is no image.

use std::path::{Path, PathBuf};

use super::{list::is_list, remote::kind, source::entries};
use crate::{
    data::image_files,
    eval::predict::ImageFile,
    files,
    progress::Stop,
    shown,
    signature::Signature,
    spec::{Place, Problem},
};

/// What is wrong with a source, and what to do.
pub(super) struct NoImage {
    pub message: String,
    pub help: String,
}

impl NoImage {
    fn new(message: String, help: &str) -> Self {
        Self { message, help: help.to_owned() }
    }
}

/// What `check` tells of a source where something lies.
pub(super) fn problem(source: &Path, recursive: bool) -> Option<Problem> {
    let fault = if source.is_dir() || is_list(source) { of_many(source, recursive) } else { of_one(source) }?;
    let problem = Problem::rule(Place::Value(["source"].into()), fault.message);
    Some(problem.label("no image to classify").help(fault.help))
}

/// What is wrong with a folder or a list.
fn of_many(source: &Path, recursive: bool) -> Option<NoImage> {
    let entries = match entries(source, recursive, &Stop::default()) {
        Ok(entries) => entries,
        Err(error) => {
            return Some(NoImage::new(error.to_string(), error.hint().unwrap_or("look at what lies there")));
        }
    };
    let is_there = |entry: &ImageFile| entry.path.symlink_metadata().is_ok();
    match &entries[..] {
        [] => Some(no_image(source, recursive)),
        [first, ..] if is_list(source) && !entries.iter().any(is_there) => Some(NoImage::new(
            format!("nothing that {} names exists", shown::path(source)),
            &format!("the first is `{}`; paths in a list are relative to the list", shown::text(&first.name)),
        )),
        _ => None,
    }
}

/// What is wrong with a file that should be an image.
fn of_one(source: &Path) -> Option<NoImage> {
    if let Err(error) = files::open(source) {
        let message = format!("cannot read {}: {error}", shown::path(source));
        return Some(NoImage::new(message, "name an image, or a folder of images"));
    }
    match kind(source)? {
        Signature::Image(_) => None,
        Signature::Other(kind) => {
            Some(NoImage::new(format!("{} is {kind}, not an image", shown::path(source)), advice(kind)))
        }
    }
}

fn advice(kind: &str) -> &'static str {
    if kind.starts_with("a film") {
        "films are not read; extract frames, e.g. `ffmpeg -i FILM -r 1 frames/%05d.png`, and name their folder"
    } else {
        "name an image, a folder of images, a pattern with `*`, or a list (.txt, .csv) with a path a line"
    }
}

/// That there is no image in a folder, list or pattern, and where one may be.
pub(super) fn no_image(source: &Path, recursive: bool) -> NoImage {
    let message = format!("there is no image in {}", shown::path(source));
    if !source.is_dir() {
        let help = "name an image, a folder of images, a pattern with `*`, or a list of paths";
        return NoImage::new(message, help);
    }
    // A folder that can't be looked through was told before.
    if !recursive && image_files::list(source, &Stop::default()).is_ok_and(|images| !images.is_empty()) {
        return NoImage::new(message, "there are images in folders below it: add `recursive: true`");
    }
    match other(source) {
        Some((name, kind)) => {
            NoImage::new(format!("{message}; `{}` is {kind}", shown::path(&name)), advice(kind.name()))
        }
        None => NoImage::new(message, "put images there, or name another folder"),
    }
}

/// The first file of a folder that is something else.
fn other(folder: &Path) -> Option<(PathBuf, Signature)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    // A look at some is enough for a hint.
    paths.into_iter().take(100).find_map(|path| Some((path.file_name()?.into(), kind(&path)?)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn told(source: &Path, recursive: bool) -> String {
        let told = problem(source, recursive)
            .map(|problem| format!("{}\n  {}", problem.message, problem.help.unwrap_or_default()));
        let folder = source.parent().unwrap().display().to_string();
        told.unwrap_or_else(|| "fine".to_owned()).replace(&folder, "X")
    }

    #[test]
    fn what_is_no_image_is_told_before_anything_runs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["empty", "nested/deep", "film", "notes", "photos"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let film = b"\0\0\0\x18ftypmp42";
        let files: [(&str, &[u8]); 9] = [
            ("nested/deep/a.png", b""),
            ("film/clip.mp4", film),
            ("clip.mp4", film),
            ("page.jpg", b"<!DOCTYPE html><html>"),
            ("notes/readme.md", b"# notes"),
            ("photos/a.png", b""),
            ("empty.txt", b"\n\n# no\n"),
            ("gone.txt", b"a.png\nb.png"),
            ("wide.csv", b"a\0.\0p\0n\0g\0"),
        ];
        files.iter().for_each(|(name, bytes)| fs::write(at(name), bytes).unwrap());
        let sources = [
            "empty",
            "nested",
            "film",
            "clip.mp4",
            "page.jpg",
            "notes",
            "photos",
            "empty.txt",
            "gone.txt",
            "wide.csv",
        ];
        let lines = sources.map(|name| format!("{name}: {}", told(&at(name), false)));
        insta::assert_snapshot!(lines.join("\n"));
        assert_eq!(told(&at("nested"), true), "fine");
        assert!(told(Path::new("/dev/zero"), false).contains("it is a device, not a regular file"));
    }
}
