//! Files to an index, and everything about a dataset that its owner should know.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    data::{
        Index, Sample, Split,
        decode::decode,
        findings::{Finding, Topic, remark, report_classes, report_copies},
        folder::{File, Layout, Placed, layout},
    },
    error::{Error, Result},
    progress::Progress,
    random::Random,
};

/// The shortest side that an image may have, in pixels, as in the reference.
pub const MIN_SIDE: u32 = 10;
/// How many images are looked at between two reports.
const REPORT_EVERY: usize = 64;

/// What happens with an image that can't be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCorrupt {
    /// It is left out, with a warning.
    #[default]
    Skip,
    /// Nothing is done with the dataset until it is repaired.
    Fail,
}

/// How an index is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// What happens with an image that can't be read.
    pub on_corrupt: OnCorrupt,
    /// Part of each class that validates, if no folder says which images do.
    pub val_fraction: f64,
    /// Decides which images validate then.
    pub seed: u64,
    /// How many threads decode.
    pub threads: usize,
}

/// Makes the index of the images `files` below `root`, decoding each once to see whether it can be.
///
/// # Errors
/// When there is no image in a class folder, none of them can be read, one can't be read and
/// [`OnCorrupt::Fail`] is asked for, or the work was interrupted.
pub fn build(
    root: &Path,
    files: &[File],
    options: &Options,
    progress: &Progress<'_>,
) -> Result<(Index, Vec<Finding>)> {
    let layout = layout(files);
    if layout.placed.is_empty() {
        return Err(no_classes(root, files.len()));
    }
    let mut findings = Vec::new();
    let reasons = try_all(root, files, &layout.placed, options.threads, progress)?;
    report_unreadable(files, &layout.placed, &reasons, options.on_corrupt, &mut findings)?;
    let readable = layout.placed.iter().zip(&reasons).filter(|(_, reason)| reason.is_none());
    let mut index = index(files, &layout, readable.map(|(placed, _)| *placed));
    if Split::ALL.into_iter().all(|split| index.split(split).is_empty()) {
        return Err(Error::new(format!("none of the images in {} can be read", root.display())));
    }
    hold_out(&mut index, layout.has_splits, options, &mut findings);
    report_classes(root, &index, &layout, &mut findings);
    report_copies(&index, &mut findings);
    Ok((index, findings))
}

fn no_classes(root: &Path, files: usize) -> Error {
    let message = match files {
        0 => format!("there are no images in {}", root.display()),
        _ => format!("none of the {files} images in {} lies in a class folder", root.display()),
    };
    Error::new(message).help("put the images into <class>/ folders, or into train/<class>/ and val/<class>/")
}

/// For each placed file, why it can't be used, if so.
fn try_all(
    root: &Path,
    files: &[File],
    placed: &[Placed],
    threads: usize,
    progress: &Progress<'_>,
) -> Result<Vec<Option<String>>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    let pool = pool.map_err(|source| Error::new("cannot start threads").because(source))?;
    let done = AtomicUsize::new(0);
    let try_one = |one: &Placed| {
        progress.check()?;
        let reason = try_file(root, &files[one.file]);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(REPORT_EVERY) || done == placed.len() {
            progress.step("check", done, placed.len(), "images");
        }
        Ok(reason)
    };
    pool.install(|| placed.par_iter().map(try_one).collect())
}

