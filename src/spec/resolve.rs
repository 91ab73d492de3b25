//! From a document with references to one without: overrides set, parameters put where they are used.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    codes,
    expects::plain,
    extends::Document,
    halving, naming,
    origin::{Origin, Origins, Spot},
    overrides::Override,
    points,
    problem::{DocPath, Problem, Segment},
    references::{self, Fault, Part, Target},
    unresolved::Reference,
};
use crate::{budget::Budget, yaml};

/// The key that holds the parameters.
pub(super) const KEY: &str = "params";
/// How many parameters may each stand for the next.
const MAX_CHAIN: usize = 32;
/// The most values, and bytes of text, that references may make of a file.
const MAX_VALUES: u64 = 10_000;
const MAX_BYTES: u64 = 1 << 20;
/// Of how many references that lead nowhere it is said what was meant.
const EXPLAINED: usize = 100;

/// A value in place of a parameter's own: what a point of a sweep gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The parameter, by its path below `params`.
    pub path: DocPath,
    /// Its value.
    pub value: Value,
    /// Where in the document that is written.
    pub at: DocPath,
}

/// A document without references.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// What the pipeline says; `params`, `extends` and what makes it a sweep are no part of it.
    pub(super) value: Value,
    /// Where each of its values is written.
    pub(super) origins: Origins,
    /// Places that have no value, because what they refer to has none.
    pub(super) broken: Vec<DocPath>,
    /// What is wrong, with places of the texts.
    pub(super) problems: Vec<Problem>,
}

/// Sets the overrides, then the parameters of `point`, and puts values where references stand.
///
/// Where both set the same parameter, that of `point` counts: it is for the caller to see that they do not.
pub fn resolve(document: &Document<'_>, overrides: &[Arc<Override>], point: &[Parameter]) -> Resolved {
    resolve_with(document, overrides, point, &variable)
}

/// A variable of the environment.
///
/// # Errors
/// If it is no text, or not set.
fn variable(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}

type Variables<'a> = &'a dyn Fn(&str) -> Result<String, std::env::VarError>;

fn resolve_with(
    document: &Document<'_>,
    overrides: &[Arc<Override>],
    point: &[Parameter],
    variable: Variables<'_>,
) -> Resolved {
    let mut document = document.overridden(overrides);
    point.iter().for_each(|parameter| document.set_parameter(parameter));
    let params = document.take_params();
    let mut resolver = Resolver::new(&document, &params, variable);
    resolver.check_params();
    let (piece, broken) = resolver.value(&document.value, &DocPath::default());
    let problems = [&document.problems[..], &resolver.problems].concat();
    Resolved { value: piece.value, origins: piece.origins, broken, problems }
}

impl Document<'_> {
    /// The same with overrides set.
    pub(super) fn overridden(&self, overrides: &[Arc<Override>]) -> Self {
        let mut set = self.clone();
        for set_one in overrides {
            let done = set_one.apply(&mut set.value, &mut set.origins);
            set.problems.extend(done.err().map(|problem| *problem));
        }
        set
    }

    fn set_parameter(&mut self, parameter: &Parameter) {
        let path = DocPath::from([KEY]).under(&parameter.path);
        let Some((last, above)) = path.0.split_last() else { return };
        let inside = above.iter().try_fold(&mut self.value, |value, segment| segment.of_mut(value));
        match (last, inside) {
            (Segment::Key(key), Some(Value::Object(map))) => {
                _ = map.insert(key.clone(), parameter.value.clone());
            }
            (segment, Some(inside)) => {
                let Some(place) = segment.of_mut(inside) else { return };
                *place = parameter.value.clone();
            }
            (_, None) => return,
        }
        self.origins.replace(&path, self.origins.of(&parameter.at));
    }

    /// The parameters, which the rest of the document is then without, as it is without what makes it a sweep.
    fn take_params(&mut self) -> Value {
        let Some(map) = self.value.as_object_mut() else { return Value::Object(Map::new()) };
        [points::KEY, points::REPEATS, halving::KEY].iter().for_each(|key| drop(map.shift_remove(*key)));
        map.shift_remove(KEY).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// A value, and where its parts come from, seen from it.
#[derive(Debug, Clone)]
struct Piece {
    value: Value,
    origins: Origins,
}

/// What stands for a reference is not known, and why was told.
#[derive(Debug, Clone, Copy)]
struct Unknown;

struct Resolver<'a> {
    document: &'a Document<'a>,
    params: &'a Value,
    variable: Variables<'a>,
    /// The parameters that are being resolved, each because of the one before, with where it is referred to.
    open: Vec<(DocPath, Spot)>,
    /// Those that are done.
    known: BTreeMap<DocPath, Result<Piece, Unknown>>,
    values: Budget,
    bytes: Budget,
    problems: Vec<Problem>,
    /// Whether it was told that there is too much.
    full: bool,
}

