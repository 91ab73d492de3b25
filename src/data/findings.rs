//! What the owner of a dataset should know about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::data::{Index, Sample, Split, folder::Layout};

/// How many paths a finding names at most.
const MAX_PATHS: usize = 20;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Images that can't be decoded, or are too small.
    Unreadable,
    /// There was no split, or no validation split, and one was made.
    Split,
    /// A class has no image in a split that exists.
    MissingClass,
    /// A class folder without any image.
    EmptyClass,
    /// A class folder that `train` does not have.
    UnknownClass,
    /// One image in two splits.
    Leak,
    /// One image under two classes.
    Contradiction,
    /// One image more than once in a class of a split.
    Duplicate,
    /// Images outside of class folders.
    Stray,
}

/// Something about a dataset that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// One sentence.
    pub message: String,
    /// How many files are concerned.
    pub count: usize,
    /// The files concerned, relative to the root; the first twenty.
    pub paths: Vec<String>,
}

/// Finds classes without images and images without classes.
pub(super) fn report_classes(root: &Path, index: &Index, layout: &Layout, findings: &mut Vec<Finding>) {
    for split in Split::ALL.into_iter().filter(|split| !index.split(*split).is_empty()) {
        let counts = index.counts(split);
        for (class, _) in index.classes.iter().zip(counts).filter(|(_, count)| *count == 0) {
            let message = format!("class `{class}` has no image in {split}");
            findings.push(remark(Topic::MissingClass, message));
        }
    }
    for folder in empty_folders(root, layout) {
        let message = format!("the folder {folder} has no image and is no class");
        findings.push(remark(Topic::EmptyClass, message));
    }
    for folder in &layout.unknown {
        let message = format!("the folder {folder} is left out: `train` has no such class");
        findings.push(remark(Topic::UnknownClass, message));
    }
    if !layout.stray.is_empty() {
        let message = "images outside of class folders are left out";
        findings.push(finding(Topic::Stray, message, layout.stray.iter().map(String::as_str)));
    }
}

/// Class folders without any image, as `train/zebra`.
fn empty_folders(root: &Path, layout: &Layout) -> Vec<String> {
    let parent = if layout.has_splits { "train/" } else { "" };
    // What can't be listed now was listed before, and this is only a remark.
    let Ok(entries) = fs::read_dir(root.join(parent)) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_empty = |name: &String| !name.starts_with('.') && layout.classes.binary_search(name).is_err();
    let sorted: BTreeSet<String> = names.filter(is_empty).collect();
    sorted.into_iter().map(|name| format!("{parent}{name}")).collect()
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
        findings.push(finding(topic, message, samples.iter().map(|sample| sample.path.as_str())));
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

/// A finding about files; the message names three of them.
fn finding<'a>(topic: Topic, message: &str, paths: impl ExactSizeIterator<Item = &'a str>) -> Finding {
    let count = paths.len();
    let paths: Vec<String> = paths.take(MAX_PATHS).map(str::to_owned).collect();
    let named = &paths[..count.min(3)];
    let more = if count > 3 { format!(" and {} more", count - 3) } else { String::new() };
    Finding { topic, message: format!("{message}: {}{more}", named.join(", ")), count, paths }
}

/// A finding that is not about files.
pub(super) fn remark(topic: Topic, message: String) -> Finding {
    Finding { topic, message, count: 0, paths: Vec::new() }
}
