//! PyTorch's zip archives: `<root>/data.pkl` and one entry per storage under `<root>/data/`.
//!
//! Entries are stored, not compressed; storages are little-endian. Nothing is taken from the pickle
//! without looking: element counts, offsets and strides are checked against the entry that is there.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    rc::Rc,
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    Array, count,
    element::Element,
    item::{Pickle, View},
    pickle,
};
use crate::error::{Error, Result};

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 16;
/// Kiln's own entry beside those of PyTorch, which does not look at it.
pub const DESCRIPTION: &str = "kiln.json";

/// An archive whose pickle was read; storages are read when asked for.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    root: String,
    storages: BTreeMap<String, (Element, Rc<Vec<f32>>)>,
    /// How many more bytes of storages, and elements of tensors, may be read. Both are bounded by
    /// the size of the file, or entries and views that overlap could make much of little.
    bytes_left: usize,
    elements_left: usize,
}

impl<'a> Archive<'a> {
    /// Opens the archive and reads its pickle.
    ///
    /// # Errors
    /// If the bytes are not a zip archive written by PyTorch.
    pub fn open(bytes: &'a [u8]) -> Result<(Self, Pickle)> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        let root = root(&zip)?;
        let (bytes_left, elements_left) = (bytes.len(), bytes.len());
        let mut archive = Self { zip, root, storages: BTreeMap::new(), bytes_left, elements_left };
        archive.check_kind()?;
        let pickle = pickle::parse(&archive.entry("data.pkl")?)?;
        Ok((archive, pickle))
    }

