//! What a file says about its model, so that a program can feed it and name what comes out.

use serde_json::{Map, Value, json};

use super::Model;
use crate::arch::computation::COLORS;

impl Model<'_> {
    /// What the model is, in a few words.
    pub fn description(&self) -> String {
        format!("{} image classifier for {} classes", self.arch.name, self.names.len())
    }

    /// The reference's metadata (docs/reference.md, ONNX), so that its tools can use the file, and Kiln's own under `kiln`:
    /// names by index as text. No date: the same model must give the same bytes.
    pub(super) fn metadata_json(&self) -> Value {
        Value::Object(self.entries())
    }

    fn entries(&self) -> Map<String, Value> {
        let names: Map<String, Value> =
            self.names.iter().enumerate().map(|(class, name)| (class.to_string(), json!(name))).collect();
        let entries = [
            ("description", json!(self.description())),
            ("author", json!("Kiln")),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
            ("stride", json!(1)),
            ("task", json!("classify")),
            ("batch", json!(1)),
            ("imgsz", json!([self.size, self.size])),
            ("channels", json!(COLORS)),
            ("names", Value::Object(names)),
            ("kiln", Value::Object(self.own())),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// What Kiln needs to use the file again.
    fn own(&self) -> Map<String, Value> {
        let own = [
            ("arch", json!(self.arch.name)),
            ("names", json!(self.names)),
            ("preprocessing", self.preprocessing()),
        ];
        own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The same for a carrier that has texts alone: lists and names as Python writes them, and Kiln's own as JSON under
    /// `kiln.`.
    pub(super) fn metadata(&self) -> Vec<(String, String)> {
        let mut entries = self.entries();
        entries.remove("kiln");
        let text = |(key, value): (String, Value)| match key.as_str() {
            "names" => (key, python_names(self.names)),
            "imgsz" => (key, format!("[{size}, {size}]", size = self.size)),
            _ => (key, plain(&value)),
        };
        let own = self.own().into_iter().map(|(key, value)| (format!("kiln.{key}"), plain(&value)));
        entries.into_iter().map(text).chain(own).collect()
    }

    /// The same as the text of a `metadata.yaml`, whose names have whole numbers as keys.
    pub(super) fn metadata_yaml(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.entries() {
            match value {
                // Unquoted, as the reference looks classes up by number.
                Value::Object(names) if key == "names" => {
                    text.push_str("names:\n");
                    names.iter().for_each(|(class, name)| text.push_str(&format!("  {class}: {name}\n")));
                }
                value => text.push_str(&format!("{key}: {value}\n")),
            }
        }
        text
    }

    /// How an image becomes what the network takes.
    fn preprocessing(&self) -> Value {
        let mut told = json!({
            "size": self.size,
            "color": "RGB",
            "layout": self.options.layout.initials(),
            "divide_by": 255,
            "steps": self.eval,
        });
        if self.options.include.is_some() {
            told["included"] = json!(true);
        }
        told
    }
}

/// A text as it is, and anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Names by index, as Python writes a dictionary: `{0: 'cat', 1: 'dog'}`.
fn python_names(names: &[String]) -> String {
    let names: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{i}: {}", python_text(name))).collect();
    format!("{{{}}}", names.join(", "))
}

/// Text as Python writes it in a literal.
fn python_text(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal + "'"
}
