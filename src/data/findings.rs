//! What the owner of a dataset should know about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    alike,
    data::{
        Index, Sample, Split,
        layout::{Layout, split_of},
        system::is_left_out,
    },
    paths, shown, suggest,
};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Images that can't be opened, are no regular files, can't be decoded, or are too small.
    Unreadable,
    /// Images that are almost black.
    Dark,
    /// Files and folders that are hidden or the system's own.
    LeftOut,
    /// There was no split, or no validation split, and one was made; or a split lies elsewhere than it should.
    Split,
    /// A class has no image in a split that exists.
    MissingClass,
    /// A class folder without any image.
    EmptyClass,
    /// A class folder that `train` does not have.
    UnknownClass,
    /// Names that differ, though a person takes them for the same.
    Alike,
    /// One image in two splits.
    Leak,
    /// One image under two classes.
    Contradiction,
    /// One image more than once in a class of a split.
    Duplicate,
    /// Images outside of class folders.
    Stray,
    /// The dataset can hardly be meant as it is: one class, classes called like splits, nothing to train on.
    Unlikely,
}

/// Something about a dataset that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// One line, fit to be shown; of many files or classes it names three.
    pub message: String,
    /// How many files, folders or classes are concerned.
    pub count: usize,
    /// The files and folders concerned, relative to the root: all of them.
    pub paths: Vec<String>,
    /// The classes concerned: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Why, for each of the paths, where that differs from one to the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Tells of images that can't be used, each with its reason.
pub(super) fn report_unreadable(unusable: &[(&str, &str)], findings: &mut Vec<Finding>) {
    let told: Vec<String> = unusable.iter().map(|(path, reason)| format!("{path} ({reason})")).collect();
    let message = match unusable {
        [] => return,
        [(path, reason)] => format!("{} is left out: {}", shown::text(path), shown::text(reason)),
        many => format!("{} images are left out: {}", many.len(), shown::few(&told)),
    };
    let paths = unusable.iter().map(|(path, _)| (*path).to_owned()).collect();
    let reasons = unusable.iter().map(|(_, reason)| (*reason).to_owned()).collect();
    findings.push(Finding { reasons, ..finding(Topic::Unreadable, message, paths) });
}

/// Tells of images in which next to nothing can be seen.
pub(super) fn report_dark(dark: Vec<String>, findings: &mut Vec<Finding>) {
    let what = match &dark[..] {
        [] => return,
        [one] => format!("{} is almost black", shown::text(one)),
        many => format!("{} images are almost black: {}", many.len(), shown::few(many)),
    };
    let message =
        format!("{what}; values that do not fill their range (12 bits stored as 16) must be stretched");
    findings.push(finding(Topic::Dark, message, dark));
}

/// Tells of what was passed over because it is hidden or the system's own.
pub(super) fn report_left_out(root: &Path, left_out: &[PathBuf], findings: &mut Vec<Finding>) {
    if left_out.is_empty() {
        return;
    }
    let paths: Vec<String> = left_out.iter().map(|path| paths::below(root, path)).collect();
    let message = format!("left out, because hidden or the system's own: {}", shown::few(&paths));
    findings.push(finding(Topic::LeftOut, message, paths));
}

/// Finds folders that are not where they are looked for, classes without images and images without classes.
pub(super) fn report_layout(root: &Path, index: &Index, layout: &Layout, findings: &mut Vec<Finding>) {
    if !layout.base.is_empty() {
        let message = format!("the split folders lie in {}, below the root", shown::text(&layout.base));
        findings.push(finding(Topic::Split, message, vec![layout.base.clone()]));
    }
    if !layout.rivals.is_empty() {
        let names: Vec<&str> = layout.splits.values().map(String::as_str).collect();
        let taken = suggest::list(&names, "and", "none");
        let message = format!("left out, because {taken} are taken: {}", shown::few(&layout.rivals));
        findings.push(finding(Topic::Split, message, layout.rivals.clone()));
    }
    report_missing(index, findings);
    let empty = empty_folders(root, layout);
    if !empty.is_empty() {
        let message = match &empty[..] {
            [one] => format!("the folder {} has no image and is no class", shown::text(one)),
            many => format!("{} folders have no image and are no classes: {}", many.len(), shown::few(many)),
        };
        findings.push(finding(Topic::EmptyClass, message, empty));
    }
    report_unknown(layout, findings);
    report_alike(layout, findings);
    if !layout.stray.is_empty() {
        let message = format!("images outside of class folders are left out: {}", shown::few(&layout.stray));
        findings.push(finding(Topic::Stray, message, layout.stray.clone()));
    }
}

