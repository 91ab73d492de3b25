//! The files in which a name means the same: one, those that it extends, and those that extend them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    name::{self, Name, Occurrence},
    page::Page,
    world::World,
};
use crate::spec::DocPath;

/// How many files of a folder are looked at.
const MAX_FILES: usize = 200;
/// How many files extend each other, one after the other, at most.
const MAX_CHAIN: usize = 16;

/// A file of a family, with the name's occurrences in it.
pub(super) struct Member {
    pub page: Page,
    pub occurrences: Vec<Occurrence>,
}

/// The files in which `name`, as `page` means it, occurs.
pub(super) fn of(world: &World, page: Page, name: &Name) -> Vec<Member> {
    let chain = chain(world, &page);
    // The highest file of the chain that knows the name is where all who mean the same by it come from.
    let top = chain.iter().rev().find(|path| world.page_at(path).is_some_and(|it| knows(world, &it, name)));
    let Some(top) = top.or(chain.first()).cloned() else {
        let occurrences = occurrences(world, &page, name);
        return vec![Member { page, occurrences }];
    };
    let folders = [top.parent(), page.base.canonicalize().ok().as_deref()].map(|it| it.map(Path::to_owned));
    let mut paths: BTreeSet<PathBuf> = folders.into_iter().flatten().flat_map(|it| yaml_files(&it)).collect();
    paths.extend(world.uris().filter_map(|uri| super::uri::path(&uri)?.canonicalize().ok()));
    paths.extend(chain);
    let pages = paths.into_iter().filter_map(|path| world.page_at(&path));
    let members = pages.filter(|page| self::chain(world, page).contains(&top)).map(|page| {
        let occurrences = occurrences(world, &page, name);
        Member { page, occurrences }
    });
    members.filter(|member| !member.occurrences.is_empty()).collect()
}

fn occurrences(world: &World, page: &Page, name: &Name) -> Vec<Occurrence> {
    name::all(world, page).into_iter().filter(|it| it.name == *name).collect()
}

fn knows(world: &World, page: &Page, name: &Name) -> bool {
    !occurrences(world, page, name).is_empty()
}

/// The paths of a file and of those that it extends, one after the other.
fn chain(world: &World, page: &Page) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = page.path().and_then(|path| path.canonicalize().ok()).into_iter().collect();
    let mut next = extended(page);
    while let Some(path) = next.filter(|path| !paths.contains(path) && paths.len() < MAX_CHAIN) {
        next = world.page_at(&path).and_then(|page| extended(&page));
        paths.push(path);
    }
    paths
}

/// The file that a file extends, if it is there.
pub(super) fn extended(page: &Page) -> Option<PathBuf> {
    let outline = page.outline();
    let named = outline.value(&DocPath::from(["extends"]))?;
    page.base.join(&named.text).canonicalize().ok().filter(|path| path.is_file())
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_yaml =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file();
    entries.filter(is_yaml).take(MAX_FILES).filter_map(|path| path.canonicalize().ok()).collect()
}