impl<'a> Resolver<'a> {
    fn new(document: &'a Document<'a>, params: &'a Value, variable: Variables<'a>) -> Self {
        Self {
            document,
            params,
            variable,
            open: Vec::new(),
            known: BTreeMap::new(),
            values: Budget::new(MAX_VALUES),
            bytes: Budget::new(MAX_BYTES),
            problems: Vec::new(),
            full: false,
        }
    }

    /// Whether the parameters are a mapping with names, each of which can be resolved.
    fn check_params(&mut self) {
        let at = DocPath::from([KEY]);
        let Some(map) = self.params.as_object() else {
            let place = self.spot(&at).place(self.document.source, false);
            let message = "`params` must be a mapping (names and values)";
            let problem = Problem::new(codes::WRONG_TYPE, place, message).label("not a mapping");
            return self.problems.push(problem.help("write a parameter as `lr: 0.01` below it"));
        };
        for name in map.keys() {
            let spot = self.spot(&at.join(name.as_str()));
            if naming::is_parameter(name) {
                _ = self.parameter(&at.join(name.as_str()), self.reference(&spot, ""));
            } else {
                let place = spot.place(self.document.source, true);
                self.problems.push(naming::bad_parameter(place, name));
            }
        }
    }

    /// A reference that stands at `at`.
    fn reference<'s>(&self, at: &'s Spot, written: &'s str) -> Reference<'s>
    where
        'a: 's,
    {
        Reference { own: self.document.source, at, written }
    }

    fn spot(&self, path: &DocPath) -> Spot {
        self.document.origins.of(path).value
    }

    /// What stands at a path of the document, its references replaced; and the paths where that could not be done.
    fn value(&mut self, written: &Value, path: &DocPath) -> (Piece, Vec<DocPath>) {
        let mut texts = Vec::new();
        references_in(written, &mut DocPath::default(), &mut texts);
        let mut piece = Piece { value: written.clone(), origins: self.document.origins.part(path) };
        if texts.is_empty() && path.0.is_empty() {
            piece.origins = self.document.origins.clone();
        }
        let mut broken = Vec::new();
        for (below, text) in texts {
            match self.text(text, &self.spot(&path.under(&below))) {
                Ok(stands) => {
                    if let Some(place) = below.of_mut(&mut piece.value) {
                        *place = stands.value;
                    }
                    piece.origins.graft(&below, stands.origins);
                }
                Err(Unknown) => broken.push(below),
            }
        }
        (piece, broken)
    }

    /// What a text stands for that is written at `at`.
    fn text(&mut self, text: &str, at: &Spot) -> Result<Piece, Unknown> {
        if self.full {
            return Err(Unknown);
        }
        let parts = references::parts(text).map_err(|fault| self.malformed(text, at, &fault))?;
        match &parts[..] {
            [Part::Reference(target, bytes)] => self.whole(target, self.reference(at, &text[bytes.clone()])),
            parts => self.composed(text, parts, at),
        }
    }

    /// What a reference stands for that is all of a value.
    fn whole(&mut self, target: &Target, from: Reference<'_>) -> Result<Piece, Unknown> {
        match target {
            Target::Parameter(path) => {
                let Piece { value, origins } = self.parameter(path, from)?;
                self.spend(&value, from.at)?;
                Ok(Piece { value, origins: origins.brought(from.at) })
            }
            Target::Variable(name) => {
                let value = self.environment(name, from)?;
                let variables = vec![(name.clone(), value.clone())];
                let origin = Origin { variables, untyped: true, ..Origin::at(from.at.clone()) };
                Ok(Piece { value: value.into(), origins: Origins::all(origin) })
            }
        }
    }

