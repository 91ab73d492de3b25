//! PyTorch's zip archives: `<root>/data.pkl` and one entry per storage under `<root>/data/`.
//!
//! Entries are stored, not compressed; storages are little-endian. Nothing is taken from the pickle
//! without looking: element counts, offsets and strides are checked against the entry that is there.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io::{Cursor, Read as _},
    rc::Rc,
};

use half::{bf16, f16};
use zip::ZipArchive;

use super::{
    Array,
    item::{Pickle, View},
    pickle,
};
use crate::error::{Error, Result};

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 16;

/// An archive whose pickle was read; storages are read when asked for.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    root: String,
    storages: BTreeMap<String, Rc<Vec<f32>>>,
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
        archive.check_byte_order()?;
        let pickle = pickle::parse(&archive.entry("data.pkl")?)?;
        Ok((archive, pickle))
    }

    /// The tensor, or parameter, that the view shows; `None` if it shows something else.
    ///
    /// # Errors
    /// If it is a tensor that can't be read.
    pub fn tensor(&mut self, view: View<'_>) -> Result<Option<Array>> {
        match view.class() {
            Some(("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")) => {
                // Not recursive: a parameter of a parameter is nothing that PyTorch writes.
                let tensor = view.args().next().filter(|inner| is_tensor(*inner));
                tensor.map(|tensor| self.rebuild(tensor)).transpose()
            }
            _ if is_tensor(view) => self.rebuild(view).map(Some),
            _ => Ok(None),
        }
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
        let element = Element::of(class)?;
        if let Entry::Occupied(known) = self.storages.entry(key.to_owned()) {
            return Ok(known.get().clone());
        }
        let bytes = self.entry(&format!("data/{key}"))?;
        if count.checked_mul(element.width()) != Some(bytes.len()) {
            let found =
                format!("storage {key} has {} bytes, not the {count} elements that it should", bytes.len());
            return Err(Error::new(found));
        }
        let values = Rc::new(element.decode(&bytes));
        self.storages.insert(key.to_owned(), values.clone());
        Ok(values)
    }

    fn check_byte_order(&mut self) -> Result<()> {
        let name = format!("{}byteorder", self.root);
        match self.zip.index_for_name(&name) {
            Some(_) if self.entry("byteorder")?.starts_with(b"big") => {
                Err(Error::new("its numbers are big-endian, which Kiln does not read"))
            }
            _ => Ok(()),
        }
    }

    /// The bytes of an entry, checked against the archive's checksum.
    fn entry(&mut self, name: &str) -> Result<Vec<u8>> {
        let full = format!("{}{name}", self.root);
        let mut entry = self.zip.by_name(&full).map_err(damaged)?;
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

fn is_tensor(view: View<'_>) -> bool {
    view.class() == Some(("torch._utils", "_rebuild_tensor_v2"))
}

fn sizes(view: View<'_>) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> = view.elements().take(MAX_DIMENSIONS + 1).map(View::size).collect();
    let sizes = sizes.filter(|sizes| sizes.len() <= MAX_DIMENSIONS);
    sizes.ok_or_else(|| malformed("a tensor with a shape that can't be"))
}

/// How many elements a shape has, if that is a number at all.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
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

/// What a storage holds.
#[derive(Debug, Clone, Copy)]
enum Element {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    U8,
    I16,
    I32,
    I64,
}

impl Element {
    fn of(class: &str) -> Result<Self> {
        Ok(match class {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "CharStorage" => Self::I8,
            "ByteStorage" | "BoolStorage" => Self::U8,
            "ShortStorage" => Self::I16,
            "IntStorage" => Self::I32,
            "LongStorage" => Self::I64,
            other => return Err(Error::new(format!("a storage of type {other}, which Kiln does not read"))),
        })
    }

    fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => numbers(bytes, f32::from_le_bytes),
            Self::F64 => numbers(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::I8 => numbers(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => numbers(bytes, |[b]| f32::from(b)),
            Self::I16 => numbers(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::I32 => numbers(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I64 => numbers(bytes, |b| i64::from_le_bytes(b) as f32),
        }
    }
}

/// One number for every `N` bytes.
pub(super) fn numbers<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| decode(*chunk)).collect()
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

    #[test]
    fn every_element_type_becomes_f32() {
        let one = |class: &str, bytes: &[u8]| Element::of(class).unwrap().decode(bytes);
        assert_eq!(one("HalfStorage", &f16::from_f32(-1.5).to_le_bytes()), [-1.5]);
        assert_eq!(one("BFloat16Storage", &bf16::from_f32(-1.5).to_le_bytes()), [-1.5]);
        assert_eq!(one("DoubleStorage", &0.5_f64.to_le_bytes()), [0.5]);
        assert_eq!(one("LongStorage", &(-3_i64).to_le_bytes()), [-3.0]);
        assert_eq!(one("BoolStorage", &[1, 0]), [1.0, 0.0]);
        assert!(Element::of("QUInt8Storage").is_err());
    }
}
