//! Values of the environment, which is all text, read as what their keys want.

use serde_json::Value;

use super::{problem::DocPath, shape::Shapes};
use crate::yaml;

/// The document with each value that comes from the environment alone as its key wants it: where that takes no text,
/// what the text says in YAML.
pub(super) fn typed(shapes: &Shapes<'_>) -> Value {
    let mut typed = shapes.document.clone();
    for path in shapes.origins.untyped() {
        if let (Some(value), Some(place)) = (read(shapes, path), path.of_mut(&mut typed)) {
            *place = value;
        }
    }
    typed
}

/// The value that a text is where no text is wanted.
fn read(shapes: &Shapes<'_>, path: &DocPath) -> Option<Value> {
    let wanted = &shapes.at(path)["type"];
    let text = shapes.value(path).as_str().filter(|_| !wanted.is_null() && wanted != "string")?;
    yaml::parse(text).ok().map(|parsed| parsed.value)
}