    /// A text with what its references stand for in it.
    fn composed(&mut self, text: &str, parts: &[Part], at: &Spot) -> Result<Piece, Unknown> {
        let (mut composed, mut origin) = (String::new(), Origin::at(at.clone()));
        for part in parts {
            match part {
                Part::Text(text) => composed.push_str(text),
                Part::Reference(target, bytes) => {
                    let from = self.reference(at, &text[bytes.clone()]);
                    let (word, of) = self.word(target, from)?;
                    origin.take_in(target, of, composed.is_empty());
                    composed.push_str(&word);
                }
            }
            if composed.len() as u64 > self.bytes.left() {
                return Err(self.too_much(at));
            }
        }
        let value = Value::from(composed);
        self.spend(&value, at)?;
        Ok(Piece { value, origins: Origins::all(origin) })
    }

    /// What a reference stands for in a longer text, and where that comes from.
    fn word(&mut self, target: &Target, from: Reference<'_>) -> Result<(String, Origin), Unknown> {
        let path = match target {
            Target::Parameter(path) => path,
            Target::Variable(name) => {
                let value = self.environment(name, from)?;
                let variables = vec![(name.clone(), value.clone())];
                return Ok((value, Origin { variables, ..Origin::at(from.at.clone()) }));
            }
        };
        let Piece { value, origins } = self.parameter(path, from)?;
        let origin = origins.of(&DocPath::default());
        let what = match &value {
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
            Value::Null => "empty",
            value => return Ok((plain(value), origin)),
        };
        self.problems.push(from.no_text(path, what, &origin.value));
        Err(Unknown)
    }

    /// A parameter, resolved.
    fn parameter(&mut self, path: &DocPath, from: Reference<'_>) -> Result<Piece, Unknown> {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        if self.open.iter().any(|(open, _)| open == path) {
            self.problems.push(from.circle(path, &self.open));
            return Err(Unknown);
        }
        if self.open.len() >= MAX_CHAIN {
            return Err(self.too_much(from.at));
        }
        self.open.push((path.clone(), from.at.clone()));
        let piece = self.found(path, from);
        self.open.pop();
        self.known.insert(path.clone(), piece.clone());
        piece
    }

    /// Looks a parameter up, step by step: one on the way may itself be a reference.
    fn found(&mut self, path: &DocPath, from: Reference<'_>) -> Result<Piece, Unknown> {
        let mut inside = self.params;
        for step in 1..path.0.len() {
            let above = DocPath(path.0[..step].to_vec());
            if inside.as_str().is_some_and(|text| !references::is_plain(text)) {
                let piece = self.parameter(&above, from)?;
                return self.within(piece, path, &above, from);
            }
            let next = path.0[step].of(inside);
            inside = next.ok_or_else(|| self.no_parameter(path, &above, inside, from))?;
        }
        let (piece, broken) = self.value(inside, path);
        if broken.is_empty() { Ok(piece) } else { Err(Unknown) }
    }

    /// What stands at `path` in the parameter at `above`.
    fn within(
        &mut self,
        piece: Piece,
        path: &DocPath,
        above: &DocPath,
        from: Reference<'_>,
    ) -> Result<Piece, Unknown> {
        let rest = path.seen_from(above);
        match rest.of(&piece.value) {
            Some(value) => Ok(Piece { value: value.clone(), origins: piece.origins.part(&rest) }),
            None => Err(self.no_parameter(path, above, &piece.value, from)),
        }
    }

    fn no_parameter(
        &mut self,
        path: &DocPath,
        above: &DocPath,
        inside: &Value,
        from: Reference<'_>,
    ) -> Unknown {
        // To say what was meant takes time for each.
        let inside = if self.problems.len() < EXPLAINED { inside } else { &Value::Null };
        self.problems.push(from.no_parameter(path, above, inside));
        Unknown
    }

    fn environment(&mut self, name: &str, from: Reference<'_>) -> Result<String, Unknown> {
        (self.variable)(name).map_err(|error| {
            self.problems.push(from.no_variable(name, &error));
            Unknown
        })
    }

    fn malformed(&mut self, text: &str, at: &Spot, fault: &Fault) -> Unknown {
        let (Fault::Open(bytes) | Fault::Nothing(bytes, _)) = fault;
        let meant = if let Fault::Nothing(_, name) = fault { self.meant_by(name) } else { None };
        let problem = self.reference(at, &text[bytes.clone()]).malformed(fault, meant.as_deref());
        self.problems.push(problem);
        Unknown
    }

    /// The name of a parameter or a variable that lacks what it begins with, or has it misspelt.
    fn meant_by(&self, name: &str) -> Option<String> {
        let bare = name.rsplit('.').next().unwrap_or_default();
        if self.params.get(bare).is_some() {
            return Some(format!("{KEY}.{bare}"));
        }
        let is_set = references::is_variable(bare) && (self.variable)(bare).is_ok();
        is_set.then(|| format!("env.{bare}"))
    }

    /// Counts what a reference has made.
    fn spend(&mut self, value: &Value, at: &Spot) -> Result<(), Unknown> {
        let (values, bytes) = size(value);
        let fits = self.values.take(values).and_then(|()| self.bytes.take(bytes));
        if fits.is_err() || depth(value) > yaml::MAX_DEPTH { Err(self.too_much(at)) } else { Ok(()) }
    }

    /// Tells, once, that references make too much.
    fn too_much(&mut self, at: &Spot) -> Unknown {
        if !std::mem::replace(&mut self.full, true) {
            let message = format!(
                "references make too much of the file: more than {MAX_VALUES} values, 1 MiB of text, or {MAX_CHAIN} levels"
            );
            let problem = Problem::new(codes::TOO_LARGE, at.place(self.document.source, false), message);
            let help = "parameters that refer to others many times over grow fast";
            self.problems.push(problem.label("reached here").help(help));
        }
        Unknown
    }
}

