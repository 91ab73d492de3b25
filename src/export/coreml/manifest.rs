//! `Manifest.json`: which files a package has.

use serde_json::json;

/// What the model is called below `Data`.
pub(super) const MODEL: &str = "com.apple.CoreML/model.mlmodel";
/// The folder of what it needs.
const WEIGHTS: &str = "com.apple.CoreML/weights";

/// The manifest's text, of a package with these bytes in its model. Items need identifiers, which follow from them: the
/// same model gives the same bytes.
pub(super) fn text(model: &[u8]) -> String {
    let [specification, weights] = ["model", "weights"].map(|item| identifier(item, model));
    let item = |name: &str, description: &str, path: &str| json!({ "author": "com.apple.CoreML", "description": description, "name": name, "path": path });
    let manifest = json!({
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            (weights.as_str()): item("weights", "CoreML Model Weights", WEIGHTS),
            (specification.as_str()): item("model.mlmodel", "CoreML Model Specification", MODEL),
        },
        "rootModelIdentifier": specification,
    });
    format!("{manifest:#}\n")
}

/// A UUID (RFC 9562, version 8: of the writer's own making) of an item.
fn identifier(item: &str, model: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(item.as_bytes()).update(model);
    let digest = hasher.finalize().to_hex().to_uppercase();
    let [a, b, c, d, e] = [0..8, 8..12, 13..16, 17..20, 20..32].map(|part| &digest[part]);
    format!("{a}-{b}-8{c}-8{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_from_the_model() {
        assert_eq!(text(b"a"), text(b"a"));
        assert_ne!(text(b"a"), text(b"b"));
        let uuid = identifier("model", b"a");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((lengths, &uuid[14..15], &uuid[19..20]), (vec![8, 4, 4, 4, 12], "8", "8"));
    }
}
