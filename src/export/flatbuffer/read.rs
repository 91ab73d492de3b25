//! Tables in the bytes of a file, which may be damaged: every place is looked at before it is used.

use crate::error::{Error, Result};

/// Bytes of an offset, and of the count of a list.
const WORD: usize = 4;

/// A table in a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::export) struct Record<'a> {
    file: &'a [u8],
    at: usize,
    /// Where each of its fields lies behind `at`, two bytes each; 0 where one is left out.
    places: &'a [u8],
}

/// Tables or texts in a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::export) struct List<'a> {
    file: &'a [u8],
    /// Where the offset of the first lies.
    at: usize,
    count: usize,
}

/// A number that a file can hold.
pub(in crate::export) trait Number: Sized {
    /// Bytes of one.
    const SIZE: usize;

    /// The number that these bytes are; none if they are more or fewer.
    fn of(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            const SIZE: usize = size_of::<$number>();

            fn of(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )*};
}

numbers!(u8, i8, u16, i32, u32, i64, u64, f32);

impl<'a> Record<'a> {
    /// The table at the root of a file.
    ///
    /// # Errors
    /// If there is none.
    pub(in crate::export) fn root(file: &'a [u8]) -> Result<Self> {
        Self::at(file, target(file, 0)?)
    }

    fn at(file: &'a [u8], at: usize) -> Result<Self> {
        let back = i64::from(number::<i32>(file, at)?);
        let list = usize::try_from(at as i64 - back).map_err(|_| damaged())?;
        let size = usize::from(number::<u16>(file, list)?);
        let places = part(file, list, size)?.get(2 * size_of::<u16>()..).ok_or_else(damaged)?;
        Ok(Self { file, at, places })
    }

    /// Where a field lies, if it is there.
    fn place(self, field: usize) -> Result<Option<usize>> {
        match number::<u16>(self.places, 2 * field) {
            Ok(place) if place > 0 => self.at.checked_add(place.into()).map(Some).ok_or_else(damaged),
            _ => Ok(None),
        }
    }

    /// A number, or the format's default.
    ///
    /// # Errors
    /// If the file ends before it.
    pub(in crate::export) fn number<T: Number>(self, field: usize, default: T) -> Result<T> {
        self.place(field)?.map_or(Ok(default), |place| number(self.file, place))
    }

    /// A table, if it is there.
    ///
    /// # Errors
    /// If it is not whole.
    pub(in crate::export) fn record(self, field: usize) -> Result<Option<Self>> {
        let at = self.place(field)?.map(|place| target(self.file, place)).transpose()?;
        at.map(|at| Self::at(self.file, at)).transpose()
    }

    /// The bytes of a list of numbers of this size; none if it is left out.
    fn raw(self, field: usize, size: usize) -> Result<&'a [u8]> {
        let Some(place) = self.place(field)? else { return Ok(&[]) };
        let at = target(self.file, place)?;
        let count = number::<u32>(self.file, at)? as usize;
        part(self.file, at + WORD, count.checked_mul(size).ok_or_else(damaged)?)
    }

    /// Bytes as they lie in the file; none if they are left out.
    ///
    /// # Errors
    /// If they are not whole.
    pub(in crate::export) fn bytes(self, field: usize) -> Result<&'a [u8]> {
        self.raw(field, 1)
    }

    /// A text; an empty one if it is left out.
    ///
    /// # Errors
    /// If it is not whole, or no text.
    pub(in crate::export) fn text(self, field: usize) -> Result<&'a str> {
        text(self.bytes(field)?)
    }

    /// Numbers; none if they are left out.
    ///
    /// # Errors
    /// If they are not whole.
    pub(in crate::export) fn numbers<T: Number>(self, field: usize) -> Result<Vec<T>> {
        numbers(self.raw(field, T::SIZE)?).ok_or_else(damaged)
    }

    /// A list of tables or texts, empty if it is left out.
    ///
    /// # Errors
    /// If it is not whole.
    pub(in crate::export) fn list(self, field: usize) -> Result<List<'a>> {
        let offsets = self.raw(field, WORD)?;
        let at = self.place(field)?.map_or(Ok(0), |place| target(self.file, place))?;
        Ok(List { file: self.file, at: at + WORD, count: offsets.len() / WORD })
    }
}

impl<'a> List<'a> {
    /// How many there are.
    pub(in crate::export) fn len(self) -> usize {
        self.count
    }

    /// Where one lies.
    fn target(self, place: usize) -> Result<usize> {
        if place >= self.count {
            return Err(Error::new(format!("it refers to entry {place} of {}", self.count)));
        }
        target(self.file, self.at + WORD * place)
    }

    /// A table by its place.
    ///
    /// # Errors
    /// If there is none, or it is not whole.
    pub(in crate::export) fn record(self, place: usize) -> Result<Record<'a>> {
        Record::at(self.file, self.target(place)?)
    }

    /// All tables, one after another.
    pub(in crate::export) fn records(self) -> impl Iterator<Item = Result<Record<'a>>> {
        (0..self.count).map(move |place| self.record(place))
    }

    /// All texts, one after another.
    pub(in crate::export) fn texts(self) -> impl Iterator<Item = Result<&'a str>> {
        (0..self.count).map(move |place| {
            let at = self.target(place)?;
            text(part(self.file, at + WORD, number::<u32>(self.file, at)? as usize)?)
        })
    }
}

/// Where the offset at this place points to.
fn target(file: &[u8], place: usize) -> Result<usize> {
    Ok(place + number::<u32>(file, place)? as usize)
}

/// The numbers in these bytes, if they are whole.
pub(in crate::export) fn numbers<T: Number>(bytes: &[u8]) -> Option<Vec<T>> {
    bytes.chunks(T::SIZE).map(T::of).collect()
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged())
}

fn number<T: Number>(file: &[u8], place: usize) -> Result<T> {
    T::of(part(file, place, T::SIZE)?).ok_or_else(damaged)
}

fn part(file: &[u8], start: usize, length: usize) -> Result<&[u8]> {
    file.get(start..).and_then(|rest| rest.get(..length)).ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::new("it is cut off or damaged")
}
