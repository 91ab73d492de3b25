//! What may be written at a place of a pipeline file, and what it means: for who completes it and explains it.

use serde_json::Value;

use super::{editor, origin::Origins, problem::DocPath, schema, shape::Shapes};
use crate::node::Kind;

/// The schema of a file as it is written, in the plain form of one whose references are resolved.
#[derive(Debug)]
pub struct Manual {
    schema: Value,
    /// Nothing comes from elsewhere.
    origins: Origins,
}

impl Manual {
    /// The manual of files made of these kinds.
    pub fn of(kinds: &[Kind]) -> Self {
        let mut schema = schema::pipeline(kinds);
        let written = schema::written(kinds);
        // Keys that are gone once references are resolved.
        for top in [&written["definitions"]["part"]["properties"], &written["properties"]] {
            for (key, property) in top.as_object().into_iter().flatten().filter(|(_, it)| it.is_object()) {
                let known = schema["properties"].as_object_mut().expect("a file has keys");
                known.entry(key).or_insert_with(|| property.clone());
            }
        }
        Self { schema, origins: Origins::default() }
    }

    /// What the schema says about the value at a path of a document, whose tags choose; null if nothing.
    pub fn at<'a>(&'a self, document: &'a Value, path: &DocPath) -> &'a Value {
        let shapes =
            Shapes { schema: &self.schema, document, source: None, origins: &self.origins, kinds: &[] };
        // Which tags there are is no longer said once one is chosen.
        match &shapes.unchosen(&path.parent())["properties"]["type"] {
            tag @ Value::Object(_) if path.last_key() == "type" => tag,
            _ => shapes.at(path),
        }
    }

    /// The text for people that a schema has, in Markdown, with the words that may stand there and what they mean.
    pub fn text(schema: &Value) -> String {
        let text = schema.get("markdownDescription").or_else(|| schema.get("description"));
        let text = text.and_then(Value::as_str).unwrap_or_default();
        // Where several may stand in a list, the list knows the words.
        let lists = if schema["type"].is_array() { &schema["items"] } else { schema };
        match &lists["enum"] {
            words @ Value::Array(_) => {
                format!("{text}\n{}", editor::listed(words, &lists["markdownEnumDescriptions"]))
            }
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nodes::KINDS;

    #[test]
    fn every_key_of_a_file_is_explained_where_it_stands() {
        let manual = Manual::of(KINDS);
        let document =
            json!({ "nodes": { "p": { "type": "transforms", "train": [{ "type": "random_erasing" }] } } });
        let text = |path: DocPath| Manual::text(manual.at(&document, &path));
        assert!(text(["params"].into()).contains("`${params.NAME}`"));
        assert!(text(["nodes", "p", "size"].into()).contains("A whole number"));
        let erasing = DocPath::from(["nodes", "p", "train"]).join(0);
        assert!(text(erasing.join("p")).starts_with("Probability"));
        assert!(text(erasing.join("type")).contains("* `random_erasing`: Sets a random rectangle to zero."));
        assert_eq!(text(erasing.join("lr0")), "");
    }
}
