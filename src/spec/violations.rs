//! What breaks the schema, told as problems: all of it, each mistake once.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{ValidationError, error::ValidationErrorKind as Broken, paths::LocationSegment};
use serde_json::Value;

use super::{
    codes,
    expects::{SHORT, brief, expects, plain, range, short, shown},
    fix::Fix,
    keys, naming,
    problem::{DocPath, Place, Problem, Segment},
    schema,
    shape::Shapes,
};
use crate::{
    shown::{self, odd},
    suggest, yaml,
};

/// Of how many problems it is said what was meant.
const EXPLAINED: usize = 200;

/// The names of the nodes with problems, and all problems but those of values at `broken` paths, which are not known.
pub(super) fn of(shapes: &Shapes<'_>, broken: &[DocPath]) -> (BTreeSet<String>, Vec<Problem>) {
    let validator =
        jsonschema::draft7::options().build(shapes.schema).expect("the schema is made by us, and tested");
    let mut found = Found::default();
    for error in validator.iter_errors(shapes.document) {
        found.add(shapes, &error);
    }
    found.finish(broken)
}

/// Problems by path; a path whose type is wrong has no other problem.
#[derive(Default)]
struct Found {
    problems: Vec<(DocPath, Problem)>,
    /// Paths whose value has the wrong type.
    mistyped: BTreeSet<DocPath>,
    /// Keys that were meant, by the object that lacks them; and how often.
    meant: BTreeMap<(DocPath, String), usize>,
    /// Keys that objects lack.
    missing: BTreeMap<(DocPath, String), Problem>,
}

impl Found {
    fn add(&mut self, shapes: &Shapes<'_>, error: &ValidationError<'_>) {
        let path = doc_path(error);
        match error.kind() {
            Broken::AdditionalProperties { unexpected } => {
                let owner = owner(shapes, &path);
                for key in unexpected {
                    if self.problems.len() >= EXPLAINED {
                        self.problems.push((path.join(key.as_str()), keys::bare(&path, key, &owner)));
                        continue;
                    }
                    let (problem, meant) = keys::unknown(shapes, &path, key);
                    meant
                        .into_iter()
                        .for_each(|meant| *self.meant.entry((path.clone(), meant)).or_default() += 1);
                    self.problems.push((path.join(key.as_str()), problem));
                }
            }
            Broken::Required { property } => {
                let key = plain(property);
                let problem = missing(shapes, &path, &key);
                self.missing.insert((path, key), problem);
            }
            Broken::Type { .. } => {
                if self.mistyped.insert(path.clone()) {
                    let explained = self.problems.len() < EXPLAINED;
                    let tell = if explained { wrong_type } else { bare_type };
                    self.problems.push((path.clone(), tell(shapes, &path)));
                }
            }
            Broken::PropertyNames { error } => {
                let name = plain(error.instance());
                let place = path.join(name.as_str());
                // A name that is too long and has a wrong character is one mistake.
                if self.problems.last().is_none_or(|(last, _)| *last != place) {
                    self.problems.push((place.clone(), naming::bad(Place::Key(place), &name, "node")));
                }
            }
            other => self.problems.push((path.clone(), of_value(shapes, &path, other, error))),
        }
    }

    fn finish(self, unknown: &[DocPath]) -> (BTreeSet<String>, Vec<Problem>) {
        let Self { mut problems, mistyped, meant, missing } = self;
        problems.iter_mut().for_each(|(path, problem)| {
            // Two keys can't both become one.
            problem
                .fix
                .take_if(|fix| meant.get(&(path.parent(), fix.to().to_owned())).is_some_and(|n| *n > 1));
        });
        problems.retain(|(path, problem)| {
            problem.code == codes::WRONG_TYPE || problem.code == codes::PATTERN || !mistyped.contains(path)
        });
        let missing = missing.into_iter().filter(|(place, _)| !meant.contains_key(place));
        problems.extend(missing.map(|((path, _), problem)| (path, problem)));
        let above: BTreeSet<&[Segment]> = unknown.iter().map(|path| &path.0[..]).collect();
        let is_unknown = |path: &DocPath| (0..=path.0.len()).any(|length| above.contains(&path.0[..length]));
        problems.retain(|(path, _)| !is_unknown(path));
        let paths = problems.iter().map(|(path, _)| path).chain(unknown);
        let broken = paths.filter_map(node_of).map(str::to_owned).collect();
        (broken, problems.into_iter().map(|(_, problem)| problem).collect())
    }
}

