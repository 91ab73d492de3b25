//! All that a request can see: the open texts, and what pipelines are made of.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use gen_lsp_types::{ClientCapabilities, Location, TextDocumentContentChangeEvent, TextDocumentItem, Uri};

use super::{
    StoreOf,
    explanations::Explanations,
    lines::Lines,
    meant::{self, Meant},
    outline::Outline,
    page::Page,
    uri,
};
use crate::{
    node::Kind,
    nodes::KINDS,
    spec::{Place, Source, Unsaved, manual::Manual},
};

/// The largest text that is looked at, in bytes: as large as the largest file that is read.
const MAX_BYTES: usize = 1 << 20;

/// What is there while a request is answered. A copy costs little, and stays as it was.
#[derive(Clone)]
pub(super) struct World {
    /// The open texts by URI, as the editor writes it.
    open: BTreeMap<String, OpenText>,
    pub kinds: &'static [Kind],
    pub manual: Arc<Manual>,
    pub explanations: Arc<Explanations>,
    pub store_of: Arc<StoreOf>,
    /// Whether the editor takes completions with places to fill in.
    pub takes_snippets: bool,
}

/// A text in the editor.
#[derive(Clone)]
struct OpenText {
    version: i32,
    text: Arc<str>,
    /// Whether the editor says that it is a pipeline.
    is_told: bool,
}

impl OpenText {
    fn meant(&self) -> Meant {
        if self.is_told { Meant::Pipeline } else { meant::of(&self.text, &Outline::of(&self.text)) }
    }
}

impl World {
    pub(super) fn new(store_of: Arc<StoreOf>, client: &ClientCapabilities) -> Self {
        let item =
            client.text_document.as_ref().and_then(|it| it.completion.as_ref()?.completion_item.as_ref());
        Self {
            open: BTreeMap::new(),
            kinds: KINDS,
            manual: Arc::new(Manual::of(KINDS)),
            explanations: Arc::default(),
            store_of,
            takes_snippets: item.and_then(|item| item.snippet_support).unwrap_or(false),
        }
    }

    pub(super) fn open(&mut self, document: TextDocumentItem) {
        let TextDocumentItem { uri, language_id, version, text } = document;
        let is_told = String::from(language_id) == meant::LANGUAGE;
        self.open.insert(uri.0, OpenText { version, text: text.into(), is_told });
    }

    /// Takes in what was typed.
    pub(super) fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(open) = self.open.get_mut(&uri.0) else { return };
        let mut text = open.text.to_string();
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    let bytes = Lines::of(&text).bytes(part.range);
                    text.replace_range(bytes, &part.text);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    text = whole.text;
                }
            }
        }
        (open.version, open.text) = (version, text.into());
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.open.remove(&uri.0);
    }

    /// The open files.
    pub(super) fn uris(&self) -> impl Iterator<Item = Uri> + '_ {
        self.open.keys().map(|uri| Uri(uri.clone()))
    }

    /// What version of an open text this is.
    pub(super) fn version(&self, uri: &Uri) -> Option<i32> {
        self.open.get(&uri.0).map(|open| open.version)
    }

    /// A file that is open; none that is larger than a pipeline can be, or is meant as something else.
    pub(super) fn page(&self, uri: &Uri) -> Option<Page> {
        let open = self.open.get(&uri.0).filter(|open| open.text.len() <= MAX_BYTES)?;
        (open.meant() != Meant::Other).then(|| Page::new(uri.clone(), open.text.clone()))
    }

    /// The same, if there is something in it: an empty file has no mistakes yet.
    pub(super) fn pipeline(&self, uri: &Uri) -> Option<Page> {
        let open = self.open.get(&uri.0)?;
        self.page(uri).filter(|_| open.meant() == Meant::Pipeline)
    }

    /// The file at a path: as it is in the editor, or else on the disk.
    pub(super) fn page_at(&self, path: &Path) -> Option<Page> {
        if let Some(uri) = self.uri_of(path) {
            return self.page(&uri);
        }
        let text = Source::read(path).ok()?.text().to_owned();
        Some(Page::new(uri::of(path), text.into()))
    }

    /// The URI by which the editor calls a file that it has open.
    fn uri_of(&self, path: &Path) -> Option<Uri> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let path = real(path);
        self.uris().find(|uri| uri::path(uri).is_some_and(|open| open == path || real(&open) == path))
    }

    /// The open texts, which count in place of those on the disk.
    pub(super) fn unsaved(&self) -> Unsaved {
        let mut unsaved = Unsaved::default();
        for (uri, open) in &self.open {
            if let Some(path) = uri::path(&Uri(uri.clone())) {
                unsaved.insert(&path, open.text.to_string());
            }
        }
        unsaved
    }

    /// A place that something says of a page, in it or in a file beside it.
    pub(super) fn location(&self, page: &Page, place: &Place) -> Location {
        let source = place.source(&page.source);
        let bytes = source.locate(place);
        let bytes = bytes.start + source.before()..bytes.end + source.before();
        if std::ptr::eq(source, &raw const page.source) {
            return Location { uri: page.uri.clone(), range: Lines::of(&page.text).range(&bytes) };
        }
        let path = page.beside(source.name());
        let uri = self.uri_of(&path).unwrap_or_else(|| uri::of(&normal(&path)));
        let text = format!("{}{}", &"\u{feff}"[..source.before()], source.text());
        Location { uri, range: Lines::of(&text).range(&bytes) }
    }
}

/// A path without `..`, as far as what it names is there.
fn normal(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
