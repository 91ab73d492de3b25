//! `halving:`: all points begin with little of something, and only the best go on with more (successive halving: Jamieson and
//! Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", 2016).

use serde_json::{Map, Value};

use super::{
    codes,
    expects::brief,
    extends::Document,
    fix::Fix,
    problem::{DocPath, Problem},
};
use crate::suggest;

/// The key that says how it goes.
pub(super) const KEY: &str = "halving";
/// Its keys.
const OVER: &str = "over";
const VALUES: &str = "values";
const BY: &str = "by";
const FACTOR: &str = "factor";
const BEST: &str = "best";
const KEYS: [&str; 5] = [OVER, VALUES, BY, FACTOR, BEST];
/// One in so many goes on, unless the file says otherwise.
const USUAL_FACTOR: u64 = 3;

/// How points are given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halving {
    /// The parameter of which the points get more and more, e.g. `epochs`.
    pub over: String,
    /// Its values in turn, as they stand in the names of points.
    pub values: Vec<String>,
    /// The node that tells how good a point is, as the file calls it.
    pub node: String,
    /// That node's metric.
    pub metric: String,
    /// One in so many goes on, at least one.
    pub factor: usize,
    /// Whether less of the metric is better.
    pub lowest: bool,
}

impl Halving {
    /// How many of so many go on.
    pub fn kept(&self, trials: usize) -> usize {
        trials.div_ceil(self.factor).max(1)
    }

    /// The metric as it is called in tables, `score.top1`.
    pub fn by(&self) -> String {
        format!("{}.{}", self.node, self.metric)
    }
}

/// What the key says, before the values are part of the points.
pub(super) struct Said<'d> {
    pub over: &'d str,
    pub values: &'d Value,
    node: &'d str,
    metric: &'d str,
    factor: u64,
    lowest: bool,
}

impl Said<'_> {
    /// With the values as they stand in the names of points.
    pub(super) fn with(self, values: Vec<String>) -> Halving {
        Halving {
            over: self.over.to_owned(),
            values,
            node: self.node.to_owned(),
            metric: self.metric.to_owned(),
            factor: self.factor as usize,
            lowest: self.lowest,
        }
    }
}

/// Reads the key; none if the document does not have it, or it is wrong. Adds every mistake in it, but for those in what its
/// parameter is and in the list of its values.
pub(super) fn read<'d>(document: &'d Document<'_>, problems: &mut Vec<Problem>) -> Option<Said<'d>> {
    let value = document.value.get(KEY)?;
    let mut reader = Reader { document, problems };
    let Some(map) = value.as_object() else {
        reader.tell(codes::WRONG_TYPE, "", false, "`halving` must be a mapping", "something else");
        return None;
    };
    reader.said(map)
}

struct Reader<'a, 'd, 'p> {
    document: &'a Document<'d>,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Reader<'a, '_, '_> {
    fn said(&mut self, map: &'a Map<String, Value>) -> Option<Said<'a>> {
        for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let label = suggest::closest(key, KEYS)
                .map_or("not a key of it".to_owned(), |meant| format!("did you mean `{meant}`?"));
            let message = format!("unknown key `{}` in `{KEY}`", brief(key));
            self.tell(codes::UNKNOWN_KEY, key, true, &message, &label);
            self.fix(key, suggest::only(key, KEYS).map(str::to_owned));
        }
        for key in [OVER, VALUES, BY].into_iter().filter(|key| !map.contains_key(*key)) {
            let message = format!("`{KEY}` has no `{key}`");
            self.tell(codes::MISSING_KEY, "", true, &message, &format!("needs `{key}`"));
        }
        let (over, by) = (self.text(map, OVER), self.by(map));
        let (factor, lowest) = (self.factor(map), self.lowest(map));
        let (node, metric) = by?;
        Some(Said { over: over?, values: map.get(VALUES)?, node, metric, factor: factor?, lowest: lowest? })
    }

    /// Adds to the last problem that what it is about, which says `from`, was meant to be `to`.
    fn fix(&mut self, from: &str, to: Option<String>) {
        if let Some(problem) = self.problems.last_mut() {
            problem.fix = to.map(|to| Fix::word(problem.at.clone(), from, to));
        }
    }

    fn text(&mut self, map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
        let value = map.get(key)?;
        if value.as_str().is_none() {
            self.tell(codes::WRONG_TYPE, key, false, &format!("`{key}` must be text"), "something else");
        }
        value.as_str()
    }

    /// The node and its metric.
    fn by(&mut self, map: &'a Map<String, Value>) -> Option<(&'a str, &'a str)> {
        let text = self.text(map, BY)?;
        let nodes = self.document.value.get("nodes").and_then(Value::as_object)?;
        let Some((node, metric)) = text.split_once('.') else {
            let message = format!("`{BY}` is `{}`, and must be a node and its metric", brief(text));
            self.tell(codes::PATTERN, BY, false, &message, "as in `score.top1`");
            return None;
        };
        if !nodes.contains_key(node) {
            let known: Vec<&str> = nodes.keys().map(String::as_str).collect();
            let label = suggest::closest(node, known.iter().copied())
                .map_or("no such node".to_owned(), |meant| format!("did you mean `{meant}`?"));
            let message = format!("`{BY}` asks for a metric of `{}`, and there is no such node", brief(node));
            self.tell(codes::UNKNOWN_REFERENCE, BY, false, &message, &label);
            self.fix(text, suggest::only(node, known).map(|meant| format!("{meant}.{metric}")));
            return None;
        }
        Some((node, metric))
    }

    fn factor(&mut self, map: &Map<String, Value>) -> Option<u64> {
        match map.get(FACTOR).map(Value::as_u64) {
            None => Some(USUAL_FACTOR),
            Some(Some(factor @ 2..=1000)) => Some(factor),
            Some(_) => {
                let message = format!("`{FACTOR}` must be a whole number from 2 to 1000");
                self.tell(codes::OUT_OF_RANGE, FACTOR, false, &message, "one in so many goes on");
                None
            }
        }
    }

    /// Whether less of the metric is better.
    fn lowest(&mut self, map: &Map<String, Value>) -> Option<bool> {
        match map.get(BEST).map(Value::as_str) {
            None | Some(Some("highest")) => Some(false),
            Some(Some("lowest")) => Some(true),
            Some(_) => {
                let message = format!("`{BEST}` must be `highest` or `lowest`");
                self.tell(codes::NOT_ALLOWED, BEST, false, &message, "not one of them");
                None
            }
        }
    }

    /// Adds a problem at a key below `halving`, or at that itself.
    fn tell(&mut self, code: &'static str, key: &str, at_key: bool, message: &str, label: &str) {
        let at = DocPath::from([KEY]);
        let at = if key.is_empty() { at } else { at.join(key) };
        let place = self.document.origins.of(&at).value.place(self.document.source, at_key);
        self.problems.push(Problem::new(code, place, message).label(label));
    }
}

/// Where the values are written.
pub(super) fn values_at() -> DocPath {
    DocPath::from([KEY]).join(VALUES)
}

/// Where the parameter is named.
pub(super) fn over_at() -> DocPath {
    DocPath::from([KEY]).join(OVER)
}
