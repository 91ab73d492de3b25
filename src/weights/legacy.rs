//! PyTorch's format from before 1.6: five pickles one after the other, and then the storages.
//!
//! The pickles: a magic number, the version, the system that wrote, what was saved, and the storages' names in
//! their order. A storage is the count of its elements in 8 bytes, and then these.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    cut_short,
    element::Element,
    item::{Pickle, View},
    malformed, pickle, shown,
    tensors::{Storage, Storages},
};
use crate::error::Result;

/// The one version that there was.
const VERSION: i64 = 1001;

/// Whether the bytes begin with the magic number.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 1..=5, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, ..])
}

/// Storages in their places.
pub(super) struct Legacy<'a>(BTreeMap<String, &'a [u8]>);

impl<'a> Legacy<'a> {
    /// Reads what was saved, and finds its storages.
    ///
    /// # Errors
    /// If the bytes are not a file of this format, or cut short.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(Self, Pickle)> {
        let mut rest = bytes;
        let mut next = || -> Result<Pickle> {
            let (pickle, length) = pickle::parse_first(rest)?;
            rest = &rest[length..];
            Ok(pickle)
        };
        let (_magic, version, system) = (next()?, next()?, next()?);
        check(version.root(), system.root())?;
        let (saved, keys) = (next()?, next()?);
        let storages = storages(&elements(&saved)?, keys.root(), rest)?;
        Ok((Self(storages), saved))
    }
}

impl Storages for Legacy<'_> {
    fn bytes(&mut self, key: &str) -> Result<Cow<'_, [u8]>> {
        let bytes = self.0.get(key).ok_or_else(|| malformed(&format!("no storage {}", shown(key))))?;
        Ok(Cow::Borrowed(bytes))
    }
}

fn check(version: View<'_>, system: View<'_>) -> Result<()> {
    if version.int() != Some(VERSION) {
        return Err(malformed("a version of PyTorch's old format that Kiln does not know"));
    }
    match system.get("little_endian").and_then(View::bool) {
        Some(true) => Ok(()),
        _ => Err(malformed("big-endian numbers, which Kiln does not read")),
    }
}

/// What the storages are made of: only the tensors say it.
fn elements(saved: &Pickle) -> Result<BTreeMap<&str, Element>> {
    let ids = saved.persistents().filter(|id| id.persistent().is_some_and(Storage::is));
    ids.map(|id| Storage::of(id).map(|storage| (storage.key, storage.element))).collect()
}

fn storages<'a>(
    elements: &BTreeMap<&str, Element>,
    keys: View<'_>,
    mut rest: &'a [u8],
) -> Result<BTreeMap<String, &'a [u8]>> {
    let mut storages = BTreeMap::new();
    for key in keys.elements() {
        let element = key.str().and_then(|key| Some((key, elements.get(key)?)));
        let (key, element) = element.ok_or_else(|| malformed("a storage of which no tensor is a view"))?;
        let (bytes, after) = storage(*element, rest).ok_or_else(|| cut_short("its storages break off"))?;
        storages.insert(key.to_owned(), bytes);
        rest = after;
    }
    Ok(storages)
}

/// The bytes of the storage that `rest` begins with, and what follows.
fn storage(element: Element, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    rest.split_at_checked(count.checked_mul(element.width())?)
}
