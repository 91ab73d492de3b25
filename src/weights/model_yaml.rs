//! The model YAML that a checkpoint carries as a dict, written as text in the reference's format.

use std::fmt::Write as _;

use super::item::View;

/// Keys that say what the network is, in the order in which they are written. Others, such as the
/// path of the file that it came from, are left out.
const KEYS: [&str; 7] = ["nc", "scales", "scale", "channels", "activation", "backbone", "head"];
/// Deepest nesting; a row's argument list is at depth 3.
const MAX_DEPTH: usize = 6;
/// Longest plain word, in bytes.
const MAX_WORD: usize = 100;
/// Longest text, in bytes.
const MAX_LENGTH: usize = 1 << 20;

/// The text, or `None` if the dict is not a model YAML.
pub(super) fn text(yaml: View<'_>) -> Option<String> {
    let mut text = String::new();
    for key in KEYS {
        let Some(value) = yaml.get(key).filter(|value| !value.is_none()) else { continue };
        match key {
            "backbone" | "head" => {
                writeln!(text, "{key}:").ok()?;
                value.elements().try_for_each(|row| line(&mut text, "  - ", row))?;
            }
            "scales" => {
                writeln!(text, "{key}:").ok()?;
                value.entries().try_for_each(|(name, scale)| {
                    line(&mut text, &format!("  {}: ", name.str().filter(|name| is_plain(name))?), scale)
                })?;
            }
            _ => line(&mut text, &format!("{key}: "), value)?,
        }
    }
    ["backbone", "head"].iter().all(|key| yaml.get(key).is_some()).then_some(text)
}

/// Adds a line with a value.
fn line(text: &mut String, start: &str, value: View<'_>) -> Option<()> {
    text.push_str(start);
    write_flow(text, value, 0)?;
    text.push('\n');
    Some(())
}

fn write_flow(text: &mut String, value: View<'_>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH || text.len() > MAX_LENGTH {
        return None;
    }
    if let Some(flag) = value.bool() {
        text.push_str(if flag { "True" } else { "False" });
    } else if let Some(number) = value.int() {
        write!(text, "{number}").ok()?;
    } else if let Some(number) = value.float() {
        write!(text, "{number:?}").ok()?;
    } else if let Some(word) = value.str().filter(|word| word.len() <= MAX_LENGTH) {
        text.push_str(&scalar(word));
    } else if value.is_sequence() {
        text.push('[');
        for (i, part) in value.elements().enumerate() {
            text.push_str(if i == 0 { "" } else { ", " });
            write_flow(text, part, depth + 1)?;
        }
        text.push(']');
    } else {
        value.is_none().then(|| text.push_str("null"))?;
    }
    Some(())
}

/// Plain where that can't be mistaken for anything else, else in double quotes.
fn scalar(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

fn is_plain(word: &str) -> bool {
    word.len() <= MAX_WORD
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.()".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&word.to_lowercase().as_str())
}