fn doc_path(error: &ValidationError<'_>) -> DocPath {
    let segments = error.instance_path().into_iter().map(|segment| match segment {
        LocationSegment::Property(key) => Segment::Key(key.into_owned()),
        LocationSegment::Index(item) => Segment::Item(item),
    });
    DocPath(segments.collect())
}

/// The node that a path leads into.
fn node_of(path: &DocPath) -> Option<&str> {
    match &path.0[..] {
        [Segment::Key(nodes), Segment::Key(id), ..] if nodes == "nodes" => Some(id),
        _ => None,
    }
}

/// The object at `path` in words: `node `fit``, ``train[2]` (`random_erasing`) of node `prep``, `the file`.
pub(super) fn owner(shapes: &Shapes<'_>, path: &DocPath) -> String {
    if path.0.is_empty() {
        return "the file".to_owned();
    }
    match shapes.tag(path) {
        Some(tag) if path.0.len() > 2 => format!("{} (`{tag}`)", subject(path)),
        _ => subject(path),
    }
}

/// The value at `path` in words: ``epochs` of node `fit``.
fn subject(path: &DocPath) -> String {
    match (node_of(path), &path.0[..]) {
        (Some(id), [_, _]) => format!("node `{}`", brief(id)),
        (Some(id), [_, _, rest @ ..]) => {
            format!("`{}` of node `{}`", brief(&DocPath(rest.to_vec()).to_string()), brief(id))
        }
        (None, []) => "the file".to_owned(),
        _ => format!("`{}`", brief(&path.to_string())),
    }
}

fn missing(shapes: &Shapes<'_>, at: &DocPath, key: &str) -> Problem {
    let owner = owner(shapes, at);
    let mut problem =
        Problem::new(codes::MISSING_KEY, Place::Key(at.clone()), format!("{owner} has no `{key}`"))
            .label(format!("`{key}` is missing"));
    if key == "type" {
        let kinds = suggest::list(&tags(shapes, at), "or", "none");
        let kind = keys::kind_of_keys(shapes, at);
        let first = shapes.value(at).as_object().and_then(|object| object.keys().next());
        let fix = kind.zip(first).map(|(kind, first)| Fix::entry(at, first, format!("type: {kind}")));
        return problem.fix(fix).help(match kind {
            Some(kind) => format!("write `type: {kind}`; its keys are those of a `{kind}`"),
            None => format!("write one of {kinds}"),
        });
    }
    if let Some(tag) = shapes.tag(at) {
        problem = problem.related(Place::Value(at.join("type")), format!("`{tag}` needs it"));
    }
    match about(shapes, &at.join(key)) {
        Some(about) => problem.help(about),
        None => problem.help(format!("add `{key}: …`")),
    }
}

fn wrong_type(shapes: &Shapes<'_>, path: &DocPath) -> Problem {
    let (value, schema) = (shapes.value(path), shapes.at(path));
    let (wanted, written) = (expects(schema), shapes.written(path));
    let written = written.as_deref();
    let (subject, got) = (subject(path), got(value, written));
    let is_empty = value.is_null() && written.is_none();
    let message = match is_empty {
        true => format!("{subject} is empty; it must be {wanted}"),
        false => format!("{subject} must be {wanted}, not {got}"),
    };
    let fixed = fixed(value, written, schema);
    let place = Place::Value(path.clone());
    let fix = fixed
        .as_ref()
        .filter(|fixed| yaml::scalar(fixed).is_some())
        .map(|fixed| Fix::value(place.clone(), value, fixed));
    let label = match fixed {
        Some(fixed) => format!("did you mean `{fixed}`?"),
        None if schema["type"] == "array" && value.is_object() => "begin each item with `- `".to_owned(),
        None if is_empty => "nothing here".to_owned(),
        None if value.is_null() => "this stands for nothing".to_owned(),
        None => format!("this is {got}"),
    };
    helped(shapes, path, Problem::new(codes::WRONG_TYPE, place, message).label(label).fix(fix))
}

/// The same without a word on what was meant, where there are very many.
fn bare_type(_: &Shapes<'_>, path: &DocPath) -> Problem {
    let message = format!("{} has the wrong type", subject(path));
    Problem::new(codes::WRONG_TYPE, Place::Value(path.clone()), message)
}

