//! What the owner of a dataset should know about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Index, Sample, Split};
use crate::{alike, shown, suggest};

/// What a finding is about, in the order of telling.
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
    /// Images outside of class folders.
    Stray,
    /// One image in two splits.
    Leak,
    /// One image under two classes.
    Contradiction,
    /// One image more than once in a class of a split.
    Duplicate,
    /// The dataset can hardly be meant as it is: one class, classes called like splits, nothing to train on.
    Unlikely,
}

/// Something about a dataset that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What the finding is about.
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
        format!("{what}; if that is not meant, scale their values up: 12 bits stored as 16 look so");
    findings.push(finding(Topic::Dark, message, dark));
}

/// Classes that have no image in a split that has images.
pub(super) fn report_missing(index: &Index, findings: &mut Vec<Finding>) {
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

/// Names of classes that a person takes for the same; or of one and of something left out: `left_out` has the place
/// of each and its name.
pub(in crate::data) fn report_alike(
    classes: &[String],
    left_out: &BTreeMap<String, String>,
    findings: &mut Vec<Finding>,
) {
    let mut pairs: BTreeMap<&str, Vec<[String; 2]>> = BTreeMap::new();
    for group in alike::groups(classes) {
        for other in &group[1..] {
            if let Some(difference) = alike::difference(group[0], other) {
                pairs.entry(difference).or_default().push([group[0].to_owned(), (*other).to_owned()]);
            }
        }
    }
    let twins: BTreeMap<String, &str> =
        classes.iter().map(|class| (alike::folded(class), class.as_str())).collect();
    for (place, name) in left_out {
        let twin =
            twins.get(&alike::folded(name)).and_then(|twin| Some((*twin, alike::difference(name, twin)?)));
        if let Some((twin, difference)) = twin {
            pairs.entry(difference).or_default().push([place.clone(), twin.to_owned()]);
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

/// Finds what makes it unlikely that anything is learnt from the dataset as it is; `instead` is what may be meant if
/// there is only one class.
pub(super) fn report_unlikely(index: &Index, instead: &str, findings: &mut Vec<Finding>) {
    let counts = index.classes.iter().zip(index.counts(Split::Train)).filter(|(_, count)| *count > 0);
    let learned: Vec<&String> = counts.map(|(class, _)| class).collect();
    let message = match learned[..] {
        [] => nothing_to_learn(index),
        [only] => only_one_class(index, only, instead),
        _ => return,
    };
    findings.push(unlikely(message, learned.into_iter().cloned().collect()));
}

/// That a dataset can hardly be meant as it is.
pub(in crate::data) fn unlikely(message: String, classes: Vec<String>) -> Finding {
    let count = classes.len();
    Finding { count, classes, ..finding(Topic::Unlikely, message, Vec::new()) }
}

fn nothing_to_learn(index: &Index) -> String {
    let has = Split::ALL.into_iter().filter(|split| !index.split(*split).is_empty());
    let has: Vec<&str> = has.map(Split::name).collect();
    format!("there is nothing to train on: all images lie in {}", suggest::list(&has, "and", "none"))
}

fn only_one_class(index: &Index, only: &str, instead: &str) -> String {
    let name = shown::text(only);
    if index.classes.len() > 1 {
        return format!("all images to train on are of the class `{name}`: that can't be learned wrongly");
    }
    format!("there is only one class, `{name}`: that can't be learned wrongly{instead}")
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
            Topic::Leak => "the same image is in two splits, so that the metrics look better than they are",
            Topic::Contradiction => "the same image lies in two classes",
            _ => "the same image lies in a class more than once",
        };
        let paths: Vec<String> = samples.iter().map(|sample| sample.location.name().to_owned()).collect();
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
pub(in crate::data) fn finding(topic: Topic, message: String, paths: Vec<String>) -> Finding {
    Finding { topic, message, count: paths.len(), paths, classes: Vec::new(), reasons: Vec::new() }
}

/// A finding that is not about certain files.
pub(super) fn remark(topic: Topic, message: String) -> Finding {
    finding(topic, message, Vec::new())
}
