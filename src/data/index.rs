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
        findings::{
            Finding, Topic, remark, report_copies, report_dark, report_missing, report_unlikely,
            report_unreadable,
        },
        source::{File, Listed, Reader},
    },
    error::{Error, Result},
    progress::Progress,
    random::Random,
    shown,
};

/// The shortest side that an image may have, in pixels, as in the reference.
pub const MIN_SIDE: u32 = 10;
/// An image whose every byte is at most this is almost black: as 12-bit values are that were stored as 16-bit ones.
const DARK: u8 = 16;
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
pub struct IndexOptions {
    /// What happens with an image that can't be read.
    pub on_corrupt: OnCorrupt,
    /// Part of each class that validates, if no folder says which images do; 1 if nothing is to learn from
    /// the dataset, which then validates whole.
    pub val_fraction: f64,
    /// Decides which images validate then.
    pub seed: u64,
}

/// Makes the index of what `reader` finds in `files`, decoding each image once to see whether it can be.
///
/// # Errors
/// When the reader finds no image with a class, none of the images can be read, one can't be read and
/// [`OnCorrupt::Fail`] is asked for, or the work was interrupted.
pub fn build(
    reader: &dyn Reader,
    files: &[File],
    options: &IndexOptions,
    progress: &Progress<'_>,
) -> Result<(Index, Vec<Finding>)> {
    let mut listing = reader.list(files, progress.stop())?;
    let looks = try_all(reader, &listing.images, progress)?;
    let unusable = unusable(&listing.images, &looks, options.on_corrupt)?;
    if unusable.len() == looks.len() {
        return Err(nothing_readable(reader.root(), &unusable));
    }
    let mut findings = Vec::new();
    report_unreadable(&unusable, &mut findings);
    report_dark(dark(&listing.images, &looks), &mut findings);
    let mut index = index(std::mem::take(&mut listing.classes), std::mem::take(&mut listing.images), &looks);
    findings.extend(hold_out(&mut index, &listing.why_none_validate, options));
    findings.append(&mut listing.findings);
    report_missing(&index, &mut findings);
    report_copies(&index, &mut findings);
    if options.val_fraction < 1.0 {
        report_unlikely(&index, &listing.instead_of_one_class, &mut findings);
    }
    findings.sort_by_key(|finding| finding.topic);
    Ok((index, findings))
}

fn nothing_readable(root: &Path, unusable: &[(&str, &str)]) -> Error {
    let error = Error::new(format!("none of the images in {} can be read", shown::path(root)));
    let first = unusable.first().map(|(name, reason)| {
        format!("the first of {}, {}: {}", unusable.len(), shown::text(name), shown::text(reason))
    });
    first.into_iter().fold(error, Error::help)
}

/// What was seen in a file.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// An image that can be used.
    Good,
    /// An image, and almost black.
    Dark,
    /// It can't be used, for this reason.
    Unusable(String),
}

/// What was seen in each image, on all threads of the pool that this runs in.
fn try_all(reader: &dyn Reader, images: &[Listed], progress: &Progress<'_>) -> Result<Vec<Look>> {
    let done = AtomicUsize::new(0);
    let try_one = |one: &Listed| {
        progress.check()?;
        let look = look(reader, one);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(REPORT_EVERY) || done == images.len() {
            progress.step("check", done, images.len(), "images");
        }
        Ok(look)
    };
    images.par_iter().map(try_one).collect()
}