/// Classes that have no image in a split that has images.
fn report_missing(index: &Index, findings: &mut Vec<Finding>) {
    for split in Split::ALL.into_iter().filter(|split| !index.split(*split).is_empty()) {
        let counts = index.counts(split);
        let empty = index.classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        let classes: Vec<String> = empty.map(|(class, _)| class.clone()).collect();
        let message = match &classes[..] {
            [] => continue,
            [one] => format!("class `{}` has no image in {split}", shown::text(one)),
            many => format!("{} classes have no image in {split}: {}", many.len(), shown::few(many)),
        };
        let count = classes.len();
        findings.push(Finding { count, classes, ..finding(Topic::MissingClass, message, Vec::new()) });
    }
}

/// Class folders that the split which names the classes does not have.
fn report_unknown(layout: &Layout, findings: &mut Vec<Finding>) {
    let folders: Vec<String> = layout.unknown.keys().cloned().collect();
    let first = layout.placed.iter().map(|placed| placed.split).min().unwrap_or(Split::Train);
    let message = match &folders[..] {
        [] => return,
        [one] => format!("the folder {} is left out: `{first}` has no such class", shown::text(one)),
        many => {
            let named = shown::few(many);
            format!("{} folders are left out, because `{first}` has no such classes: {named}", many.len())
        }
    };
    findings.push(finding(Topic::UnknownClass, message, folders));
}

/// Names of classes, and of folders left out, that a person takes for the same.
fn report_alike(layout: &Layout, findings: &mut Vec<Finding>) {
    let classes = || layout.classes.iter().map(String::as_str);
    let mut pairs: BTreeMap<&str, Vec<[String; 2]>> = BTreeMap::new();
    for group in alike::groups(&layout.classes) {
        for other in &group[1..] {
            if let Some(difference) = alike::difference(group[0], other) {
                pairs.entry(difference).or_default().push([group[0].to_owned(), (*other).to_owned()]);
            }
        }
    }
    let twins: BTreeMap<String, &str> = classes().map(|class| (alike::folded(class), class)).collect();
    for (folder, name) in &layout.unknown {
        let twin =
            twins.get(&alike::folded(name)).and_then(|twin| Some((*twin, alike::difference(name, twin)?)));
        if let Some((twin, difference)) = twin {
            pairs.entry(difference).or_default().push([folder.clone(), twin.to_owned()]);
        }
    }
    for (difference, pairs) in pairs {
        let visible = |name: &str| if difference == alike::CASE { name.to_owned() } else { visible(name) };
        let named = pairs.iter().map(|[a, b]| format!("`{}` and `{}`", visible(a), visible(b)));
        let named: Vec<String> = named.collect();
        let message = format!("names differ only {difference}: {}", shown::few(&named));
        let count = pairs.len();
        findings.push(Finding {
            count,
            classes: pairs.concat(),
            ..finding(Topic::Alike, message, Vec::new())
        });
    }
}

/// A name whose letters beyond ASCII are written so that their form is seen.
fn visible(name: &str) -> String {
    let seen =
        |char: char| if char.is_ascii() { char.to_string() } else { char.escape_default().to_string() };
    name.chars().map(seen).collect()
}

/// Finds what makes it unlikely that the dataset is meant as it is; `measured` if nothing is to learn from it.
pub(super) fn report_unlikely(index: &Index, layout: &Layout, measured: bool, findings: &mut Vec<Finding>) {
    let mut say = |message: String, classes: Vec<String>| {
        let count = classes.len();
        findings.push(Finding { count, classes, ..finding(Topic::Unlikely, message, Vec::new()) });
    };
    let like_splits = like_splits(layout);
    if !like_splits.is_empty() {
        let message =
            format!("classes are called like splits: {}; {CALLED_LIKE_SPLITS}", shown::few(&like_splits));
        say(message, like_splits);
    }
    let counts = index.classes.iter().zip(index.counts(Split::Train)).filter(|(_, count)| *count > 0);
    let learned: Vec<&String> = counts.map(|(class, _)| class).collect();
    match learned[..] {
        _ if measured => {}
        [] => say(nothing_to_learn(index), Vec::new()),
        [only] => say(only_one_class(index, layout, only), vec![only.clone()]),
        _ => {}
    }
}

const CALLED_LIKE_SPLITS: &str =
    "if they are splits, call them train, val and test, and give each a folder for every class";

/// Classes called like splits: by their whole name where there are no splits, or where all classes are; or as
/// one of their words, if they name two splits at least (`seg_train`, `seg_test`).
fn like_splits(layout: &Layout) -> Vec<String> {
    let whole: Vec<&String> = layout.classes.iter().filter(|class| split_of(class).is_some()).collect();
    let words = |class: &&String| class.split(|char: char| !char.is_alphabetic()).find_map(split_of);
    let in_part: Vec<&String> = layout.classes.iter().filter(|class| words(class).is_some()).collect();
    let kinds: BTreeSet<Split> = in_part.iter().filter_map(words).collect();
    let suspects = match () {
        () if !layout.has_splits() && kinds.len() > 1 => in_part,
        () if !layout.has_splits() || whole.len() == layout.classes.len() => whole,
        () => Vec::new(),
    };
    suspects.into_iter().cloned().collect()
}

