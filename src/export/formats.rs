//! The formats that a model is written in: one, or several at once.

use std::{borrow::Cow, ops::Deref, result};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{FORMATS, Format, spellings::SPELLINGS};

/// One format or several, as a user writes them: a name, or a list of names.
#[derive(Debug, Clone)]
pub struct Formats(Vec<&'static Format>);

impl Deref for Formats {
    type Target = [&'static Format];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Default for Formats {
    fn default() -> Self {
        Self(vec![<&Format>::default()])
    }
}

impl Serialize for Formats {
    fn serialize<S: Serializer>(&self, serializer: S) -> result::Result<S::Ok, S::Error> {
        match &self.0[..] {
            // However it was written, so that it is the same work.
            [one] => one.serialize(serializer),
            all => all.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Formats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> result::Result<Self, D::Error> {
        let names = match Value::deserialize(deserializer)? {
            Value::Array(names) => names,
            name => vec![name],
        };
        let formats = names.into_iter().map(serde_json::from_value).collect::<serde_json::Result<_>>();
        formats.map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Formats {
    fn schema_name() -> Cow<'static, str> {
        "Formats".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let texts: Vec<&str> = FORMATS.iter().map(|format| format.about).collect();
        let other: Map<String, Value> =
            SPELLINGS.iter().map(|(word, meant)| ((*word).to_owned(), (*meant).into())).collect();
        json_schema!({
            "type": ["string", "array"],
            "pattern": format!("^({})$", words.join("|")),
            "patternErrorMessage": format!("must be {}, or a list of them", Format::listed()),
            "items": {
                "type": "string",
                "enum": words,
                "markdownEnumDescriptions": texts,
                "otherWords": other,
            },
            "minItems": 1,
            "uniqueItems": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: Value) -> Result<Value, String> {
        let formats = serde_json::from_value::<Formats>(value).map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(formats).unwrap())
    }

    #[test]
    fn one_is_a_name_and_several_are_a_list() {
        assert_eq!(written(json!("pt")), Ok(json!("pt")));
        assert_eq!(written(json!(["pt"])), Ok(json!("pt")));
        assert_eq!(written(json!(["pt", "onnx"])), Ok(json!(["pt", "onnx"])));
        assert!(written(json!(["onnx", "onxx"])).unwrap_err().starts_with("there is no format `onxx`"));
    }
}
