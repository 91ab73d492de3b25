//! The numbers that lie beside a network.

use std::{cell::Cell, ops::Range};

use half::f16;

use super::{super::element::Element, data::Data};
use crate::{
    error::{Error, Result},
    export::{Precision, lowered::Constant},
};

/// How much more may be taken than there is: equal constants may lie in one place.
const MOST_COPIES: usize = 2;
const FREE: usize = 1 << 20;

/// The bytes of all constants.
pub(super) struct Constants<'a> {
    bytes: &'a [u8],
    /// How many more may be taken, so that a small file does not become many numbers.
    left: Cell<usize>,
}

/// Where a constant lies, and what it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    name: String,
    element: Element,
    pub(super) shape: Vec<usize>,
    bytes: Range<usize>,
}

impl Place {
    /// Where the constant of this name lies, as its layer's data tell.
    ///
    /// # Errors
    /// If it is of a kind that is not known.
    pub(super) fn of(name: &str, data: &Data<'_>) -> Result<Self> {
        let element = data.text("element_type").and_then(Element::named);
        data.hold("element_type", element.is_some())?;
        let shape = data.sizes("shape")?;
        let [offset, size] = ["offset", "size"].map(|key| data.whole(key).map(usize::try_from));
        let (Ok(offset), Ok(size), Some(element)) = (offset?, size?, element) else {
            return Err(wrong(name));
        };
        let end = offset.checked_add(size).ok_or_else(|| wrong(name))?;
        Ok(Self { name: name.to_owned(), element, shape, bytes: offset..end })
    }
}

impl<'a> Constants<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: Cell::new(bytes.len().saturating_mul(MOST_COPIES).saturating_add(FREE)) }
    }

    /// Numbers of a constant, of which there is at least one, in another shape than its own, of as many places.
    ///
    /// # Errors
    /// If it has not as many, or is made of something else.
    pub(super) fn floats(&self, place: &Place, shape: Vec<usize>) -> Result<Constant> {
        let half = |bytes| f16::from_le_bytes(bytes).to_f32();
        let (data, precision) = match place.element {
            Element::F32 => (self.numbers(place, f32::from_le_bytes)?, Precision::Fp32),
            Element::F16 => (self.numbers(place, half)?, Precision::Fp16),
            Element::I64 => return Err(wrong(&place.name)),
        };
        match data[..] {
            [] => Err(wrong(&place.name)),
            [..] => Ok(Constant { name: place.name.clone(), shape, data, precision }),
        }
    }

    /// Whole numbers of a constant.
    ///
    /// # Errors
    /// If it is made of something else.
    pub(super) fn whole(&self, place: &Place) -> Result<Vec<i64>> {
        match place.element {
            Element::I64 => self.numbers(place, i64::from_le_bytes),
            _ => Err(wrong(&place.name)),
        }
    }

    /// The same, none of which is negative.
    ///
    /// # Errors
    /// If one is, or it is made of something else.
    pub(super) fn sizes(&self, place: &Place) -> Result<Vec<usize>> {
        let sizes = self.whole(place)?.into_iter().map(|size| usize::try_from(size).ok()).collect();
        Option::ok_or_else(sizes, || wrong(&place.name))
    }

    fn numbers<T, const N: usize>(&self, place: &Place, number: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let wrong = || wrong(&place.name);
        let bytes = self.bytes.get(place.bytes.clone()).ok_or_else(wrong)?;
        let (chunks, rest) = bytes.as_chunks();
        let count = place.shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let left = self.left.get().checked_sub(bytes.len());
        let (true, Some(left)) = (rest.is_empty() && count == Some(chunks.len()), left) else {
            return Err(wrong());
        };
        self.left.set(left);
        Ok(chunks.iter().copied().map(number).collect())
    }
}

fn wrong(name: &str) -> Error {
    Error::new(format!("the constant {name} is of another kind or size than it should be"))
}