fn look(reader: &dyn Reader, one: &Listed) -> Look {
    if let Some(fault) = &one.fault {
        return Look::Unusable(fault.clone());
    }
    let image = match reader.decode(&one.sample.location) {
        Ok(image) => image,
        Err(error) => return Look::Unusable(cause(&error)),
    };
    let (width, height) = image.dimensions();
    match width.min(height) < MIN_SIDE {
        true => Look::Unusable(format!(
            "{width} x {height} pixels are too few: at least {MIN_SIDE} x {MIN_SIDE} are needed"
        )),
        false if image.as_raw().iter().all(|byte| *byte <= DARK) => Look::Dark,
        false => Look::Good,
    }
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// The images that can't be used, each with its reason.
fn unusable<'l>(
    images: &'l [Listed],
    looks: &'l [Look],
    on_corrupt: OnCorrupt,
) -> Result<Vec<(&'l str, &'l str)>> {
    let reason = |(one, look): (&'l Listed, &'l Look)| match look {
        Look::Unusable(reason) => Some((one.sample.location.name(), reason.as_str())),
        Look::Good | Look::Dark => None,
    };
    let unusable: Vec<_> = images.iter().zip(looks).filter_map(reason).collect();
    match unusable.first() {
        Some((name, reason)) if on_corrupt == OnCorrupt::Fail => {
            let (name, reason) = (shown::text(name), shown::text(reason));
            let others = match unusable.len() {
                1 => String::new(),
                count => format!(", and {} more", count - 1),
            };
            Err(Error::new(format!("the image {name} can't be used: {reason}{others}"))
                .help("repair or remove it, or set `on_corrupt: skip` to leave such images out"))
        }
        _ => Ok(unusable),
    }
}

/// The names of the images that are almost black.
fn dark(images: &[Listed], looks: &[Look]) -> Vec<String> {
    let dark = images.iter().zip(looks).filter(|(_, look)| **look == Look::Dark);
    dark.map(|(one, _)| one.sample.location.name().to_owned()).collect()
}

/// The images that can be used, by split.
fn index(classes: Vec<String>, images: Vec<Listed>, looks: &[Look]) -> Index {
    let mut index = Index { classes, ..Index::default() };
    for (Listed { split, sample, .. }, look) in images.into_iter().zip(looks) {
        if !matches!(look, Look::Unusable(_)) {
            index.split_mut(split).push(sample);
        }
    }
    Split::ALL.into_iter().for_each(|split| sort(index.split_mut(split)));
    index
}

/// By class, then by folder, then by name, all in code-point order, as the reference walks.
fn sort(samples: &mut [Sample]) {
    let key = |sample: &Sample| (sample.class, sample.location.name().rsplit_once('/').map(own));
    samples.sort_by_cached_key(key);
}

fn own((folder, name): (&str, &str)) -> (String, String) {
    (folder.to_owned(), name.to_owned())
}

/// Gives an index without validation images some: those of `test` if there are any, as the reference
/// does, else a seeded, stratified part of `train`.
fn hold_out(index: &mut Index, why: &str, options: &IndexOptions) -> Option<Finding> {
    if !index.val.is_empty() || index.train.is_empty() {
        return None;
    }
    let message = if index.test.is_empty() {
        let all = std::mem::take(&mut index.train);
        (index.train, index.val) = divide(all, &index.classes, options);
        match (index.train.len(), index.val.len()) {
            (0, val) => format!("{why}: all {val} images validate, since no node learns from them"),
            (train, val) => {
                format!("{why}: {val} images, drawn by class with the seed, validate and {train} train")
            }
        }
    } else {
        index.val = index.test.clone();
        format!("{why}: the {} images of `test` validate", index.val.len())
    };
    Some(remark(Topic::Split, message))
}

