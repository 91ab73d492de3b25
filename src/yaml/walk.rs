//! Walking to a place of a document, to fail there: the error tells where that is.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{path::Segment, span::Shape};

/// Walks a path and fails on arrival.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    /// The rest of the way.
    pub path: &'a [Segment],
    /// Whether it ends at the key; else at the value.
    pub key: bool,
    /// Which of several equal last keys it is, from 0.
    pub occurrence: usize,
    /// What stands at the end, once it is reached.
    pub arrived: &'a Cell<Option<Shape>>,
}

impl Walk<'_> {
    /// Fails if this is the end of the way.
    fn arrive<E: de::Error>(&self, shape: Shape) -> Result<(), E> {
        if !self.path.is_empty() {
            return Ok(());
        }
        self.arrived.set(Some(shape));
        Err(E::custom("arrived"))
    }

    fn further(&self) -> Self {
        Self { path: &self.path[1..], ..*self }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.arrive(Shape::Word)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.arrive(Shape::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.arrive(Shape::Collection)?;
        if let Segment::Item(index) = &self.path[0] {
            for _ in 0..*index {
                items.next_element::<IgnoredAny>()?;
            }
            items.next_element_seed(self.further())?;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.arrive(Shape::Collection)?;
        let mut seen = 0;
        while let Some(key) = entries.next_key_seed(WalkKey { walk: self, seen })? {
            let ours = matches!(&self.path[0], Segment::Key(wanted) if *wanted == key);
            let first = ours && seen == 0;
            seen += usize::from(ours);
            if first && !(self.key && self.path.len() == 1) {
                entries.next_value_seed(self.further())?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Reads a key and fails if it is the one that is looked for.
struct WalkKey<'a> {
    walk: Walk<'a>,
    seen: usize,
}

impl<'de> DeserializeSeed<'de> for WalkKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for WalkKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        let last = self.walk.path.len() == 1 && self.walk.key && self.seen == self.walk.occurrence;
        if last && matches!(&self.walk.path[0], Segment::Key(wanted) if wanted == key) {
            self.walk.arrived.set(Some(Shape::Text(key.to_owned())));
            return Err(E::custom("arrived"));
        }
        Ok(key.to_owned())
    }
}
