//! Flags made of a kind's keys: their help, values and defaults are those of the schema, so that a key is described
//! once, where it is defined.

use clap::{
    Arg, ArgAction, ArgMatches,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _},
};
use serde_json::{Map, Value};

use super::flags::{flag_of, name_of};
use crate::{node::Kind, spec};

/// What a flag takes that is true or false.
const TRUTH: &str = "true|false";

/// The flags of a kind's keys that name no other node: what `--help` shows. `common` are those that `-h` shows, too.
pub(super) fn flags(kind: &Kind, common: &[&str]) -> Vec<Arg> {
    let properties = properties(kind);
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let flag = |key: &&str| flag(key, &properties[*key], &names).hide_short_help(!common.contains(key));
    names.iter().map(flag).collect()
}

/// What was given of the kind's keys.
pub(super) fn given(kind: &Kind, matches: &ArgMatches) -> Map<String, Value> {
    given_but("", kind, matches)
}

/// The same but for a key whose flag is made elsewhere.
pub(super) fn given_but(other: &str, kind: &Kind, matches: &ArgMatches) -> Map<String, Value> {
    let given = |(key, schema): (String, Value)| {
        let mut values = matches.get_many::<Value>(&key)?.cloned();
        let value = if is_list(&schema) { values.collect() } else { values.next()? };
        Some((key, value))
    };
    properties(kind).into_iter().filter(|(key, _)| key != other).filter_map(given).collect()
}

/// A flag of a key that is true or false: by itself it says true, and `=false` behind it the other.
pub(super) fn switched(flag: Arg) -> Arg {
    let is_truth = flag.get_value_names().is_some_and(|names| names.iter().any(|name| name == TRUTH));
    if !is_truth {
        return flag;
    }
    flag.num_args(0..=1).require_equals(true).default_missing_value("true")
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
        // `1.0` as 1.
        value => {
            format!(" [default: {}]", value.as_f64().map_or(value.to_string(), |number| number.to_string()))
        }
    };
    let arg = Arg::new(key.to_owned())
        .long(name_of(key))
        .help(format!("{}{default}", first_sentence(&text)))
        .long_help(format!("{text}{default}"))
        .action(ArgAction::Set);
    takes(arg, schema, keys)
}

/// The flag with what it takes as values.
fn takes(arg: Arg, schema: &Value, keys: &[&str]) -> Arg {
    if let Some(choices) = choices(schema, keys) {
        return arg.value_name("NAME").value_parser(PossibleValuesParser::new(choices).map(Value::from));
    }
    let (arg, schema) = match is_list(schema) {
        true => (arg.value_delimiter(','), &schema["items"]),
        false => (arg, schema),
    };
    let range = Range::of(schema);
    match schema["type"].as_str() {
        Some("integer") => arg.value_name("N").value_parser(move |text: &str| range.whole_number(text)),
        Some("number") => arg.value_name("NUMBER").value_parser(move |text: &str| range.number(text)),
        Some("boolean") => arg.value_name(TRUTH).value_parser(truth),
        Some(_) => arg.value_name("TEXT").value_parser(word),
        // A number or a word: what is a number is not a wrong word.
        None => arg.value_name("N").value_parser(move |text: &str| match text.parse::<u64>() {
            Ok(_) => range.whole_number(text),
            Err(_) => word(text),
        }),
    }
}

/// The words that a key takes, with what each means, if it is a choice.
fn choices(schema: &Value, keys: &[&str]) -> Option<Vec<PossibleValue>> {
    let words = schema["enum"].as_array()?.iter().filter_map(Value::as_str);
    let meanings = schema["markdownEnumDescriptions"].as_array()?.iter().filter_map(Value::as_str);
    let choice =
        |(word, meaning): (&str, &str)| PossibleValue::new(word.to_owned()).help(as_flags(meaning, keys));
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
            true => format!("{} {value}", flag_of(key)).trim_end().to_owned(),
            false => part.to_owned(),
        }
    };
    let text: String = description.split('`').enumerate().map(part).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

/// The smallest and the largest value of a key.
#[derive(Debug, Clone, Copy)]
struct Range(f64, f64);

impl Range {
    fn of(schema: &Value) -> Self {
        let bound = |name: &str, none| schema[name].as_f64().unwrap_or(none);
        Self(bound("minimum", f64::NEG_INFINITY), bound("maximum", f64::INFINITY))
    }

    fn whole_number(self, text: &str) -> Result<Value, String> {
        let number: u64 = text.parse().map_err(|_| "write a whole number")?;
        self.holds(number as f64).map(|()| number.into())
    }

    fn number(self, text: &str) -> Result<Value, String> {
        // `3` stays `3`.
        if text.parse::<u64>().is_ok() {
            return self.whole_number(text);
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or("write a number")?;
        self.holds(number).map(|()| number.into())
    }

    fn holds(self, number: f64) -> Result<(), String> {
        let Self(low, high) = self;
        match (low..=high).contains(&number) {
            true => Ok(()),
            false if high.is_infinite() => Err(format!("it must be at least {low}")),
            false => Err(format!("it must be from {low} to {high}")),
        }
    }
}

fn truth(text: &str) -> Result<Value, String> {
    text.parse::<bool>().map(Value::from).map_err(|_| "write true or false".to_owned())
}

fn word(text: &str) -> Result<Value, String> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::train::Train;

    const KIND: Kind = Kind::of::<Train>();

    fn train(line: &str) -> Result<Map<String, Value>, String> {
        let command = clap::Command::new("train").no_binary_name(true).args(flags(&KIND, &[]));
        let matches = command.try_get_matches_from(line.split(' ')).map_err(|refused| refused.to_string())?;
        Ok(given(&KIND, &matches))
    }

    #[test]
    fn every_key_but_ports_and_mappings_is_a_flag() {
        let schema = (KIND.schema)().to_value();
        let keys = schema["properties"].as_object().unwrap().keys().map(String::as_str);
        let flags: Vec<String> = flags(&KIND, &[]).iter().map(|flag| flag.get_id().to_string()).collect();
        let none: Vec<&str> = keys.filter(|key| !flags.contains(&(*key).to_owned())).collect();
        assert_eq!(none, ["model", "dataset", "transforms", "class_weights"]);
    }

    #[test]
    fn values_have_the_types_of_the_schema() {
        let line = "--ema false --lr0 1e-3 --mixup 1 --freeze-rows 1,2 --freeze-names a,b* --batch auto --schedule step";
        assert_eq!(
            Value::from(train(line).unwrap()),
            serde_json::json!({ "ema": false, "lr0": 0.001, "mixup": 1, "freeze_rows": [1, 2],
                "freeze_names": ["a", "b*"], "batch": "auto", "schedule": "step" })
        );
    }

    #[test]
    fn values_outside_of_the_schema_are_refused() {
        for line in [
            "--epochs 0",
            "--batch 0",
            "--batch 65537",
            "--lr0 2",
            "--lr0 nan",
            "--lr0 -1",
            "--ema maybe",
            "--optimizer adan",
            "--freeze -1",
        ] {
            assert!(train(line).is_err(), "{line}");
        }
    }

    #[test]
    fn descriptions_speak_of_flags() {
        assert_eq!(
            as_flags(
                "Epochs of `schedule: step`, as `lr0` and `x`; `nominal_batch`.\n\nMore.",
                &["schedule", "lr0", "nominal_batch"]
            ),
            "Epochs of --schedule step, as --lr0 and x; --nominal-batch. More"
        );
    }
}