fn divide(samples: Vec<Sample>, classes: &[String], options: &IndexOptions) -> (Vec<Sample>, Vec<Sample>) {
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

/// The whole part of `(1 - fraction) * count`, but at least one image trains, if any should.
fn train_count(count: usize, fraction: f64) -> usize {
    if fraction >= 1.0 {
        return 0;
    }
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
        data::{Dataset, image_files, source::Folder},
        paths,
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
                _ => RgbImage::from_pixel(12, 10, Rgb([100 + *number; 3])).save(&path).unwrap(),
            }
        }
        dir
    }

    fn files(root: &Path) -> Vec<File> {
        let file = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            let name = paths::below(root, &path);
            File { name, size: bytes.len() as u64, digest: blake3::hash(&bytes).to_string(), fault: None }
        };
        image_files::list(root, &Stop::default()).unwrap().into_iter().map(file).collect()
    }

    fn options() -> IndexOptions {
        IndexOptions { on_corrupt: OnCorrupt::Skip, val_fraction: 0.2, seed: 0 }
    }

    fn build_in(root: &Path, options: &IndexOptions) -> Result<(Index, Vec<Finding>)> {
        let (sink, stop) = (|_: Update| (), Stop::default());
        build(&Folder::new(root), &files(root), options, &Progress::new(&sink, &stop))
    }

    fn paths(samples: &[Sample]) -> Vec<&str> {
        samples.iter().map(|sample| sample.location.name()).collect()
    }

    fn messages(findings: &[Finding]) -> Vec<(Topic, &str)> {
        findings.iter().map(|finding| (finding.topic, finding.message.as_str())).collect()
    }

    #[test]
    fn images_that_are_almost_black_are_told_and_used() {
        let dir =
            dataset(&[("train/a/1.png", 1), ("train/b/1.png", 2), ("val/a/1.png", 3), ("val/b/1.png", 4)]);
        let twelve_bits = image::ImageBuffer::from_pixel(12, 10, image::Rgb([4095_u16; 3]));
        twelve_bits.save(dir.path().join("train/a/2.png")).unwrap();
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.train.len(), 3);
        let message = "train/a/2.png is almost black; if that is not meant, scale their values up: 12 bits stored as 16 look so";
        assert_eq!(messages(&findings), [(Topic::Dark, message)]);
        RgbImage::from_pixel(12, 10, Rgb([16, 0, 17])).save(dir.path().join("train/a/2.png")).unwrap();
        assert_eq!(build_in(dir.path(), &options()).unwrap().1, []);
    }

    #[test]
    fn samples_are_ordered_by_class_folder_and_name() {
        let dir = dataset(&[
            ("train/b/1.png", 1),
            ("train/a/z/1.png", 2),
            ("train/a/2.png", 3),
            ("train/a/10.png", 4),
            ("train/a/zoo.png", 7),
            ("val/a/1.png", 5),
            ("val/b/1.png", 6),
        ]);
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.classes, ["a", "b"]);
        assert_eq!(
            paths(&index.train),
            ["train/a/10.png", "train/a/2.png", "train/a/zoo.png", "train/a/z/1.png", "train/b/1.png"]
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
                "3 images are left out: train/b/broken.png (this is not an image in a format that Kiln reads), train/c/photo.heic (this is not an image in a format that Kiln reads), val/b/tiny.png (9 x 20 pixels are too few: at least 10 x 10 are needed)",
            ),
            (
                MissingClass,
                "class `c` has no image in val",
            ),
            (
                EmptyClass,
                "the folder train/empty has no images and does not count as a class",
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
                "the same image is in two splits, so that the metrics look better than they are: train/a/3.png, val/a/1.png",
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
        let strict = IndexOptions { on_corrupt: OnCorrupt::Fail, ..options() };
        let error = build_in(dir.path(), &strict).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image a/2.png can't be used: this is not an image in a format that Kiln reads"
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
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let (again, _) = one_thread.install(|| build_in(dir.path(), &options())).unwrap();
        assert_eq!(index, again);
        let (other, _) = build_in(dir.path(), &IndexOptions { seed: 1, ..options() }).unwrap();
        assert_ne!(paths(&index.val), paths(&other.val));
        assert_eq!(names.len(), 8 + 8 + 2 + 2);
    }

    #[test]
    fn test_validates_where_there_is_no_val() {
        let images = [("train/a/1.png", 1), ("train/b/1.png", 2), ("test/a/1.png", 3), ("test/b/1.png", 3)];
        let dir = dataset(&[&images[..], &[("test/b/2.png", 4)]].concat());
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.val, index.test);
        let topics: Vec<Topic> = findings.iter().map(|finding| finding.topic).collect();
        assert_eq!(topics, [Topic::Split, Topic::Contradiction]);
    }

    #[test]
    fn one_image_of_a_class_trains() {
        assert_eq!([0, 1, 2, 4, 5, 10].map(|count| train_count(count, 0.2)), [0, 1, 1, 3, 4, 8]);
        assert_eq!([0, 1, 10].map(|count| train_count(count, 1.0)), [0, 0, 0]);
        assert_eq!(train_count(10, 0.3), 7);
    }

    #[test]
    fn a_folder_without_classes_says_what_is_wanted() {
        let empty = tempfile::tempdir().unwrap();
        let error = build_in(empty.path(), &options()).unwrap_err();
        assert!(error.to_string().starts_with("there are no images in"), "{error}");
        let dir = dataset(&[("1.png", 1)]);
        let error = build_in(dir.path(), &options()).unwrap_err();
        assert!(error.to_string().starts_with("the only image in"), "{error}");
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
        let error = build(&Folder::new(dir.path()), &files(dir.path()), &options(), &progress).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Interrupted);
    }

    /// What is found in a folder of these images, all different.
    fn found(names: &[&str], options: &IndexOptions) -> (Index, Vec<Finding>) {
        let images: Vec<(&str, u8)> = names.iter().copied().zip(1..).collect();
        build_in(dataset(&images).path(), options).unwrap()
    }

    fn found_of(topic: Topic, names: &[&str]) -> Vec<String> {
        let (_, findings) = found(names, &options());
        findings.into_iter().filter(|finding| finding.topic == topic).map(|finding| finding.message).collect()
    }

    #[test]
    fn a_dataset_that_can_hardly_be_meant_is_told() {
        let one = found_of(Topic::Unlikely, &["images/cat/1.png", "images/dog/2.png"]);
        assert_eq!(
            one,
            [
                "there is only one class, `images`: that can't be learned wrongly; if the classes are cat, dog, set \
              `root` to the folder images"
            ]
        );
        let parts = ["seg_train/1.png", "seg_train/2.png", "seg_test/1.png", "cat/1.png"];
        let told = found_of(Topic::Unlikely, &parts);
        assert!(told[0].starts_with("classes are called like splits: seg_test, seg_train; if"), "{told:?}");
        let told = found_of(Topic::Unlikely, &["val/1.png", "cat/1.png"]);
        assert!(told[0].starts_with("classes are called like splits: val; if"), "{told:?}");
        let (_, findings) = found(&parts, &options());
        let unlikely = findings.iter().find(|finding| finding.topic == Topic::Unlikely).unwrap();
        assert_eq!(
            (unlikely.count, &unlikely.classes[..]),
            (2, &["seg_test".into(), "seg_train".into()][..])
        );
        let told = found_of(Topic::Unlikely, &["train/a/1.png", "val/a/1.png", "val/b/1.png"]);
        assert_eq!(told, ["there is only one class, `a`: that can't be learned wrongly"]);
        let told = found_of(Topic::Unlikely, &["test/a/1.png", "test/b/1.png"]);
        assert_eq!(told, ["there is nothing to train on: all images lie in `test`"]);
        let sound = ["train/bus/1.png", "train/train/1.png", "val/bus/1.png", "val/train/1.png"];
        assert!(found_of(Topic::Unlikely, &sound).is_empty());
        assert!(found_of(Topic::Unlikely, &["bullet_train/1.png", "cat/1.png"]).is_empty());
    }

    #[test]
    fn what_is_only_measured_is_whole_and_may_be_of_one_class() {
        let measured = IndexOptions { val_fraction: 1.0, ..options() };
        let (index, findings) = found(&["a/1.png", "a/2.png"], &measured);
        assert_eq!((index.train.len(), index.val.len()), (0, 2));
        let why =
            "there are no `train` and `val` folders: all 2 images validate, since no node learns from them";
        assert_eq!(messages(&findings), [(Topic::Split, why)]);
        let (index, findings) = found(&["val/a/1.png"], &measured);
        assert_eq!((index.val.len(), findings), (1, Vec::new()));
    }

    #[test]
    fn where_the_splits_were_found_is_told() {
        let told = found_of(Topic::Split, &["a/b/Train/x/1.png", "a/b/Train/y/2.png", "a/b/val/x/3.png"]);
        assert_eq!(told, ["the split folders lie in a/b/, below the root"]);
        let told =
            found_of(Topic::Split, &["train/x/1.png", "train/y/2.png", "val/x/3.png", "valid/x/4.png"]);
        assert_eq!(told, ["left out, because `train` and `val` are taken: valid"]);
    }

    #[test]
    fn what_is_said_of_missing_validation_images_is_true() {
        let train = ["train/a/1.png", "train/a/2.png", "train/b/3.png", "train/b/4.png"];
        let bare = [&train[..], &["Val/1.png", "Val/2.png"]].concat();
        let (_, findings) = found(&bare, &options());
        assert!(
            findings[0].message.starts_with("`Val` holds 2 images and no class folders: "),
            "{findings:?}"
        );
        let (_, findings) = found(&train, &options());
        assert!(findings[0].message.starts_with("no image lies in a `val` folder: "), "{findings:?}");
    }

    #[test]
    fn names_that_look_the_same_are_told_as_such() {
        let told = found_of(Topic::Alike, &["train/Cat/1.png", "train/cat/2.png", "val/cat/3.png"]);
        assert_eq!(told, ["names differ only in upper and lower case: `Cat` and `cat`"]);
        let (_, findings) = found(&["Cat/1.png", "cat/2.png"], &options());
        let alike = findings.iter().find(|finding| finding.topic == Topic::Alike).unwrap();
        assert_eq!((alike.count, &alike.classes[..]), (1, &["Cat".into(), "cat".into()][..]));
        let told = found_of(Topic::Alike, &["train/caf\u{e9}/1.png", "val/cafe\u{301}/2.png"]);
        let form =
            "names differ only in the Unicode form of their letters: `val/cafe\\u{301}` and `caf\\u{e9}`";
        assert_eq!(told, [form]);
    }

    #[test]
    fn many_findings_of_one_kind_are_one_line() {
        let train: Vec<String> = (0..30).map(|class| format!("train/k{class:02}/1.png")).collect();
        let names: Vec<&str> = train.iter().map(String::as_str).chain(["val/k00/1.png"]).collect();
        let (_, findings) = found(&names, &options());
        let missing: Vec<&Finding> =
            findings.iter().filter(|finding| finding.topic == Topic::MissingClass).collect();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].message, "29 classes have no image in val: k01, k02, k03 and 26 more");
        assert_eq!((missing[0].count, missing[0].classes.len()), (29, 29));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_read_and_shown_escaped() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
        let dir = dataset(&[("cat/1.png", 1), ("a\u{1b}[31m/2.png", 2), ("a\u{1b}[31m/broken.png", 0)]);
        let odd = dir.path().join(OsStr::from_bytes(b"b\xe4r"));
        fs::create_dir(&odd).unwrap();
        RgbImage::from_pixel(12, 10, Rgb([109; 3]))
            .save_with_format(odd.join("1\\2.png"), image::ImageFormat::Png)
            .unwrap();
        let (index, findings) = build_in(dir.path(), &options()).unwrap();
        assert_eq!(index.classes, ["a\u{1b}[31m", "b\\xe4r", "cat"]);
        let all = [&index.train[..], &index.val].concat();
        let sample = all.iter().find(|sample| sample.class == 1).unwrap();
        assert_eq!(sample.location.name(), "b\\xe4r/1\\x5c2.png");
        assert!(Dataset::new(Folder::new(dir.path()), index.clone()).decode(sample).is_ok());
        assert!(findings.iter().all(|finding| !finding.message.contains('\u{1b}')), "{findings:?}");
        assert!(findings[0].message.starts_with("a\\u{1b}[31m/broken.png is left out"), "{findings:?}");
    }

    #[cfg(unix)]
    #[test]
    fn whatever_keeps_an_image_from_being_used_is_unreadable() {
        let dir = dataset(&[("a/1.png", 1), ("b/1.png", 2)]);
        let mut files = files(dir.path());
        let fault = Some("it is a named pipe, not a regular file".to_owned());
        files.push(File { name: "a/pipe.png".into(), size: 0, digest: String::new(), fault });
        let (sink, stop) = (|_: Update| (), Stop::default());
        let build = |options: &IndexOptions| {
            build(&Folder::new(dir.path()), &files, options, &Progress::new(&sink, &stop))
        };
        let (_, findings) = build(&options()).unwrap();
        let told = (Topic::Unreadable, "a/pipe.png is left out: it is a named pipe, not a regular file");
        assert_eq!(messages(&findings)[0], told);
        let error = build(&IndexOptions { on_corrupt: OnCorrupt::Fail, ..options() }).unwrap_err();
        assert!(error.to_string().starts_with("the image a/pipe.png can't be used: it is"), "{error}");
    }

    #[test]
    fn what_the_system_keeps_is_told_and_changes_nothing() {
        let sound = [("a/1.png", 1), ("a/2.png", 2), ("b/3.png", 3), ("b/4.png", 4)];
        let system = [("@eaDir/1.png", 5), ("a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", 6), ("b/._3.png", 7)];
        let (plain, _) = build_in(dataset(&sound).path(), &options()).unwrap();
        let (index, findings) =
            build_in(dataset(&[&sound[..], &system].concat()).path(), &options()).unwrap();
        assert_eq!(index.classes, plain.classes);
        assert_eq!((paths(&index.train), paths(&index.val)), (paths(&plain.train), paths(&plain.val)));
        let told = "left out, because hidden or the system's own: @eaDir, a/@eaDir, b/._3.png";
        assert_eq!(messages(&findings)[0], (Topic::LeftOut, told));
    }

    #[test]
    fn a_class_without_a_usable_image_leaves_only_one() {
        let dir = dataset(&[("train/a/1.png", 1), ("train/b/broken.png", 0), ("val/b/1.png", 2)]);
        let (_, findings) = build_in(dir.path(), &options()).unwrap();
        let told = "all images to train on are of the class `a`: that can't be learned wrongly";
        assert!(messages(&findings).contains(&(Topic::Unlikely, told)), "{findings:?}");
    }

    #[test]
    fn an_empty_folder_beside_classes_is_told_unless_it_is_called_like_a_split() {
        let dir = dataset(&[("a/1.png", 1), ("a/2.png", 2), ("b/3.png", 3), ("b/4.png", 4)]);
        for name in ["val", "zebra"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let (_, findings) = build_in(dir.path(), &options()).unwrap();
        let empty = (Topic::EmptyClass, "the folder zebra has no images and does not count as a class");
        assert_eq!(messages(&findings)[1..], [empty]);
    }

    #[test]
    fn progress_ends_when_all_are_checked() {
        let dir = dataset(&[("a/1.png", 1), ("b/2.png", 2), ("b/3.png", 3)]);
        let steps = std::sync::Mutex::new(Vec::new());
        let sink = |update: Update| {
            if let Update::Step { done, total, .. } = update {
                steps.lock().unwrap().push((done, total));
            }
        };
        build(
            &Folder::new(dir.path()),
            &files(dir.path()),
            &options(),
            &Progress::new(&sink, &Stop::default()),
        )
        .unwrap();
        assert_eq!(steps.into_inner().unwrap(), [(3, 3)]);
    }
}