/// A value in words, as it is written if that is known.
fn got(value: &Value, written: Option<&str>) -> String {
    let word = written.map_or_else(|| plain(value), str::to_owned);
    match value {
        Value::Null if written.is_none() => "nothing".to_owned(),
        Value::Null | Value::Bool(_) => format!("`{word}`"),
        Value::Number(_) => format!("the number `{word}`"),
        Value::String(text) if text.chars().count() > 30 => "text".to_owned(),
        Value::String(text) => format!("the text `{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// What was meant, where only one thing can have been meant.
fn fixed(value: &Value, written: Option<&str>, schema: &Value) -> Option<String> {
    // Of a number or a word, the number.
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str())?;
    match (kind, value) {
        _ if kind == "string" && words(schema).is_array() => None,
        ("integer", Value::String(text)) => {
            let digits = text.trim().replace(['_', '\''], "");
            let whole = |digits: &str| {
                digits.parse::<i64>().ok().filter(|_| !digits.starts_with('0') || digits == "0")
            };
            whole(&digits).map(|number| number.to_string())
        }
        ("number", Value::String(text)) => {
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
            Some(Value::from(number).to_string())
        }
        ("boolean", Value::String(text)) => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => Some("true".to_owned()),
            "no" | "off" | "n" | "false" => Some("false".to_owned()),
            _ => None,
        },
        ("string", Value::Number(_) | Value::Bool(_)) => {
            Some(format!("\"{}\"", written.map_or_else(|| value.to_string(), str::to_owned)))
        }
        ("string", Value::Null) => written.map(|written| format!("\"{written}\"")),
        ("array", Value::Object(_) | Value::Null | Value::Array(_)) => None,
        ("array", value) => {
            let item = &schema["items"];
            let fits = matches!(
                (item["type"].as_str(), value),
                (Some("string"), Value::String(_)) | (Some("number" | "integer"), Value::Number(_))
            );
            let one = schema["minItems"].as_u64().is_none_or(|least| least <= 1);
            (fits && one)
                .then(|| format!("[{}]", written.map_or_else(|| brief(&plain(value)), str::to_owned)))
        }
        _ => None,
    }
}

/// Problems of a value of the right type.
fn of_value(shapes: &Shapes<'_>, path: &DocPath, broken: &Broken, error: &ValidationError<'_>) -> Problem {
    let (value, schema) = (shapes.value(path), shapes.at(path));
    let subject = subject(path);
    let place = Place::Value(path.clone());
    let problem = match broken {
        Broken::Enum { options } => return not_allowed(shapes, path, options),
        Broken::Pattern { .. } | Broken::MaxLength { .. } if path.0.len() == 1 => {
            return naming::bad(place, &plain(value), "pipeline");
        }
        // A word where several may stand in a list.
        Broken::Pattern { .. } if schema["items"]["enum"].is_array() => {
            return not_allowed(shapes, path, &schema["items"]["enum"]);
        }
        Broken::Pattern { .. } if schema["type"].is_array() => return wrong_type(shapes, path),
        Broken::Pattern { pattern } => {
            let wanted = schema["patternErrorMessage"].as_str();
            let wanted = wanted.map_or_else(|| format!("must look like `{pattern}`"), str::to_owned);
            let message = format!("{subject} {wanted}, not `{}`", brief(&plain(value)));
            Problem::new(codes::PATTERN, place, message).label("this doesn't match")
        }
        Broken::Minimum { .. }
        | Broken::Maximum { .. }
        | Broken::ExclusiveMinimum { .. }
        | Broken::ExclusiveMaximum { .. } => {
            let range = range(schema).unwrap_or_else(|| "in range".to_owned());
            let range = if schema["type"].is_array() { expects(schema) } else { range };
            let written = shapes.written(path).unwrap_or_else(|| value.to_string());
            let message = format!("{subject} must be {range}, not {written}");
            Problem::new(codes::OUT_OF_RANGE, place, message).label(limit(broken))
        }
        Broken::MinItems { .. } | Broken::MaxItems { .. } | Broken::AdditionalItems { .. } => {
            let count = value.as_array().map_or(0, Vec::len);
            let message = format!("{subject} must be {}, not of {count}", expects(schema));
            Problem::new(codes::OUT_OF_RANGE, place, message).label(shown::count(count, "item"))
        }
        Broken::MinLength { .. } => {
            Problem::new(codes::OUT_OF_RANGE, place, format!("{subject} must not be empty")).label("empty")
        }
        Broken::MinProperties { .. } => {
            return Problem::new(codes::OUT_OF_RANGE, Place::Key(path.clone()), "the pipeline has no nodes")
                .label("nothing here")
                .help("add a node, e.g. `digits: { type: dataset, root: path/to/images }`");
        }
        _ => {
            let message = format!("{subject} is refused: {}", brief(&error.to_string()));
            Problem::new(codes::OUT_OF_RANGE, place, message).label("this value")
        }
    };
    helped(shapes, path, problem)
}

/// The limit that was crossed.
fn limit(broken: &Broken) -> String {
    match broken {
        Broken::Minimum { limit } => format!("the least is {}", short(limit)),
        Broken::ExclusiveMinimum { limit } => format!("must be more than {}", short(limit)),
        Broken::Maximum { limit } => format!("the most is {}", short(limit)),
        Broken::ExclusiveMaximum { limit } => format!("must be less than {}", short(limit)),
        _ => "out of range".to_owned(),
    }
}

/// A word that is none of those that may stand here; a tag, if it chooses the other keys.
fn not_allowed(shapes: &Shapes<'_>, path: &DocPath, options: &Value) -> Problem {
    let word = shapes.written(path).unwrap_or_else(|| plain(shapes.value(path)));
    let options: Vec<String> = options.as_array().into_iter().flatten().map(plain).collect();
    let object = path.parent();
    let place = Place::Value(path.clone());
    let problem = if path.last_key() == "type" && shapes.is_choice(&object) {
        let of = subject(&object);
        let what = if object.0.len() == 2 { "unknown node type" } else { "unknown type" };
        Problem::new(codes::UNKNOWN_TYPE, place, format!("{what} `{}` in {of}", brief(&word)))
    } else {
        Problem::new(codes::NOT_ALLOWED, place, format!("{} can't be `{}`", subject(path), brief(&word)))
    };
    let (meant, reason) = other_word(shapes.at(path), &word, &options);
    let close = || suggest::closest(&word, options.iter().map(String::as_str)).map(str::to_owned);
    let label = match (reason, meant.clone().or_else(close)) {
        (Some(reason), _) => reason.to_owned(),
        (None, Some(close)) => format!("did you mean `{close}`?"),
        (None, None) => "not one of those known".to_owned(),
    };
    let only = |word: &str| suggest::only(word, options.iter().map(String::as_str)).map(str::to_owned);
    let fix = shapes.value(path).as_str().filter(|_| reason.is_none()).and_then(|word| {
        let to = meant.or_else(|| only(word))?;
        Some(Fix::word(problem.at.clone(), word, to))
    });
    let odd = odd(&word).map(|odd| format!("there is {odd} in it\n")).unwrap_or_default();
    problem.label(label).fix(fix).help(format!("{odd}it may be {}", suggest::list(&options, "or", "nothing")))
}

/// The word among `options` that another program's one stands for; else why none does, where that is known.
fn other_word<'a>(schema: &'a Value, word: &str, options: &[String]) -> (Option<String>, Option<&'a str>) {
    let known = [schema, &schema["items"]].into_iter().find_map(|schema| schema["otherWords"][word].as_str());
    let is_option = |meant: &&str| options.iter().any(|option| option == meant);
    (known.filter(is_option).map(str::to_owned), known.filter(|known| known.contains(' ')))
}

