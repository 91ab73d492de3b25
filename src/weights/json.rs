//! JSON of others, counted before anything is made of it.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::budget::Budget;

/// Longest text that is read, in bytes: the names of a hundred thousand classes, and as much again.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Most values in a text. A value of a few bytes may cost a hundred of memory.
const MAX_VALUES: u64 = 500_000;

/// Reads a value.
///
/// # Errors
/// If the text is not JSON, not what is wanted, or has more in it than anything that is written about a model.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    if text.len() > MAX_BYTES {
        return Err(serde_json::Error::custom(format!("it has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    let mut values = Budget::new(MAX_VALUES);
    Count(&mut values).deserialize(&mut serde_json::Deserializer::from_str(text))?;
    serde_json::from_str(text)
}

/// Walks over a value and all in it, and keeps nothing.
struct Count<'a>(&'a mut Budget);

impl Count<'_> {
    fn one<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.0.take(1).map_err(|_| E::custom(format!("it has more than {MAX_VALUES} values")))
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        self.one()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Count(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_key_seed(Count(self.0))?.is_some() {
            entries.next_value_seed(Count(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_not_too_much_is_read() {
        let value: Value = parse(r#"{"a": [1, -2, 0.5, true, null, "x"], "b": {}}"#).unwrap();
        assert_eq!(value["a"][2], 0.5);
        assert!(parse::<Value>("[1, 2").is_err() && parse::<Vec<String>>("[1]").is_err());
    }

    #[test]
    fn too_much_is_refused_before_it_is_made() {
        let told = |text: String| parse::<Value>(&text).unwrap_err().to_string();
        assert!(told(format!("[{}0]", "[],".repeat(600_000))).starts_with("it has more than 500000 values"));
        assert!(told(format!("{{{}\"\":0}}", "\"a\":1,".repeat(300_000))).starts_with("it has more than"));
        assert!(told("[".repeat(100_000)).starts_with("recursion limit exceeded"));
        assert!(told(format!("\"{}\"", "x".repeat(MAX_BYTES))).starts_with("it has 16777218 bytes"));
    }
}