    /// The tensor, or parameter, that the view shows; `None` if it shows something else.
    ///
    /// # Errors
    /// If it is a tensor that can't be read.
    pub fn tensor(&mut self, view: View<'_>) -> Result<Option<Array>> {
        // Not recursive: a parameter of a parameter is nothing that PyTorch writes.
        let tensor = if is_parameter(view) { view.args().next() } else { Some(view) };
        tensor.filter(|tensor| is_plain_tensor(*tensor)).map(|tensor| self.rebuild(tensor)).transpose()
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, …)`.
    fn rebuild(&mut self, view: View<'_>) -> Result<Array> {
        let args: Vec<View<'_>> = view.args().take(4).collect();
        let [storage, offset, size, stride] = args[..] else {
            return Err(malformed("a tensor without its parts"));
        };
        let storage = self.storage(storage)?;
        let offset = offset.size().ok_or_else(|| malformed("a tensor with a negative offset"))?;
        let (shape, strides) = (sizes(size)?, sizes(stride)?);
        let count = count(&shape).filter(|count| *count <= self.elements_left);
        self.elements_left -= count.ok_or_else(|| malformed("tensors with more elements than the file"))?;
        let data = gather(&storage, offset, &shape, &strides)?;
        Ok(Array { shape, data })
    }

    /// The elements behind a persistent id `("storage", class, key, location, count)`.
    fn storage(&mut self, view: View<'_>) -> Result<Rc<Vec<f32>>> {
        let id: Vec<View<'_>> = view.persistent().into_iter().flat_map(View::elements).collect();
        let [kind, class, key, _, count] = id[..] else {
            return Err(malformed("a tensor without a storage"));
        };
        if kind.str() != Some("storage") {
            return Err(malformed("a tensor without a storage"));
        }
        let (_, class) = class.global().ok_or_else(|| malformed("a storage without a type"))?;
        let (key, count) =
            key.str().zip(count.size()).ok_or_else(|| malformed("a storage without a size"))?;
        let element = Element::of_storage(class)
            .ok_or_else(|| Error::new(format!("a storage of type {class}, which Kiln does not read")))?;
        if let Some((known, values)) = self.storages.get(key) {
            let same = *known == element && count == values.len();
            return same.then(|| values.clone()).ok_or_else(|| malformed("a storage of two types or sizes"));
        }
        let bytes = self.entry(&format!("data/{key}"))?;
        if count.checked_mul(element.width()) != Some(bytes.len()) {
            let found =
                format!("storage {key} has {} bytes, not the {count} elements that it should", bytes.len());
            return Err(Error::new(found));
        }
        let values = Rc::new(element.decode(&bytes));
        self.storages.insert(key.to_owned(), (element, values.clone()));
        Ok(values)
    }

    /// Refuses archives that can't be read rightly, although they have a pickle.
    fn check_kind(&mut self) -> Result<()> {
        if self.has("constants.pkl") {
            return Err(Error::new("it is a TorchScript program, not a checkpoint")
                .help("save the model's `state_dict()` with torch.save instead"));
        }
        if self.has("byteorder") && self.entry("byteorder")?.starts_with(b"big") {
            return Err(Error::new("its numbers are big-endian, which Kiln does not read"));
        }
        Ok(())
    }

    /// What Kiln itself wrote about the model.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn description(&mut self) -> Result<Option<String>> {
        if !self.has(DESCRIPTION) {
            return Ok(None);
        }
        let text = String::from_utf8(self.entry(DESCRIPTION)?);
        text.map(Some).map_err(|_| malformed("a description that is not UTF-8"))
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{}{name}", self.root)).is_some()
    }

    /// The bytes of an entry, checked against the archive's checksum.
    fn entry(&mut self, name: &str) -> Result<Vec<u8>> {
        let full = format!("{}{name}", self.root);
        let index = self.zip.index_for_name(&full);
        let index = index.ok_or_else(|| Error::new(format!("its archive is damaged: it has no {full}")))?;
        if self.zip.by_index_raw(index).map_err(damaged)?.compression() != CompressionMethod::Stored {
            return Err(malformed("compressed entries, which PyTorch never writes"));
        }
        let mut entry = self.zip.by_index(index).map_err(damaged)?;
        let size = usize::try_from(entry.size()).ok().filter(|size| *size <= self.bytes_left);
        let size = size.ok_or_else(|| malformed("entries that are larger than the file"))?;
        self.bytes_left -= size;
        let mut bytes = Vec::with_capacity(size);
        let wanted = size as u64;
        entry.by_ref().take(wanted + 1).read_to_end(&mut bytes).map_err(damaged)?;
        if bytes.len() != size {
            return Err(malformed("an entry of another size than announced"));
        }
        Ok(bytes)
    }
}

/// What stands before `data.pkl` in the names: the file's stem, or `archive/`.
fn root(zip: &ZipArchive<Cursor<&[u8]>>) -> Result<String> {
    let names = zip.file_names_raw().filter_map(|name| std::str::from_utf8(name).ok());
    let mut roots = names.filter_map(|name| name.strip_suffix("data.pkl").filter(|root| root.ends_with('/')));
    let root =
        roots.next().ok_or_else(|| Error::new("it is a zip archive, but not one written by PyTorch"))?;
    Ok(root.to_owned())
}

/// Whether it is a tensor or a parameter.
pub fn is_tensor(view: View<'_>) -> bool {
    is_plain_tensor(view) || is_parameter(view)
}

fn is_plain_tensor(view: View<'_>) -> bool {
    view.class() == Some(("torch._utils", "_rebuild_tensor_v2"))
}

fn is_parameter(view: View<'_>) -> bool {
    matches!(view.class(), Some(("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")))
}

fn sizes(view: View<'_>) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> = view.elements().take(MAX_DIMENSIONS + 1).map(View::size).collect();
    let sizes = sizes.filter(|sizes| sizes.len() <= MAX_DIMENSIONS);
    sizes.ok_or_else(|| malformed("a tensor with a shape that can't be"))
}

/// The elements of a strided view, row-major. The caller has bounded how many there are.
fn gather(storage: &[f32], offset: usize, shape: &[usize], strides: &[usize]) -> Result<Vec<f32>> {
    let outside = || malformed("a tensor that reaches beyond its storage");
    if shape.len() != strides.len() {
        return Err(malformed("a tensor with a shape that can't be"));
    }
    if shape.contains(&0) {
        return Ok(Vec::new());
    }
    let steps = shape.iter().zip(strides);
    let last = steps
        .clone()
        .try_fold(offset, |last, (size, stride)| last.checked_add(stride.checked_mul(size - 1)?));
    if last.is_none_or(|last| last >= storage.len()) {
        return Err(outside());
    }
    if row_major(shape, strides) {
        return Ok(storage[offset..=last.unwrap_or(offset)].to_vec());
    }
    // One dimension at a time, from the outermost: the places of all elements so far.
    let mut places = vec![offset];
    for (size, stride) in steps {
        places = places.iter().flat_map(|place| (0..*size).map(move |i| place + i * stride)).collect();
    }
    Ok(places.into_iter().map(|place| storage[place]).collect())
}

/// Whether the elements of the view lie one after the other.
fn row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(size, stride)| {
        let fits = *size == 1 || *stride == expected;
        expected *= size;
        fits
    })
}

fn malformed(what: &str) -> Error {
    Error::new(format!("it has {what}"))
}

fn damaged(error: impl std::error::Error) -> Error {
    Error::new(format!("its archive is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_gathered_by_offset_and_stride() {
        let storage: Vec<f32> = (0..12_u8).map(f32::from).collect();
        assert_eq!(gather(&storage, 1, &[2, 3], &[3, 1]).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(gather(&storage, 0, &[2, 3], &[1, 4]).unwrap(), [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
        assert_eq!(gather(&storage, 5, &[2, 2], &[0, 0]).unwrap(), [5.0; 4]);
        assert_eq!(gather(&storage, 11, &[], &[]).unwrap(), [11.0]);
        assert!(gather(&storage, 0, &[0, 3], &[9, 9]).unwrap().is_empty());
    }

    #[test]
    fn views_beyond_the_storage_are_refused() {
        for (offset, size, stride) in
            [(12, 1, 1), (0, 13, 1), (1, 2, 11), (0, 3, usize::MAX), (usize::MAX, 2, 1)]
        {
            assert!(gather(&[0.0; 12], offset, &[size], &[stride]).is_err(), "{offset} {size} {stride}");
        }
    }
}
