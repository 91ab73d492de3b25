//! `matrix: { draw: 20 }`: points of a sweep that are drawn at random, in place of all combinations.

use serde_json::{Map, Number, Value};

use super::{expects::brief, problem::DocPath};
use crate::{random::Random, suggest};

/// The key that says how many points are drawn.
pub(super) const KEY: &str = "draw";
/// The keys of a range.
const MIN: &str = "min";
const MAX: &str = "max";
const SCALE: &str = "scale";
const KEYS: [&str; 3] = [MIN, MAX, SCALE];

/// What the values of a swept parameter are taken from.
pub(super) enum Space {
    /// These, with where each is written.
    List(Vec<(Value, DocPath)>),
    /// Numbers of a range, with where that is written.
    Range(Range, DocPath),
}

impl Space {
    /// A value: of a list each is as likely as the others.
    pub(super) fn draw(&self, random: &mut Random) -> (Value, DocPath) {
        match self {
            Self::List(values) => values[random.below(values.len())].clone(),
            Self::Range(range, at) => (range.draw(random), at.clone()),
        }
    }
}

/// Numbers from a lowest to a highest one, uniform on a scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    low: f64,
    high: f64,
    /// Whether the numbers are whole: both ends are written so.
    whole: bool,
    /// Whether each order of magnitude is as likely as the others.
    log: bool,
}

/// A mistake in a range: the key that it is at, if at one, and what is wrong.
pub(super) struct RangeFault {
    pub key: Option<String>,
    /// Whether it is the key that is wrong, not its value.
    pub is_key: bool,
    pub message: String,
    pub label: String,
    /// The key that was meant, where only one can be.
    pub meant: Option<&'static str>,
}

impl Range {
    /// Reads `{ min: 0.001, max: 0.1, scale: log }`.
    ///
    /// # Errors
    /// The first mistake in it.
    pub(super) fn read(map: &Map<String, Value>) -> Result<Self, RangeFault> {
        if let Some(unknown) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(unknown_key(unknown));
        }
        let (low, high) = (end(map, MIN)?, end(map, MAX)?);
        let log = match map.get(SCALE).map(|scale| (scale, scale.as_str())) {
            None | Some((_, Some("linear"))) => false,
            Some((_, Some("log"))) => true,
            Some((other, _)) => {
                let message =
                    format!("`{SCALE}` is `{}`, and must be `linear` or `log`", brief(&other.to_string()));
                return Err(at(SCALE, message, "not one of them"));
            }
        };
        let [min, max] = [low, high].map(|end| end.as_f64().unwrap_or_default());
        match () {
            () if min >= max => Err(at(MAX, format!("`{MAX}` must be above `{MIN}`, {min}"), "too small")),
            () if log && min <= 0.0 => {
                Err(at(MIN, format!("on the scale `log`, `{MIN}` must be above 0"), "has no logarithm"))
            }
            () => {
                let whole = !low.is_f64() && !high.is_f64();
                Ok(Self { low: min, high: max, whole, log })
            }
        }
    }

    /// A number, with three significant digits if it is not whole: it stands in the name of a point.
    fn draw(&self, random: &mut Random) -> Value {
        let (low, high) = match self.whole {
            true => (self.low - 0.5, self.high + 0.5),
            false => (self.low, self.high),
        };
        let number = match self.log {
            true => random.uniform(low.ln(), high.ln()).exp(),
            false => random.uniform(low, high),
        };
        if self.whole {
            return Value::from(number.round().clamp(self.low, self.high) as i64);
        }
        let short = format!("{number:.2e}").parse().unwrap_or(number);
        Number::from_f64(short.clamp(self.low, self.high)).map_or(Value::Null, Value::Number)
    }
}

fn end<'m>(map: &'m Map<String, Value>, key: &str) -> Result<&'m Number, RangeFault> {
    match map.get(key) {
        Some(Value::Number(number)) => Ok(number),
        Some(_) => Err(at(key, format!("`{key}` must be a number"), "something else")),
        None => {
            let message = format!("the range has no `{key}`");
            Err(RangeFault { key: None, ..at(key, message, "write `{ min: 0.001, max: 0.1, scale: log }`") })
        }
    }
}

fn unknown_key(key: &str) -> RangeFault {
    let label = match suggest::closest(key, KEYS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("a range has `{MIN}`, `{MAX}` and `{SCALE}`"),
    };
    let fault = at(key, format!("unknown key `{}` in a range", brief(key)), &label);
    RangeFault { is_key: true, meant: suggest::only(key, KEYS), ..fault }
}

fn at(key: &str, message: String, label: &str) -> RangeFault {
    RangeFault { key: Some(key.to_owned()), is_key: false, message, label: label.to_owned(), meant: None }
}

/// The stream of random numbers for the value of a parameter at a point: a parameter that is added changes no other one's.
pub(super) fn stream(seed: u64, parameter: &str, number: usize) -> Random {
    Random::new(&format!("sweep {parameter}"), &[seed, number as u64])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range(value: Value) -> Result<Range, String> {
        Range::read(value.as_object().unwrap()).map_err(|fault| fault.message)
    }

    fn drawn(value: Value) -> Vec<Value> {
        let range = range(value).unwrap();
        (0..2000).map(|number| range.draw(&mut stream(0, "lr", number))).collect()
    }

    #[test]
    fn numbers_are_within_their_range_and_whole_where_its_ends_are() {
        let rates = drawn(json!({ "min": 0.001, "max": 0.1, "scale": "log" }));
        let rates: Vec<f64> = rates.iter().map(|rate| rate.as_f64().unwrap()).collect();
        assert!(rates.iter().all(|rate| (0.001..=0.1).contains(rate)));
        // Half of them lie in each of the two orders of magnitude.
        let low = rates.iter().filter(|rate| **rate < 0.01).count();
        assert!((900..1100).contains(&low), "{low}");
        let sizes = drawn(json!({ "min": 1, "max": 4 }));
        for size in 1..=4 {
            let count = sizes.iter().filter(|drawn| **drawn == json!(size)).count();
            assert!((400..600).contains(&count), "{size}: {count}");
        }
        assert!(drawn(json!({ "min": 16, "max": 256, "scale": "log" })).iter().all(Value::is_i64));
    }

    #[test]
    fn mistakes_in_a_range_are_told() {
        let told = [
            json!({ "min": 1 }),
            json!({ "min": 1, "maxx": 2, "max": 2 }),
            json!({ "min": 2, "max": 1 }),
            json!({ "min": "a", "max": 1 }),
            json!({ "min": 0, "max": 1, "scale": "log" }),
            json!({ "min": 0, "max": 1, "scale": "square" }),
        ];
        let told: Vec<_> = told.map(|value| range(value).unwrap_err()).to_vec();
        insta::assert_snapshot!(told.join("\n"));
    }
}
