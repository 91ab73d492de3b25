//! Flags made of a kind's keys: their help, values and defaults are those of the schema, so that a key is described
//! once, where it is defined.

use clap::{
    Arg, ArgAction, ArgMatches,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _},
};
use serde_json::{Map, Value};

use crate::{node::Kind, spec};

/// The flags of a kind's keys that name no other node: what `--help` shows. `common` are those that `-h` shows, too.
pub(super) fn flags(kind: &Kind, common: &[&str]) -> Vec<Arg> {
    let properties = properties(kind);
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let flag = |key: &&str| flag(key, &properties[*key], &names).hide_short_help(!common.contains(key));
    names.iter().map(flag).collect()
}

/// What was given of the kind's keys.
pub(super) fn given(kind: &Kind, matches: &ArgMatches) -> Map<String, Value> {
    let given = |(key, schema): (String, Value)| {
        let mut values = matches.get_many::<Value>(&key)?.cloned();
        let value = if is_list(&schema) { values.collect() } else { values.next()? };
        Some((key, value))
    };
    properties(kind).into_iter().filter_map(given).collect()
}

/// The schemas of the keys that can be flags, in the order in which they are defined.
fn properties(kind: &Kind) -> Map<String, Value> {
    let mut schema = spec::schema::pipeline(std::slice::from_ref(kind));
    let Value::Object(mut properties) = schema["definitions"][kind.name]["properties"].take() else {
        return Map::new();
    };
    let refers: Vec<&str> = kind.inputs().map(|(key, _)| key).collect();
    properties.retain(|key, schema| {
        // The tag has no schema of its own.
        schema.is_object() && schema["type"] != "object" && !refers.contains(&key.as_str())
    });
    properties
}

fn flag(key: &str, schema: &Value, keys: &[&str]) -> Arg {
    let text = as_flags(schema["description"].as_str().unwrap_or_default(), keys);
    let default = match &schema["default"] {
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        Value::String(word) => format!(" [default: {word}]"),
        value => format!(" [default: {value}]"),
    };
    let arg = Arg::new(key.to_owned())
        .long(key.replace('_', "-"))
        .help(format!("{}{default}", first_sentence(&text)))
        .long_help(format!("{text}{default}"))
        .action(ArgAction::Set);
    takes(arg, schema)
}

/// The flag with what it takes as values.
fn takes(arg: Arg, schema: &Value) -> Arg {
    if let Some(choices) = choices(schema) {
        return arg.value_name("NAME").value_parser(PossibleValuesParser::new(choices).map(Value::from));
    }
    let schema_of_one = if is_list(schema) { &schema["items"] } else { schema };
    let arg = if is_list(schema) { arg.value_delimiter(',') } else { arg };
    match schema_of_one["type"].as_str() {
        Some("integer") => arg.value_name("N").value_parser(whole_number),
        Some("number") => arg.value_name("NUMBER").value_parser(number),
        Some("boolean") => arg.value_name("true|false").value_parser(truth),
        Some(_) => arg.value_name("TEXT").value_parser(text),
        None => arg.value_name("N").value_parser(number_or_word),
    }
}

/// The words that a key takes, with what each means, if it is a choice.
fn choices(schema: &Value) -> Option<Vec<PossibleValue>> {
    let words = schema["enum"].as_array()?.iter().filter_map(Value::as_str);
    let meanings = schema["markdownEnumDescriptions"].as_array()?.iter().filter_map(Value::as_str);
    let choice = |(word, meaning): (&str, &str)| {
        PossibleValue::new(word.to_owned()).help(meaning.replace('`', "").trim_end_matches('.').to_owned())
    };
    Some(words.zip(meanings).map(choice).collect())
}

fn is_list(schema: &Value) -> bool {
    schema["type"] == "array"
}

/// A description with its keys as flags: "`schedule: step`" becomes "--schedule step".
fn as_flags(description: &str, keys: &[&str]) -> String {
    let part = |(i, part): (usize, &str)| {
        let (key, value) = part.split_once(": ").unwrap_or((part, ""));
        match i % 2 == 1 && keys.contains(&key) {
            true => format!("--{} {value}", key.replace('_', "-")).trim_end().to_owned(),
            false => part.to_owned(),
        }
    };
    let text: String = description.split('`').enumerate().map(part).collect();
    text.replace("\n\n", " ").trim_end_matches('.').to_owned()
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

fn whole_number(text: &str) -> Result<Value, String> {
    text.parse::<u64>().map(Value::from).map_err(|_| "must be a whole number".to_owned())
}

fn number(text: &str) -> Result<Value, String> {
    let number = || text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number);
    whole_number(text).ok().or_else(number).ok_or_else(|| "must be a number".to_owned())
}

fn truth(text: &str) -> Result<Value, String> {
    text.parse::<bool>().map(Value::from).map_err(|_| "must be true or false".to_owned())
}

fn number_or_word(text: &str) -> Result<Value, String> {
    Ok(whole_number(text).unwrap_or_else(|_| text.into()))
}

fn text(text: &str) -> Result<Value, String> {
    Ok(text.into())
}
