//! Tensors of PyTorch's: views of storages that lie outside the pickle.
//!
//! Nothing is taken from the pickle without looking: element counts, offsets and strides are checked against
//! the bytes that are there.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use super::{Array, MAX_DIMENSIONS, count, element::Element, item::View, malformed, shown};
use crate::{
    budget::Budget,
    error::{Error, Result},
};

/// Where the bytes of storages lie.
pub(super) trait Storages {
    /// The bytes of the storage that the pickle calls `key`.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    fn bytes(&mut self, key: &str) -> Result<Cow<'_, [u8]>>;
}

/// Gives tensors; storages are read when asked for.
pub(super) struct Tensors<'a> {
    storages: Box<dyn Storages + 'a>,
    known: BTreeMap<String, (Element, Rc<Vec<f32>>)>,
    /// How many more elements may be made: views that overlap could make much of little.
    elements: Budget,
}

impl<'a> Tensors<'a> {
    /// Of a file of `size` bytes.
    pub(super) fn new(storages: impl Storages + 'a, size: usize) -> Self {
        let elements = Budget::new(size as u64);
        Self { storages: Box::new(storages), known: BTreeMap::new(), elements }
    }

    /// The tensor, or parameter, that the view shows; `None` if it shows something else.
    ///
    /// # Errors
    /// If it is a tensor that can't be read.
    pub(super) fn tensor(&mut self, view: View<'_>) -> Result<Option<Array>> {
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
        let storage = self.storage(&Storage::of(storage)?)?;
        let offset = offset.size().ok_or_else(|| malformed("a tensor with a negative offset"))?;
        let (shape, strides) = (sizes(size)?, sizes(stride)?);
        let count = count(&shape).and_then(|count| self.elements.take(count as u64).ok());
        count.ok_or_else(|| malformed("tensors with more elements than the file"))?;
        let data = gather(&storage, offset, &shape, &strides)?;
        Ok(Array { shape, data })
    }

    fn storage(&mut self, storage: &Storage<'_>) -> Result<Rc<Vec<f32>>> {
        let Storage { element, key, count } = *storage;
        if let Some((known, values)) = self.known.get(key) {
            let same = *known == element && count == values.len();
            return same.then(|| values.clone()).ok_or_else(|| malformed("a storage of two types or sizes"));
        }
        let bytes = self.storages.bytes(key)?;
        if count.checked_mul(element.width()) != Some(bytes.len()) {
            let (key, found) = (shown(key), bytes.len());
            let found = format!("storage {key} has {found} bytes, not the {count} elements that it should");
            return Err(Error::new(found));
        }
        let values = Rc::new(element.decode(&bytes));
        self.known.insert(key.to_owned(), (element, values.clone()));
        Ok(values)
    }
}

/// What a pickle says of a storage.
#[derive(Clone, Copy)]
pub(super) struct Storage<'a> {
    /// What it is made of.
    pub element: Element,
    /// What it is called.
    pub key: &'a str,
    /// How many elements it has.
    pub count: usize,
}

impl<'a> Storage<'a> {
    /// Whether the persistent id is that of a storage, and not that of a class.
    pub(super) fn is(id: View<'_>) -> bool {
        id.elements().next().is_some_and(|kind| kind.str() == Some("storage"))
    }

    /// The one behind a persistent id `("storage", class, key, location, count)`; before 1.6 with one part more,
    /// `None` or how it is a part of another.
    ///
    /// # Errors
    /// If it is something else, or a kind that Kiln does not read.
    pub(super) fn of(view: View<'a>) -> Result<Self> {
        let id: Vec<View<'_>> = view.persistent().into_iter().flat_map(View::elements).take(6).collect();
        let ([kind, class, key, _, count], rest) = id.split_first_chunk().ok_or_else(no_storage)?;
        if kind.str() != Some("storage") {
            return Err(no_storage());
        }
        let (_, class) = class.global().ok_or_else(|| malformed("a storage without a type"))?;
        let (key, count) =
            key.str().zip(count.size()).ok_or_else(|| malformed("a storage without a size"))?;
        let unread = || Error::new(format!("a storage of type {}, which Kiln does not read", shown(class)));
        if rest.iter().any(|part| !part.is_none()) {
            return Err(malformed("storages that are parts of others, as PyTorch before 0.4 wrote them"));
        }
        Ok(Self { element: Element::of_storage(class).ok_or_else(unread)?, key, count })
    }
}

fn no_storage() -> Error {
    malformed("a tensor without a storage")
}

/// Whether it is a tensor or a parameter.
pub(super) fn is_tensor(view: View<'_>) -> bool {
    is_plain_tensor(view) || is_parameter(view)
}

fn is_plain_tensor(view: View<'_>) -> bool {
    matches!(view.class(), Some(("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor")))
}

fn is_parameter(view: View<'_>) -> bool {
    matches!(view.class(), Some(("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")))
}

fn sizes(view: View<'_>) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> = view.elements().take(MAX_DIMENSIONS + 1).map(View::size).collect();
    let sizes = sizes.filter(|sizes| sizes.len() <= MAX_DIMENSIONS);
    sizes.ok_or_else(|| malformed("a tensor with an impossible shape"))
}

/// The elements of a strided view, row-major. The caller has bounded how many there are.
fn gather(storage: &[f32], offset: usize, shape: &[usize], strides: &[usize]) -> Result<Vec<f32>> {
    let outside = || malformed("a tensor that reaches beyond its storage");
    if shape.len() != strides.len() {
        return Err(malformed("a tensor with an impossible shape"));
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
