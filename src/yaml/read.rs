//! Reading a document into JSON values, within limits. For any format that serde reads.

use std::{cell::RefCell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::path::{DocPath, Segment};
use crate::{budget::Budget, shown};

/// The deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 32;
/// The most values, counted where aliases stand for them.
const MAX_VALUES: u64 = 10_000;
/// The longest key, in bytes.
const MAX_KEY: usize = 1_024;
/// The most values of a file's metadata, which name every class.
const MAX_METADATA: u64 = 1_000_000;
/// How often a text may be repeated by aliases, as a whole; and a little more, for small ones.
const MAX_COPIES: u64 = 4;
/// How many repeated keys are told.
const MAX_REPEATED: usize = 20;

/// Why a text can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Nothing, or comments only.
    #[error("the file says nothing")]
    Empty,
    /// Not YAML; the parser's words.
    #[error("{0}")]
    Syntax(String),
    /// Too deep.
    #[error("lists and mappings are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Too many values.
    #[error("the file stands for more than {MAX_VALUES} values")]
    TooMany,
    /// Aliases make much more text of it than there is.
    #[error("the aliases stand for more than {MAX_COPIES} times the text of the file")]
    TooLong,
    /// Something that no file has and that costs much to read; a sentence.
    #[error("{0}")]
    Unlikely(String),
    /// `!tag`.
    #[error("the tag `!{}` means nothing here", shown::text(.0))]
    Tag(String),
    /// `<<: *anchor`.
    #[error("merge keys (`<<`) are not read")]
    MergeKey,
    /// A key that is no text, e.g. `7: x`; as it would be written.
    #[error("the key `{0}` is not text")]
    KeyNotText(String),
    /// A number that JSON doesn't know: `.nan`, `.inf`, or more than 64 bits.
    #[error("`{0}` is not a number that can be used")]
    Number(String),
    /// A second document.
    #[error("a second document begins here")]
    SeveralDocuments,
}

/// What reading keeps track of.
pub(super) struct Reader {
    path: RefCell<Vec<Segment>>,
    values: RefCell<Budget>,
    bytes: RefCell<Budget>,
    /// Whether a whole number may be a key.
    numbered: bool,
    /// Keys that were there already, with their occurrence: 1 for the second.
    pub repeated: RefCell<Vec<(DocPath, usize)>>,
    /// Why reading stopped, if it was not the parser's doing.
    pub refused: RefCell<Option<Refusal>>,
}

impl Reader {
    /// A reader of a text of so many bytes.
    pub(super) fn new(size: usize) -> Self {
        Self {
            path: RefCell::default(),
            values: RefCell::new(Budget::new(MAX_VALUES)),
            bytes: RefCell::new(Budget::new(MAX_COPIES * size as u64 + 65_536)),
            numbered: false,
            repeated: RefCell::default(),
            refused: RefCell::default(),
        }
    }

    /// A reader of metadata of so many bytes, in which whole numbers may be keys.
    pub(super) fn of_metadata(size: usize) -> Self {
        Self { values: RefCell::new(Budget::new(MAX_METADATA)), numbered: true, ..Self::new(size) }
    }

    fn refuse<E: de::Error>(&self, refusal: Refusal) -> E {
        self.refused.replace(Some(refusal));
        E::custom("refused")
    }

    /// Counts one value.
    fn enter<E: de::Error>(&self) -> Result<(), E> {
        self.values.borrow_mut().take(1).map_err(|_| self.refuse(Refusal::TooMany))?;
        if self.path.borrow().len() > MAX_DEPTH {
            return Err(self.refuse(Refusal::TooDeep));
        }
        Ok(())
    }

    /// Counts the bytes of a text, which an alias may have copied.
    fn copy<E: de::Error>(&self, text: &str) -> Result<String, E> {
        self.bytes.borrow_mut().take(text.len() as u64).map_err(|_| self.refuse(Refusal::TooLong))?;
        Ok(text.to_owned())
    }

    /// A key, which paths repeat.
    fn key<E: de::Error>(&self, key: &str) -> Result<String, E> {
        if key == "<<" {
            return Err(self.refuse(Refusal::MergeKey));
        }
        if key.len() > MAX_KEY {
            let message = format!("a key has {} bytes, more than {MAX_KEY}", key.len());
            return Err(self.refuse(Refusal::Unlikely(message)));
        }
        self.copy(key)
    }

    /// Runs `read` one step further down.
    fn at<T>(&self, segment: Segment, read: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(segment);
        let result = read();
        self.path.borrow_mut().pop();
        result
    }

    fn repeat(&self, key: &str) {
        let path = DocPath(self.path.borrow().clone()).join(key);
        let mut repeated = self.repeated.borrow_mut();
        if repeated.len() == MAX_REPEATED {
            return;
        }
        let occurrence = 1 + repeated.iter().filter(|(other, _)| *other == path).count();
        repeated.push((path, occurrence));
    }
}

/// Reads a value.
pub(super) struct Values<'a>(pub &'a Reader);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.0.enter().map(|()| Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.enter().map(|()| value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.enter().map(|()| value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.enter().map(|()| value.into())
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Err(self.0.refuse(Refusal::Number(value.to_string())))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Err(self.0.refuse(Refusal::Number(value.to_string())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.enter()?;
        number(value).ok_or_else(|| self.0.refuse(Refusal::Number(value.to_string())))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.enter()?;
        self.0.copy(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let mut list = Vec::new();
        while let Some(item) = self.0.at(list.len().into(), || items.next_element_seed(Values(self.0)))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.enter()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(Keys(self.0))? {
            let value = self.0.at(key.as_str().into(), || entries.next_value_seed(Values(self.0)))?;
            if map.contains_key(&key) {
                self.0.repeat(&key);
            } else {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, _) = tagged.variant::<String>()?;
        Err(self.0.refuse(Refusal::Tag(tag)))
    }
}

/// A float as JSON; a whole one, such as `1e2`, as an integer.
fn number(value: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Some((value as i64).into());
    }
    Number::from_f64(value).map(Value::Number)
}

/// Reads a key.
struct Keys<'a>(&'a Reader);

impl Keys<'_> {
    fn refuse<E: de::Error>(&self, key: impl ToString) -> E {
        self.0.refuse(Refusal::KeyNotText(key.to_string()))
    }
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        self.0.key(key)
    }

    fn visit_unit<E: de::Error>(self) -> Result<String, E> {
        Err(self.refuse("null"))
    }

    fn visit_bool<E: de::Error>(self, key: bool) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_i64<E: de::Error>(self, key: i64) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_u64<E: de::Error>(self, key: u64) -> Result<String, E> {
        if self.0.numbered { Ok(key.to_string()) } else { Err(self.refuse(key)) }
    }

    fn visit_f64<E: de::Error>(self, key: f64) -> Result<String, E> {
        Err(self.refuse(key))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.refuse("[…]"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<String, A::Error> {
        Err(self.refuse("{…}"))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<String, A::Error> {
        let (tag, _) = tagged.variant::<String>()?;
        Err(self.0.refuse(Refusal::Tag(tag)))
    }
}
