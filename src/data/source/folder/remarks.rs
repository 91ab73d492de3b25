//! What the owner of a folder of images should know about it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    File,
    layout::{Layout, split_of},
};
use crate::{
    data::{
        Split,
        findings::{Finding, Topic, finding, report_alike, unlikely},
        system::is_left_out,
    },
    paths, shown, suggest,
};

/// All that the owner of the folder should know of it. `left_out`: what was passed over because it is hidden or the
/// system's own.
pub(super) fn all(root: &Path, layout: &Layout, left_out: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    report_left_out(root, left_out, &mut findings);
    report_splits(layout, &mut findings);
    report_empty(root, layout, &mut findings);
    report_unknown(layout, &mut findings);
    report_alike(&layout.classes, &layout.unknown, &mut findings);
    report_stray(layout, &mut findings);
    report_like_splits(layout, &mut findings);
    findings
}

/// Tells of what was passed over because it is hidden or the system's own.
fn report_left_out(root: &Path, left_out: &[PathBuf], findings: &mut Vec<Finding>) {
    if left_out.is_empty() {
        return;
    }
    let paths: Vec<String> = left_out.iter().map(|path| paths::below(root, path)).collect();
    let message = format!("left out, because hidden or the system's own: {}", shown::few(&paths));
    findings.push(finding(Topic::LeftOut, message, paths));
}

/// Split folders that are not where they are looked for.
fn report_splits(layout: &Layout, findings: &mut Vec<Finding>) {
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
}

/// Folders beside the classes in which there is no image.
fn report_empty(root: &Path, layout: &Layout, findings: &mut Vec<Finding>) {
    let empty = empty_folders(root, layout);
    let message = match &empty[..] {
        [] => return,
        [one] => format!("the folder {} has no images and does not count as a class", shown::text(one)),
        many => {
            format!("{} folders have no images and do not count as classes: {}", many.len(), shown::few(many))
        }
    };
    findings.push(finding(Topic::EmptyClass, message, empty));
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

/// Images whose place says no class.
fn report_stray(layout: &Layout, findings: &mut Vec<Finding>) {
    if !layout.stray.is_empty() {
        let message = format!("images outside of class folders are left out: {}", shown::few(&layout.stray));
        findings.push(finding(Topic::Stray, message, layout.stray.clone()));
    }
}

/// Classes that are called like splits.
fn report_like_splits(layout: &Layout, findings: &mut Vec<Finding>) {
    let classes = like_splits(layout);
    if !classes.is_empty() {
        let message =
            format!("classes are called like splits: {}; {CALLED_LIKE_SPLITS}", shown::few(&classes));
        findings.push(unlikely(message, classes));
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

/// Why no image validates, if so. Says nothing of folders without images: the same images must give the same
/// findings.
pub(super) fn why_none_validate(layout: &Layout) -> String {
    if !layout.has_splits() {
        return "there are no `train` and `val` folders".into();
    }
    if let Some((folder, count)) = layout.bare.get(&Split::Val) {
        return format!("`{}` holds {count} images and no class folders", shown::text(folder));
    }
    match layout.splits.get(&Split::Val) {
        Some(folder) => format!("no image in `{}` can be used", shown::text(folder)),
        None => "no image lies in a `val` folder".into(),
    }
}

/// What may be meant if there is only one class: its folders may be the classes. Empty if it has none.
pub(super) fn instead_of_one_class(files: &[File], layout: &Layout) -> String {
    let [only] = &layout.classes[..] else { return String::new() };
    let folder = format!("{}{only}", layout.folder(Split::Train));
    let inner: BTreeSet<&str> = files.iter().filter_map(|file| inner_folder(&file.name, &folder)).collect();
    if inner.len() < 2 {
        return String::new();
    }
    let inner: Vec<&str> = inner.into_iter().collect();
    let named = shown::few(&inner);
    format!("; if the classes are {named}, set `root` to the folder {}", shown::text(&folder))
}

/// The folder directly in `folder` in which a file lies, if it does.
fn inner_folder<'f>(name: &'f str, folder: &str) -> Option<&'f str> {
    let rest = name.strip_prefix(folder)?.strip_prefix('/')?;
    Some(rest.split_once('/')?.0)
}
