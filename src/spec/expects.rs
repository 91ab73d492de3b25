//! A schema in words: what may stand at a place.

use serde_json::Value;

use crate::suggest;

/// What a schema wants, e.g. `a whole number of at least 1`.
pub(super) fn expects(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(plain).collect();
        return suggest::list(&words, "or", "nothing");
    }
    if let Some(words) = schema["items"]["enum"].as_array().filter(|_| schema["type"].is_array()) {
        let words: Vec<String> = words.iter().map(plain).collect();
        return format!("{}, or a list of them", suggest::list(&words, "or", "nothing"));
    }
    if let Some([first, _]) = schema["type"].as_array().map(Vec::as_slice) {
        let mut number = schema.clone();
        number["type"] = first.clone();
        return format!("{}, or `{}`", expects(&number), word(schema));
    }
    let range = range(schema).map(|range| format!(" {range}")).unwrap_or_default();
    let of_range = if range.starts_with(" at") { format!(" of{range}") } else { range.clone() };
    match schema["type"].as_str() {
        Some("integer") => format!("a whole number{of_range}"),
        Some("number") => format!("a number{of_range}"),
        Some("string") => "text".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => format!("a list{}", items(schema)),
        Some("object") => "a mapping (keys and values)".to_owned(),
        _ => "another value".to_owned(),
    }
}

/// The word that a schema of a number or a word has for its pattern: `auto` of `^auto$`.
fn word(schema: &Value) -> &str {
    schema["pattern"].as_str().unwrap_or_default().trim_matches(['^', '$'])
}

fn items(schema: &Value) -> String {
    let count = match (schema["minItems"].as_u64(), schema["maxItems"].as_u64()) {
        (Some(min), Some(max)) if min == max => format!(" of {min}"),
        (Some(min), Some(max)) => format!(" of {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => " of".to_owned(),
    };
    let item = if schema["items"].is_array() { &schema["items"][0] } else { &schema["items"] };
    let one = count.ends_with(" 1");
    let plural = if one { "" } else { "s" };
    match item["type"].as_str() {
        Some("integer") => format!("{count} whole number{plural}"),
        Some("number") => format!("{count} number{plural}"),
        Some("string") => format!("{count} text{plural}"),
        Some("object") => format!("{count} mapping{plural}"),
        Some("array") => format!("{count} list{plural}"),
        _ if count == " of" => String::new(),
        _ => format!("{count} item{plural}"),
    }
}

/// The range of a number, e.g. `from 0 to 1`, `at least 1`, `above 0`.
pub(super) fn range(schema: &Value) -> Option<String> {
    let bound = |inclusive: &str, exclusive: &str| {
        schema
            .get(exclusive)
            .map(|limit| (short(limit), true))
            .or_else(|| schema.get(inclusive).map(|limit| (short(limit), false)))
    };
    match (bound("minimum", "exclusiveMinimum"), bound("maximum", "exclusiveMaximum")) {
        (Some((low, false)), Some((high, false))) => Some(format!("from {low} to {high}")),
        (Some((low, true)), Some((high, false))) => Some(format!("above {low}, at most {high}")),
        (Some((low, false)), Some((high, true))) => Some(format!("at least {low}, below {high}")),
        (Some((low, true)), Some((high, true))) => Some(format!("above {low}, below {high}")),
        (Some((low, false)), None) => Some(format!("at least {low}")),
        (Some((low, true)), None) => Some(format!("above {low}")),
        (None, Some((high, false))) => Some(format!("at most {high}")),
        (None, Some((high, true))) => Some(format!("below {high}")),
        (None, None) => None,
    }
}

/// A limit of a schema as people write it: whole numbers without `.0`.
pub(super) fn short(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// How long a value may be, to be shown on one line.
pub(super) const SHORT: usize = 60;

/// A value on one line, as it would be written in a pipeline file.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        value => plain(value),
    }
}

/// A text as it may stand in a sentence: at most 60 characters of it.
pub(crate) fn brief(text: &str) -> String {
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value without the quotes of JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_read_as_prose() {
        let says = |schema: Value| expects(&schema);
        assert_eq!(says(json!({"type": "integer", "minimum": 1})), "a whole number of at least 1");
        assert_eq!(says(json!({"type": "number", "minimum": 0.0, "maximum": 1})), "a number from 0 to 1");
        assert_eq!(says(json!({"type": "number", "exclusiveMinimum": 0})), "a number above 0");
        let pair = json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2});
        assert_eq!(says(pair), "a list of 2 numbers");
        assert_eq!(says(json!({"type": "array", "items": {"type": "object"}})), "a list of mappings");
        assert_eq!(says(json!({"enum": ["a", "b"]})), "`a` or `b`");
        let one_or_list = json!({"type": ["string", "array"], "items": {"enum": ["a", "b"]}});
        assert_eq!(says(one_or_list), "`a` or `b`, or a list of them");
        let either = json!({"type": ["integer", "string"], "minimum": 1, "maximum": 9, "pattern": "^auto$"});
        assert_eq!(says(either), "a whole number from 1 to 9, or `auto`");
    }
}
