//! What a file says of its model, however its format carries it.

mod python;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    yaml,
};

/// The entries of a file's metadata by their keys ([`Model::metadata`](super::Model::metadata)).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told(pub BTreeMap<String, Value>);

impl Told {
    /// From texts alone, as ONNX and Core ML carry them: a list or dictionary is a text as Python writes it.
    pub(super) fn from_texts(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(entries.into_iter().map(|(key, text)| (key, Value::String(text))).collect())
    }

    /// From the text of a JSON object.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn from_json(text: &str) -> Result<Self> {
        let entries: Result<Map<String, Value>, _> = serde_json::from_str(text);
        let entries =
            entries.map_err(|error| Error::new("its metadata are no JSON object").because(error))?;
        Ok(Self(entries.into_iter().collect()))
    }

    /// Channels, height and width of the images, as far as they are told.
    pub(super) fn image_sizes(&self) -> [Option<usize>; 3] {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        let side = |at: usize| self.0.get("imgsz").and_then(|sides| size(sides.get(at)?));
        [self.0.get("channels").and_then(size), side(0), side(1)]
    }

    /// From a `metadata.yaml`.
    ///
    /// # Errors
    /// If it is no YAML, or no map of keys.
    pub(super) fn from_yaml(text: &str) -> Result<Self> {
        match yaml::parse_metadata(text) {
            Ok(Value::Object(entries)) => Ok(Self(entries.into_iter().collect())),
            _ => Err(Error::new("its metadata.yaml is no map of keys")),
        }
    }

    /// The names of the classes by index; none if the file does not tell them.
    ///
    /// # Errors
    /// If what it tells can't be understood.
    pub fn names(&self) -> Result<Option<Vec<String>>> {
        let Some(told) = self.own("names").or_else(|| self.0.get("names").cloned()) else { return Ok(None) };
        let names = match told {
            Value::String(text) => python::names(&text),
            Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
            Value::Object(names) => by_class(&names),
            _ => None,
        };
        names.map(Some).ok_or_else(|| Error::new("its `names` are not one text for each class"))
    }

    /// Side of the square images that the network is for, in pixels; none if the file does not tell it.
    pub fn size(&self) -> Option<usize> {
        let told = self.0.get("imgsz")?;
        let told =
            told.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| told.clone());
        let side = |side: &Value| side.as_u64().and_then(|side| usize::try_from(side).ok());
        match told.as_array().map(Vec::as_slice) {
            Some([height, width]) => side(height).filter(|height| Some(*height) == side(width)),
            Some(_) => None,
            None => side(&told),
        }
    }

    /// What happens to an image before the network sees it, as in a pipeline file; none if the file does not tell it.
    pub fn eval(&self) -> Option<Value> {
        self.own("preprocessing")?.get("steps").cloned()
    }

    /// Refuses a network that the file itself says to be for something else than to classify.
    ///
    /// # Errors
    /// If it says so.
    pub fn must_classify(&self) -> Result<()> {
        match self.0.get("task").and_then(Value::as_str) {
            None | Some("classify") => Ok(()),
            Some(task) => Err(Error::new(format!("it is a network for the task `{task}`, not `classify`"))
                .help("Kiln runs image classifiers alone")),
        }
    }

    /// What Kiln itself wrote under this key: a value, or where a carrier has texts alone, its JSON.
    fn own(&self, key: &str) -> Option<Value> {
        match self.0.get(&format!("kiln.{key}")) {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            _ => self.0.get("kiln")?.get(key).cloned(),
        }
    }
}

/// The names in a map whose keys are numbers of classes.
fn by_class(names: &Map<String, Value>) -> Option<Vec<String>> {
    let name = |(class, name): (&String, &Value)| Some((class.parse().ok()?, name.as_str()?.to_owned()));
    python::in_order(names.iter().map(name).collect::<Option<_>>()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(entries: Value) -> Told {
        let Value::Object(entries) = entries else { panic!("entries are an object") };
        Told(entries.into_iter().collect())
    }

    #[test]
    fn names_are_found_in_every_carrier() {
        for names in [json!("{0: 'a', 1: 'b'}"), json!(["a", "b"]), json!({"1": "b", "0": "a"})] {
            assert_eq!(told(json!({ "names": names })).names().unwrap().unwrap(), ["a", "b"]);
        }
        let own = [
            json!({"kiln.names": "[\"a\",\"b\"]", "names": "?"}),
            json!({"kiln": {"names": ["a", "b"]}, "names": 3}),
        ];
        for entries in own {
            assert_eq!(told(entries).names().unwrap().unwrap(), ["a", "b"]);
        }
        assert_eq!(told(json!({})).names().unwrap(), None);
        for wrong in [json!("cats"), json!({"1": "b"}), json!({"x": "b"}), json!([1]), json!(2)] {
            let error = told(json!({ "names": wrong })).names().unwrap_err();
            assert_eq!(error.to_string(), "its `names` are not one text for each class");
        }
    }

    #[test]
    fn preprocessing_is_found_in_every_carrier() {
        let steps = json!([{"type": "squash"}]);
        let preprocessing = json!({ "steps": steps });
        for entries in [
            json!({"kiln.preprocessing": preprocessing.to_string()}),
            json!({"kiln": {"preprocessing": preprocessing}}),
        ] {
            assert_eq!(told(entries).eval().unwrap(), steps);
        }
        assert_eq!(told(json!({"kiln": 1, "kiln.preprocessing": "{"})).eval(), None);
    }

    #[test]
    fn the_size_is_found_in_every_carrier() {
        for size in [json!("[64, 64]"), json!([64, 64]), json!("64"), json!(64)] {
            assert_eq!(told(json!({ "imgsz": size })).size(), Some(64));
        }
        for size in [json!("[64, 32]"), json!([64]), json!("big"), json!(-1), json!({})] {
            assert_eq!(told(json!({ "imgsz": size })).size(), None);
        }
    }

    #[test]
    fn another_task_is_refused() {
        assert!(told(json!({})).must_classify().is_ok());
        assert!(told(json!({"task": "classify"})).must_classify().is_ok());
        let error = told(json!({"task": "detect"})).must_classify().unwrap_err();
        assert_eq!(error.to_string(), "it is a network for the task `detect`, not `classify`");
    }
}