fn nothing_to_learn(index: &Index) -> String {
    let has = Split::ALL.into_iter().filter(|split| !index.split(*split).is_empty());
    let has: Vec<&str> = has.map(Split::name).collect();
    format!("there is nothing to train on: all images lie in {}", suggest::list(&has, "and", "none"))
}

fn only_one_class(index: &Index, layout: &Layout, only: &str) -> String {
    let name = shown::text(only);
    if index.classes.len() > 1 {
        return format!("all images to train on are of the class `{name}`: that can't be learned wrongly");
    }
    let folder = format!("{}{only}", layout.folder(Split::Train));
    let inner = inner_folders(index, &folder);
    let hint = match inner.len() {
        0 | 1 => String::new(),
        _ => format!(
            "; if the classes are {}, set `root` to the folder {}",
            shown::few(&inner),
            shown::text(&folder)
        ),
    };
    format!("there is only one class, `{name}`: that can't be learned wrongly{hint}")
}

/// The folders with images in a class folder.
fn inner_folders(index: &Index, folder: &str) -> Vec<String> {
    let below = |sample: &Sample| {
        let rest = sample.path.strip_prefix(folder)?.strip_prefix('/')?;
        Some(rest.split_once('/')?.0.to_owned())
    };
    let samples = Split::ALL.into_iter().flat_map(|split| index.split(split));
    samples.filter_map(below).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Class folders without any image, as `train/zebra`.
fn empty_folders(root: &Path, layout: &Layout) -> Vec<String> {
    if layout.has_splits() && !layout.splits.contains_key(&Split::Train) {
        return Vec::new();
    }
    let parent = layout.folder(Split::Train);
    let is_class = |name: &String| layout.classes.binary_search(name).is_ok();
    // An empty `val` beside class folders is no class.
    let is_split = |name: &String| !layout.has_splits() && split_of(name).is_some();
    let names = subfolders(root, &parent).into_iter().filter(|name| !is_class(name) && !is_split(name));
    names.map(|name| format!("{parent}{name}")).collect()
}

/// The names of the folders in `parent`, without those that are left out; sorted.
fn subfolders(root: &Path, parent: &str) -> Vec<String> {
    // What can't be listed now was listed before, and this is only for remarks.
    let Ok(entries) = fs::read_dir(root.join(paths::from_text(parent))) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| paths::to_text(Path::new(&entry.file_name())));
    names.filter(|name| !is_left_out(name)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Finds files with the same content.
pub(super) fn report_copies(index: &Index, findings: &mut Vec<Finding>) {
    let mut copies: BTreeMap<&str, Vec<(Split, &Sample)>> = BTreeMap::new();
    // Where `test` also validates, it is one split.
    let same = index.val == index.test;
    for split in Split::ALL.into_iter().filter(|split| !(same && *split == Split::Test)) {
        for sample in index.split(split) {
            copies.entry(&sample.digest).or_default().push((split, sample));
        }
    }
    let mut groups: BTreeMap<Topic, Vec<&Sample>> = BTreeMap::new();
    for group in copies.into_values() {
        if let Some(topic) = topic_of(&group) {
            groups.entry(topic).or_default().extend(group.into_iter().map(|(_, sample)| sample));
        }
    }
    for (topic, samples) in groups {
        let message = match topic {
            Topic::Leak => "the same image lies in two splits, so that the metrics flatter the model",
            Topic::Contradiction => "the same image lies in two classes",
            _ => "the same image lies in a class more than once",
        };
        let paths: Vec<String> = samples.iter().map(|sample| sample.path.clone()).collect();
        findings.push(finding(topic, format!("{message}: {}", shown::few(&paths)), paths));
    }
}

fn topic_of(group: &[(Split, &Sample)]) -> Option<Topic> {
    if group.len() < 2 {
        return None;
    }
    let differ = |key: fn(&(Split, &Sample)) -> usize| group.iter().any(|one| key(one) != key(&group[0]));
    Some(if differ(|(_, sample)| sample.class) {
        Topic::Contradiction
    } else if differ(|(split, _)| *split as usize) {
        Topic::Leak
    } else {
        Topic::Duplicate
    })
}

/// A finding about files and folders.
fn finding(topic: Topic, message: String, paths: Vec<String>) -> Finding {
    Finding { topic, message, count: paths.len(), paths, classes: Vec::new(), reasons: Vec::new() }
}

/// A finding that is not about certain files.
pub(super) fn remark(topic: Topic, message: String) -> Finding {
    finding(topic, message, Vec::new())
}
