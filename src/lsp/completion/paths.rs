//! Paths, relative to the file: folders, and files that are no hidden ones.

use std::fs;

use gen_lsp_types::CompletionItemKind;

use super::{Asked, Offer, is_top};
use crate::{lsp::outline::Part, node::KeyRole};

/// The most entries of a folder that are offered.
const MAX_ENTRIES: usize = 500;

pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    let is_path = asked.role() == Some(KeyRole::Source) || is_top(&asked.cursor.path, "extends");
    if !is_path || asked.cursor.part == Part::Key {
        return Vec::new();
    }
    let typed = asked.cursor.before.trim_start_matches(['"', '\'']);
    let folder = typed.rfind('/').map_or("", |slash| &typed[..=slash]);
    let Ok(entries) = fs::read_dir(asked.page.base.join(folder)) else { return Vec::new() };
    let mut names: Vec<(String, bool)> = entries
        .flatten()
        .take(MAX_ENTRIES)
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path().is_dir())))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    names.sort();
    let wants_yaml = is_top(&asked.cursor.path, "extends");
    let is_wanted = |(name, is_folder): &(String, bool)| {
        *is_folder || !wants_yaml || name.ends_with(".yaml") || name.ends_with(".yml")
    };
    names.into_iter().filter(is_wanted).map(|(name, is_folder)| offer(folder, &name, is_folder)).collect()
}

fn offer(folder: &str, name: &str, is_folder: bool) -> Offer {
    let kind = if is_folder { CompletionItemKind::Folder } else { CompletionItemKind::File };
    let slash = if is_folder { "/" } else { "" };
    Offer::new(format!("{folder}{name}{slash}"), kind)
}