/// The texts in `value` that have something to be replaced, with their paths.
fn references_in<'a>(value: &'a Value, path: &mut DocPath, found: &mut Vec<(DocPath, &'a str)>) {
    let mut inside = |segment: Segment, value: &'a Value| {
        path.0.push(segment);
        references_in(value, path, found);
        path.0.pop();
    };
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(i, item)| inside(i.into(), item)),
        Value::Object(map) => map.iter().for_each(|(key, value)| inside(key.as_str().into(), value)),
        Value::String(text) if !references::is_plain(text) => found.push((path.clone(), text)),
        _ => {}
    }
}

/// How many values there are, and how many bytes of text.
fn size(value: &Value) -> (u64, u64) {
    let add = |(values, bytes): (u64, u64), (more, text): (u64, u64)| (values + more, bytes + text);
    match value {
        Value::String(text) => (1, text.len() as u64),
        Value::Array(list) => list.iter().map(size).fold((1, 0), add),
        Value::Object(map) => {
            map.iter().map(|(key, value)| add((0, key.len() as u64), size(value))).fold((1, 0), add)
        }
        _ => (1, 0),
    }
}

/// How deep lists and mappings lie in each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::{env::VarError, path::Path};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::spec::{Place, Source, render};

    fn environment(name: &str) -> Result<String, VarError> {
        match name {
            "N" => Ok("3".to_owned()),
            "HOME" => Ok("/home/me".to_owned()),
            _ => Err(VarError::NotPresent),
        }
    }

    fn resolved(text: &str, sets: &[&str], point: &[Parameter]) -> (Source, Resolved) {
        let source = Source::new("p.yaml", text);
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let resolved = {
            let document = Document::read(&source, Path::new("")).unwrap();
            resolve_with(&document, &Override::parse(&sets).unwrap(), point, &environment)
        };
        (source, resolved)
    }

    fn value(text: &str, sets: &[&str]) -> Value {
        let (_, resolved) = resolved(text, sets, &[]);
        assert_eq!(resolved.problems, []);
        resolved.value
    }

    #[test]
    fn references_keep_types_and_text_takes_text() {
        let text = "params: { lr: 1e-3, n: { a: [1, two] }, d: data, all: \"${params.n}\" }\n\
            a: ${params.lr}\nb: x${params.lr}y${params.n.a[1]}\nc: [\"${params.all.a}\"]\nd: $${params.lr}\n\
            e: ${params.d}/${env.HOME}\nf: ${env.N}\n";
        let wanted = json!({"a": 0.001, "b": "x0.001ytwo", "c": [[1, "two"]], "d": "${params.lr}",
            "e": "data//home/me", "f": "3"});
        assert_eq!(value(text, &[]), wanted);
    }

    #[test]
    fn overrides_and_points_come_first() {
        let text = "params: { lr: 1, n: [1, 2] }\na: ${params.lr}\nb:\n  c: ${params.n[1]}\n";
        let wanted = json!({"a": 2, "b": {"c": 5, "d": 2}});
        assert_eq!(value(text, &["params.lr=2", "params.n[1]=5", "b.d=${params.lr}"]), wanted);
        let point = Parameter { path: ["lr"].into(), value: json!([3]), at: ["matrix", "lr"].into() };
        let (_, resolved) = resolved(text, &[], &[point]);
        assert_eq!(resolved.value["a"], json!([3]));
    }

    #[test]
    fn a_value_is_traced_to_where_it_is_written() {
        let text = "params:\n  lr: 0.1\n  rate: ${params.lr}\n  dir: x\na: ${params.rate}\nb: ${params.dir}/y\nc: ${env.N}\nd: 1\n";
        let (source, resolved) = resolved(text, &["d=[1, {e: 2}]"], &[]);
        let told = |path: DocPath| resolved.origins.told(&source, &path);
        assert_eq!(told(["a"].into()), "p.yaml:2, used at p.yaml:3, used at p.yaml:5");
        assert_eq!(told(["b"].into()), "p.yaml:6, `params.dir` at p.yaml:4");
        assert_eq!(told(["c"].into()), "env N");
        assert_eq!(told(["d"].into()), "--set");
        let problem = Problem::rule(Place::Value(DocPath::from(["d"]).join(1).join("e")), "x");
        let report = render::report(&source, &resolved.origins.traced(&source, vec![problem]));
        let at = &report.problems[0].at;
        assert_eq!((at.file.as_str(), at.start, at.end), ("command line", 16, 17), "--set d=[1, {{e: 2}}]");
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let chain = |link: &dyn Fn(usize) -> String| {
            let params: String = (1..40).map(|i| format!("  p{i}: {}\n", link(i - 1))).collect();
            format!("params:\n  p0: [x]\n{params}a: ${{params.p39}}\n")
        };
        let lists = chain(&|i| format!("[\"${{params.p{i}}}\", \"${{params.p{i}}}\"]"));
        let deep = chain(&|i| format!("[\"${{params.p{i}}}\"]"));
        let long = chain(&|i| format!("${{params.p{i}}}${{params.p{i}}}")).replace("[x]", &"x".repeat(100));
        for text in [lists, deep, long] {
            let (_, resolved) = resolved(&text, &[], &[]);
            let codes: Vec<_> = resolved.problems.iter().map(|problem| problem.code).collect();
            assert_eq!(codes, [codes::TOO_LARGE], "{text}");
        }
    }

    proptest! {
        #[test]
        fn resolving_never_panics(
            texts in prop::collection::vec("(\\$\\{|\\$|params\\.|env\\.|\\}|p[0-3]|\\[|0|\\]|\\.|N|é){0,8}|\\$\\{params\\.p[0-4](\\.p[0-2]|\\[[01]\\])?\\}x?", 4),
            shape in 0usize..3,
            set in "(params\\.p[0-4]|a|b)(\\[[01]\\]|\\.p0)?(=(1|\\[1\\]|x)?)?",
        ) {
            let texts: Vec<String> = texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
            let params: Vec<String> = texts.iter().enumerate().map(|(i, text)| match shape {
                0 => format!("p{i}: {text}"),
                1 => format!("p{i}: [{text}, 1]"),
                _ => format!("p{i}: {{ p0: {text} }}"),
            }).collect();
            let text = format!("params: {{ {} }}\na: [{}]\nb: {{ p0: {} }}\n", params.join(", "), texts.join(", "), texts[0]);
            let source = Source::new("p.yaml", text);
            let document = Document::read(&source, Path::new("")).unwrap();
            let sets = Override::parse(&[set]).unwrap_or_default();
            let resolved = resolve_with(&document, &sets, &[], &environment);
            prop_assert_eq!(resolved.broken.is_empty() || !resolved.problems.is_empty(), true);
            render::human(&source, &resolved.origins.traced(&source, resolved.problems.clone()), render::Style::PLAIN);
        }

        #[test]
        fn a_document_without_references_stands_for_itself(text in "(a|b|[$]|[{]|é|\\[|\n| ){0,8}") {
            let text = text.replace("${", "");
            // What is taken out may leave another: of `$${{` it does.
            prop_assume!(!text.contains("${"));
            let text = format!("a: {}\nb: [1, {{ c: true }}]\n", Value::from(text));
            let source = Source::new("p.yaml", text);
            let document = Document::read(&source, Path::new("")).unwrap();
            let resolved = resolve_with(&document, &[], &[], &environment);
            prop_assert_eq!(&resolved.value, &document.value);
            prop_assert_eq!(resolved.origins, Origins::default());
        }
    }
}