/// The words that may stand where a schema says so: alone, or in a list, too.
fn words(schema: &Value) -> &Value {
    if schema["type"].is_array() { &schema["items"]["enum"] } else { &schema["enum"] }
}

/// The tags that the object at `at` may have.
fn tags<'a>(shapes: &Shapes<'a>, at: &DocPath) -> Vec<&'a str> {
    let tags = shapes.at(&at.join("type"))["enum"].as_array();
    tags.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Adds what the key is for.
fn helped(shapes: &Shapes<'_>, path: &DocPath, problem: Problem) -> Problem {
    if let [_, Segment::Key(id)] = &path.0[..] {
        return problem.help(format!("under `{id}:`, indented, belong `type` and the keys of that type"));
    }
    let keyed = path.0.iter().rposition(|segment| matches!(segment, Segment::Key(_)));
    let about = keyed.and_then(|last| about(shapes, &DocPath(path.0[..=last].to_vec())));
    match about {
        Some(about) => problem.help(about),
        None => problem,
    }
}

/// What a key is for, in a sentence or two, and its default.
fn about(shapes: &Shapes<'_>, path: &DocPath) -> Option<String> {
    let schema = shapes.at(path);
    let mut paragraphs = schema["description"].as_str()?.split("\n\n");
    let mut text = format!("`{}`: {}", path.last_key(), paragraphs.next()?);
    for reference in paragraphs.filter(|paragraph| paragraph.starts_with(schema::REFERENCE)) {
        text.push_str(&format!(" {reference}"));
    }
    if let Some(default) = schema.get("default").map(shown).filter(|default| default.len() <= SHORT) {
        text.push_str(&format!(" Default: {default}."));
    }
    Some(text)
}
