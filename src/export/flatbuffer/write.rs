//! Tables become bytes. What a table refers to lies behind it, so that offsets only ever point on.

use crate::error::{Error, Result};

/// Tables, lists and texts are found at multiples of so many bytes, and offsets are as long.
const WORD: usize = 4;
/// Tables begin at multiples of the longest number.
const LONGEST: usize = 8;

/// A table: fields by the number that the format gives them. What is left out has the format's default.
#[derive(Debug, Clone, Default)]
pub(in crate::export) struct Table {
    fields: Vec<(usize, Field)>,
}

#[derive(Debug, Clone)]
enum Field {
    Scalar(Scalar),
    Child(Child),
}

/// A number as the bytes that it has in a file.
#[derive(Debug, Clone)]
pub(in crate::export) struct Scalar(Vec<u8>);

/// What a table refers to.
#[derive(Debug, Clone)]
pub(in crate::export) enum Child {
    /// Another table.
    Table(Table),
    /// A text.
    Text(String),
    /// Several children.
    List(Vec<Child>),
    /// Numbers.
    Numbers {
        /// Bytes of each.
        size: usize,
        /// They begin at a multiple of so many bytes.
        aligned: usize,
        /// All of them.
        bytes: Vec<u8>,
    },
}

impl Table {
    /// An empty one.
    pub(in crate::export) fn new() -> Self {
        Self::default()
    }

    /// The same with a number.
    pub(in crate::export) fn number(mut self, field: usize, number: impl Into<Scalar>) -> Self {
        self.fields.push((field, Field::Scalar(number.into())));
        self
    }

    /// The same with something that it refers to.
    pub(in crate::export) fn child(mut self, field: usize, child: impl Into<Child>) -> Self {
        self.fields.push((field, Field::Child(child.into())));
        self
    }

    /// A whole file with this table at its root, and what the format marks its files with.
    ///
    /// # Errors
    /// If it is larger than offsets can reach.
    pub(in crate::export) fn file(&self, mark: Option<[u8; 4]>) -> Result<Vec<u8>> {
        let mut writer = Writer { bytes: vec![0; WORD] };
        writer.bytes.extend(mark.iter().flatten());
        let root = writer.table(self);
        writer.refer(0, root);
        match i32::try_from(writer.bytes.len()) {
            Ok(_) => Ok(writer.bytes),
            Err(_) => Err(Error::new("the file would be larger than the 2 GiB that such a file can have")),
        }
    }
}

impl Child {
    /// Bytes that begin at a multiple of 16, as programs want them that compute with them where they lie.
    pub(in crate::export) fn data(bytes: Vec<u8>) -> Self {
        Self::Numbers { size: 1, aligned: 16, bytes }
    }
}

/// A file on its way.
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Fills up, so that what follows so many bytes later is at a multiple of `multiple`.
    fn align(&mut self, multiple: usize, later: usize) {
        let end = (self.bytes.len() + later).next_multiple_of(multiple);
        self.bytes.resize(end - later, 0);
    }

    fn word(&mut self, word: usize) {
        self.bytes.extend((word as u32).to_le_bytes());
    }

    /// Makes the offset at one place point to another, which lies behind it.
    fn refer(&mut self, place: usize, to: usize) {
        self.bytes[place..][..WORD].copy_from_slice(&((to - place) as u32).to_le_bytes());
    }

    /// Appends a table, after the list of where its fields lie; where it begins.
    fn table(&mut self, table: &Table) -> usize {
        let (places, size) = places(table);
        let list = 2 * (2 + table.fields.iter().map(|(field, _)| field + 1).max().unwrap_or(0));
        self.align(LONGEST, list);
        let start = self.bytes.len();
        let at = start + list;
        self.bytes.extend((list as u16).to_le_bytes().into_iter().chain((size as u16).to_le_bytes()));
        self.bytes.resize(at, 0);
        self.word(list);
        self.bytes.resize(at + size, 0);
        for ((field, value), place) in table.fields.iter().zip(&places) {
            self.bytes[start + 2 * (2 + field)..][..2].copy_from_slice(&(*place as u16).to_le_bytes());
            if let Field::Scalar(Scalar(bytes)) = value {
                self.bytes[at + place..][..bytes.len()].copy_from_slice(bytes);
            }
        }
        for ((_, value), place) in table.fields.iter().zip(&places) {
            if let Field::Child(child) = value {
                let child = self.child(child);
                self.refer(at + place, child);
            }
        }
        at
    }

    /// Appends what a table refers to; where it begins.
    fn child(&mut self, child: &Child) -> usize {
        match child {
            Child::Table(table) => self.table(table),
            Child::Text(text) => {
                let at = self.numbers(WORD, text.len(), text.as_bytes());
                self.bytes.push(0);
                at
            }
            Child::Numbers { size, aligned, bytes } => self.numbers(*aligned, bytes.len() / size, bytes),
            Child::List(children) => {
                let at = self.numbers(WORD, children.len(), &vec![0; WORD * children.len()]);
                for (place, child) in children.iter().enumerate() {
                    let child = self.child(child);
                    self.refer(at + WORD * (1 + place), child);
                }
                at
            }
        }
    }

    /// Appends so many numbers, after their count; where that lies.
    fn numbers(&mut self, aligned: usize, count: usize, bytes: &[u8]) -> usize {
        self.align(aligned.max(WORD), WORD);
        let at = self.bytes.len();
        self.word(count);
        self.bytes.extend_from_slice(bytes);
        at
    }
}

/// Where the fields of a table lie in it, and how long it is.
fn places(table: &Table) -> (Vec<usize>, usize) {
    let mut end = WORD;
    let place = |(_, field): &(usize, Field)| {
        let size = match field {
            Field::Scalar(Scalar(bytes)) => bytes.len(),
            Field::Child(_) => WORD,
        };
        let place = end.next_multiple_of(size);
        end = place + size;
        place
    };
    (table.fields.iter().map(place).collect(), end)
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Scalar {
            fn from(number: $number) -> Self {
                Self(number.to_le_bytes().to_vec())
            }
        }

        impl From<Vec<$number>> for Child {
            fn from(numbers: Vec<$number>) -> Self {
                let size = size_of::<$number>();
                let bytes = numbers.into_iter().flat_map(|number| number.to_le_bytes()).collect();
                Self::Numbers { size, aligned: size, bytes }
            }
        }
    )*};
}

numbers!(u8, i8, i32, u32, i64, u64, f32);

impl From<bool> for Scalar {
    fn from(holds: bool) -> Self {
        u8::from(holds).into()
    }
}

impl From<Table> for Child {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<&str> for Child {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Child>> FromIterator<T> for Child {
    fn from_iter<I: IntoIterator<Item = T>>(children: I) -> Self {
        Self::List(children.into_iter().map(Into::into).collect())
    }
}