fn try_file(root: &Path, file: &File) -> Option<String> {
    let image = match decode(&root.join(&file.name)) {
        Ok(image) => image,
        Err(error) => return Some(cause(&error)),
    };
    let (width, height) = image.dimensions();
    (width.min(height) < MIN_SIDE).then(|| {
        format!("{width} x {height} pixels are too few: at least {MIN_SIDE} x {MIN_SIDE} are needed")
    })
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn report_unreadable(
    files: &[File],
    placed: &[Placed],
    reasons: &[Option<String>],
    on_corrupt: OnCorrupt,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    for (placed, reason) in placed.iter().zip(reasons) {
        let Some(reason) = reason else { continue };
        let name = &files[placed.file].name;
        if on_corrupt == OnCorrupt::Fail {
            return Err(Error::new(format!("the image {name} can't be used: {reason}"))
                .help("repair or remove it, or set `on_corrupt: skip` to leave such images out"));
        }
        let message = format!("{name} is left out: {reason}");
        findings.push(Finding { topic: Topic::Unreadable, message, count: 1, paths: vec![name.clone()] });
    }
    Ok(())
}

fn index(files: &[File], layout: &Layout, placed: impl Iterator<Item = Placed>) -> Index {
    let mut index = Index { classes: layout.classes.clone(), ..Index::default() };
    for Placed { file, split, class } in placed {
        let File { name, size, digest } = &files[file];
        let sample = Sample { path: name.clone(), class, size: *size, digest: digest.clone() };
        index.split_mut(split).push(sample);
    }
    Split::ALL.into_iter().for_each(|split| sort(index.split_mut(split)));
    index
}

/// By class, then by folder, then by name, all in code-point order, as the reference walks.
fn sort(samples: &mut [Sample]) {
    let key = |sample: &Sample| (sample.class, sample.path.rsplit_once('/').map(own));
    samples.sort_by_cached_key(key);
}

fn own((folder, name): (&str, &str)) -> (String, String) {
    (folder.to_owned(), name.to_owned())
}

/// Gives an index without validation images some: those of `test` if there are any, as the reference
/// does, else a seeded, stratified part of `train`.
fn hold_out(index: &mut Index, has_splits: bool, options: &Options, findings: &mut Vec<Finding>) {
    if !index.val.is_empty() || index.train.is_empty() {
        return;
    }
    let message = if index.test.is_empty() {
        let all = std::mem::take(&mut index.train);
        (index.train, index.val) = divide(all, &index.classes, options);
        let (train, val) = (index.train.len(), index.val.len());
        let why =
            if has_splits { "there is no `val` folder" } else { "there are no `train` and `val` folders" };
        format!("{why}: {val} images, drawn by class with the seed, validate and {train} train")
    } else {
        index.val = index.test.clone();
        format!("there is no `val` folder: the {} images of `test` validate", index.val.len())
    };
    findings.push(remark(Topic::Split, message));
}

fn divide(samples: Vec<Sample>, classes: &[String], options: &Options) -> (Vec<Sample>, Vec<Sample>) {
    let mut by_class: Vec<Vec<Sample>> = vec![Vec::new(); classes.len()];
    for sample in samples {
        by_class[sample.class].push(sample);
    }
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for (name, mut samples) in classes.iter().zip(by_class) {
        // By name, not by number: another class more must not divide this one anew.
        Random::new(&format!("split {name}"), &[options.seed]).shuffle(&mut samples);
        let held_out = samples.split_off(train_count(samples.len(), options.val_fraction));
        train.extend(samples);
        val.extend(held_out);
    }
    sort(&mut train);
    sort(&mut val);
    (train, val)
}

/// The whole part of `(1 - fraction) * count`, but at least one image trains.
fn train_count(count: usize, fraction: f64) -> usize {
    // Rounding up must not turn 0.7 * 10 = 6.999… into 6.
    let exact = (1.0 - fraction) * count as f64 + 1e-9;
    (exact as usize).max(1).min(count)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        data::folder,
        progress::{Stop, Update},
    };

    /// A folder of images; the number decides the pixels, 0 makes a file that is no image.
    fn dataset(images: &[(&str, u8)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, number) in images {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match number {
                0 => fs::write(&path, "no image").unwrap(),
                _ => RgbImage::from_pixel(12, 10, Rgb([*number; 3])).save(&path).unwrap(),
            }
        }
        dir
    }

    fn files(root: &Path) -> Vec<File> {
        let file = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            File { name, size: bytes.len() as u64, digest: blake3::hash(&bytes).to_string() }
        };
        folder::list(root).unwrap().into_iter().map(file).collect()
    }

    fn options() -> Options {
        Options { on_corrupt: OnCorrupt::Skip, val_fraction: 0.2, seed: 0, threads: 2 }
    }

    fn build_in(root: &Path, options: &Options) -> Result<(Index, Vec<Finding>)> {
        let (sink, stop) = (|_: Update| (), Stop::default());
        build(root, &files(root), options, &Progress::new(&sink, &stop))
    }

    fn paths(samples: &[Sample]) -> Vec<&str> {
        samples.iter().map(|sample| sample.path.as_str()).collect()
    }

    fn messages(findings: &[Finding]) -> Vec<(Topic, &str)> {
        findings.iter().map(|finding| (finding.topic, finding.message.as_str())).collect()
    }

    #[test]
    fn samples_are_ordered_by_class_folder_and_name() {
        let dir = dataset(&[
            ("train/b/1.png", 1),
            ("train/a/z/1.png", 2),
            ("train/a/2.png", 3),
            ("train/a/10.png", 4),
            ("val/a/1.png", 5),
            ("val/b/1.png", 6),
        ]);
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.classes, ["a", "b"]);
        assert_eq!(
            paths(&index.train),
            ["train/a/10.png", "train/a/2.png", "train/a/z/1.png", "train/b/1.png"]
        );
        assert_eq!(index.counts(Split::Val), [1, 1]);
        assert_eq!(findings, []);
    }

    #[test]
    fn everything_odd_is_found() {
        let dir = dataset(&[
            ("train/a/1.png", 1),
            ("train/a/2.png", 1),
            ("train/a/3.png", 2),
            ("train/b/1.png", 3),
            ("train/b/2.png", 4),
            ("train/b/broken.png", 0),
            ("train/c/1.png", 4),
            ("train/c/photo.heic", 0),
            ("val/a/1.png", 2),
            ("val/b/1.png", 5),
            ("val/zebra/1.png", 6),
            ("loose.png", 7),
        ]);
        fs::create_dir(dir.path().join("train/empty")).unwrap();
        let tiny = RgbImage::new(9, 20);
        tiny.save(dir.path().join("val/b/tiny.png")).unwrap();
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!((index.train.len(), index.val.len()), (6, 2));
        insta::assert_debug_snapshot!(messages(&findings), @r#"
        [
            (
                Unreadable,
                "train/b/broken.png is left out: this is no image in a format that Kiln reads",
            ),
            (
                Unreadable,
                "train/c/photo.heic is left out: this is no image in a format that Kiln reads",
            ),
            (
                Unreadable,
                "val/b/tiny.png is left out: 9 x 20 pixels are too few: at least 10 x 10 are needed",
            ),
            (
                MissingClass,
                "class `c` has no image in val",
            ),
            (
                EmptyClass,
                "the folder train/empty has no image and is no class",
            ),
            (
                UnknownClass,
                "the folder val/zebra is left out: `train` has no such class",
            ),
            (
                Stray,
                "images outside of class folders are left out: loose.png",
            ),
            (
                Leak,
                "the same image lies in two splits, so that the metrics flatter the model: train/a/3.png, val/a/1.png",
            ),
            (
                Contradiction,
                "the same image lies in two classes: train/b/2.png, train/c/1.png",
            ),
            (
                Duplicate,
                "the same image lies in a class more than once: train/a/1.png, train/a/2.png",
            ),
        ]
        "#);
    }

    #[test]
    fn a_corrupt_image_can_stop_everything() {
        let dir = dataset(&[("a/1.png", 1), ("a/2.png", 0), ("b/1.png", 2)]);
        let strict = Options { on_corrupt: OnCorrupt::Fail, ..options() };
        let error = build_in(dir.path(), &strict).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image a/2.png can't be used: this is no image in a format that Kiln reads"
        );
    }

    #[test]
    fn class_folders_alone_are_divided_by_class() {
        let names: Vec<String> =
            ["a", "b"].iter().flat_map(|class| (0..10).map(move |i| format!("{class}/{i}.png"))).collect();
        let images: Vec<(&str, u8)> =
            names.iter().zip(1..).map(|(name, number)| (name.as_str(), number)).collect();
        let dir = dataset(&images);
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!((index.counts(Split::Train), index.counts(Split::Val)), (vec![8, 8], vec![2, 2]));
        assert_eq!(findings[0].topic, Topic::Split);
        let (again, _) = build_in(dir.path(), &Options { threads: 1, ..options() }).unwrap();
        assert_eq!(index, again);
        let (other, _) = build_in(dir.path(), &Options { seed: 1, ..options() }).unwrap();
        assert_ne!(paths(&index.val), paths(&other.val));
        assert_eq!(names.len(), 8 + 8 + 2 + 2);
    }

    #[test]
    fn test_validates_where_there_is_no_val() {
        let dir =
            dataset(&[("train/a/1.png", 1), ("train/b/1.png", 2), ("test/a/1.png", 3), ("test/b/1.png", 3)]);
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.val, index.test);
        let topics: Vec<Topic> = findings.iter().map(|finding| finding.topic).collect();
        assert_eq!(topics, [Topic::Split, Topic::Contradiction]);
    }

    #[test]
    fn one_image_of_a_class_trains() {
        assert_eq!([0, 1, 2, 4, 5, 10].map(|count| train_count(count, 0.2)), [0, 1, 1, 3, 4, 8]);
        assert_eq!(train_count(10, 0.3), 7);
    }

    #[test]
    fn a_folder_without_classes_says_what_is_wanted() {
        let empty = tempfile::tempdir().unwrap();
        let error = build_in(empty.path(), &options()).unwrap_err();
        assert!(error.to_string().starts_with("there are no images in"), "{error}");
        let dir = dataset(&[("1.png", 1)]);
        let error = build_in(dir.path(), &options()).unwrap_err();
        assert!(error.to_string().starts_with("none of the 1 images in"), "{error}");
        let dir = dataset(&[("a/1.png", 0)]);
        let error = build_in(dir.path(), &options()).unwrap_err();
        assert!(error.to_string().ends_with("can be read"), "{error}");
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let dir = dataset(&[("a/1.png", 1)]);
        let (sink, stop) = (|_: Update| (), Stop::default());
        stop.request();
        let progress = Progress::new(&sink, &stop);
        let error = build(dir.path(), &files(dir.path()), &options(), &progress).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Interrupted);
    }
}
