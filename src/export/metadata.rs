//! What a file says about its model, so that a program can feed it and name what comes out.

use serde_json::{Map, Value, json};

use super::Model;
use crate::arch::computation::COLORS;

impl Model<'_> {
    /// What the model is, in a few words.
    pub fn description(&self) -> String {
        format!("{} image classifier for {} classes", self.arch.name, self.names.len())
    }

    /// The reference's metadata as texts (docs/reference.md, ONNX), so that its tools can use the file, and Kiln's own
    /// as JSON under `kiln.`. No date: the same model must give the same bytes.
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![
            ("description", self.description()),
            ("author", "Kiln".to_owned()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("stride", "1".to_owned()),
            ("task", "classify".to_owned()),
            ("batch", "1".to_owned()),
            ("imgsz", format!("[{size}, {size}]", size = self.size)),
            ("channels", COLORS.to_string()),
            ("names", python_names(self.names)),
            ("kiln.arch", self.arch.name.clone()),
            ("kiln.names", json!(self.names).to_string()),
            ("kiln.preprocessing", self.preprocessing().to_string()),
        ]
    }

    /// The same where a carrier has numbers, lists and maps of its own, as JSON: names by index as text.
    pub(super) fn metadata_json(&self) -> Value {
        let names: Map<String, Value> =
            self.names.iter().enumerate().map(|(class, name)| (class.to_string(), json!(name))).collect();
        json!({
            "description": self.description(),
            "author": "Kiln",
            "version": env!("CARGO_PKG_VERSION"),
            "stride": 1,
            "task": "classify",
            "batch": 1,
            "imgsz": [self.size, self.size],
            "channels": COLORS,
            "names": names,
            "kiln": { "arch": self.arch.name, "names": self.names, "preprocessing": self.preprocessing() },
        })
    }

    /// The same as the text of a `metadata.yaml`, whose names have whole numbers as keys.
    pub(super) fn metadata_yaml(&self) -> String {
        let Value::Object(entries) = self.metadata_json() else { unreachable!("it is made as an object") };
        let mut text = String::new();
        for (key, value) in entries {
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
        json!({
            "size": self.size,
            "color": "RGB",
            "layout": "NCHW",
            "divide_by": 255,
            "steps": self.eval,
        })
    }
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
