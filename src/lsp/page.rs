//! A pipeline file in the editor: its text, and what the rest of Kiln makes of it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gen_lsp_types::{Location, Position, Uri};
use serde_json::Value;

use super::{family, lines::Lines, outline::Outline, uri, world::World};
use crate::{
    node::Kind,
    plan::{Loaded, Rejected, load_unsaved},
    spec::{DocPath, Document, Draft, Reading, Source},
};

/// How many files that extend each other are looked at, if one of them is broken.
const MAX_FILES: usize = 16;

/// A file by its URI.
pub(super) struct Page {
    pub uri: Uri,
    /// What the editor has, or the disk.
    pub text: Arc<str>,
    /// The same as all else reads it; it is called as the file is, without its folder.
    pub source: Source,
    /// Where its relative paths start.
    pub base: PathBuf,
}

impl Page {
    pub(super) fn new(uri: Uri, text: Arc<str>) -> Self {
        let path = uri::path(&uri).unwrap_or_else(|| PathBuf::from("pipeline.yaml"));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let absolute = std::path::absolute(&path).unwrap_or(path);
        let base = absolute.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self { uri, source: Source::new(name, &*text), text, base }
    }

    /// The file itself, if it is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        uri::path(&self.uri)
    }

    /// A file as this one names it: relative to it, or else to where the server runs.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        let here = self.base.join(name);
        if here.exists() { here } else { std::path::absolute(name).unwrap_or(here) }
    }

    pub(super) fn byte(&self, position: Position) -> usize {
        Lines::of(&self.text).byte(position)
    }

    pub(super) fn outline(&self) -> Outline {
        Outline::of(&self.text)
    }

    /// The file with all that it extends, its references as they are written; none if one of them can't be read.
    pub(super) fn document(&self, world: &World) -> Option<Document<'_>> {
        Document::read_with(&self.source, &self.base, &world.unsaved()).ok()
    }

    /// What could be made out of the file.
    pub(super) fn draft(&self, world: &World) -> Draft {
        let unsaved = world.unsaved();
        Draft::read(&self.source, Reading { unsaved: &unsaved, ..Reading::of(&self.base) }, world.kinds)
    }

    /// The file as a run would have it.
    ///
    /// # Errors
    /// The problems that `kiln check` tells.
    pub(super) fn loaded(&self, world: &World) -> Result<Loaded, Box<Rejected>> {
        load_unsaved(self.source.clone(), &self.base, &world.unsaved(), world.kinds)
    }

    /// The same file without the line that a byte is in: what is typed there is often not YAML yet.
    pub(super) fn without_line(&self, byte: usize) -> Self {
        let start = self.text[..byte].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[byte..].find('\n').map_or(self.text.len(), |end| byte + end);
        let text = format!("{}{}", &self.text[..start], &self.text[end..]);
        Self::new(self.uri.clone(), text.into())
    }

    /// Where a key of the document is written: in this file or in one that it extends.
    pub(super) fn location_of_key(&self, world: &World, path: &DocPath) -> Option<Location> {
        match self.document(world) {
            Some(document) => Some(world.location(self, &document.place(path, true)?)),
            None => self.likely_location(world, path, MAX_FILES),
        }
    }

    /// The same of a file that can't be read as a whole; at most so many files are looked at.
    fn likely_location(&self, world: &World, path: &DocPath, files: usize) -> Option<Location> {
        if let Some(token) = self.outline().key(path) {
            let range = Lines::of(&self.text).range(&token.range);
            return Some(Location { uri: self.uri.clone(), range });
        }
        let extended = world.page_at(&family::extended(self).filter(|_| files > 1)?)?;
        extended.likely_location(world, path, files - 1)
    }
}

/// The kind of a node, as far as a document says it.
pub(super) fn kind_of(world: &World, document: &Value, node: &str) -> Option<Kind> {
    let name = document["nodes"][node]["type"].as_str()?;
    world.kinds.iter().find(|kind| kind.name == name).copied()
}
