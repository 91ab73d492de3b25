//! Keys that nobody knows: what was probably meant, and where it would belong.

use serde_json::Value;

use super::{
    codes,
    expects::brief,
    fix::Fix,
    problem::{DocPath, Place, Problem},
    shape::{self, Shapes},
    violations,
};
use crate::{shown, suggest};

/// Other words for keys of every file; kinds have their own ([`crate::node::NodeKind::SYNONYMS`]).
const SYNONYMS: &[(&str, &[&str])] = &[
    ("seed", &["random_seed", "random_state", "rng"]),
    ("nodes", &["steps", "stages", "tasks", "jobs", "node"]),
    ("type", &["kind", "uses"]),
];

/// Words of other programs for what is no key but is said to the run, and how.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["device", "gpu"], "give it to the run instead: `--device cuda:0`"),
    (&["workers", "num_workers", "threads", "n_jobs"], "give it to the run instead: `--threads 8`"),
    (&["resume"], "leave it out: an interrupted run continues on its own"),
];

/// The problem of a key that the object at `at` can't have, and the key that was meant, if it is one of
/// the object's own.
pub(super) fn unknown(shapes: &Shapes<'_>, at: &DocPath, key: &str) -> (Problem, Option<String>) {
    let own = shapes.keys(at);
    let said = said_by_kind(shapes, at, key);
    let Meant { word: meant, is_only } = match said {
        Some(_) => Meant { word: None, is_only: false },
        None => meant(shapes, at, key, &own),
    };
    let owner = violations::owner(shapes, at);
    let mut problem = bare(at, key, &owner).label(
        match (&meant, said.map(str::to_owned).or_else(|| elsewhere(shapes, at, key))) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, Some(place)) => place,
            (None, None) => "not a key here".to_owned(),
        },
    );
    if let Some(tag) = shapes.tag(at) {
        problem = problem.related(Place::Value(at.join("type")), format!("`{tag}` has no such key"));
    }
    let of = shapes.tag(at).map_or_else(|| "keys here".to_owned(), |tag| format!("keys of `{tag}`"));
    let named: Vec<&str> = own.into_iter().filter(|key| *key != "type").collect();
    let help = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    let odd = shown::odd(key).map(|odd| format!("there is {odd} in the key\n")).unwrap_or_default();
    let fix = meant.as_ref().filter(|_| is_only).map(|meant| Fix::word(problem.at.clone(), key, meant));
    (problem.fix(fix).help(format!("{odd}{of}: {help}")), meant)
}

/// The same without a word on what was meant, where there are very many.
pub(super) fn bare(at: &DocPath, key: &str, owner: &str) -> Problem {
    let message = format!("unknown key `{}` in {owner}", brief(key));
    Problem::new(codes::UNKNOWN_KEY, Place::Key(at.join(key)), message)
}

/// The key that was meant, if any, and whether no other can have been.
struct Meant {
    word: Option<String>,
    is_only: bool,
}

/// A close or equal-meaning key of the same object that is not there yet, or only in another text.
fn meant(shapes: &Shapes<'_>, at: &DocPath, key: &str, own: &[&str]) -> Meant {
    let present = shapes.value(at);
    let is_free =
        |own: &str| present.get(own).is_none() || shapes.origins.are_apart(&at.join(own), &at.join(key));
    let free: Vec<&str> = own.iter().copied().filter(|own| is_free(own)).collect();
    let synonym = || {
        let own = shapes.kinds.iter().flat_map(|kind| kind.synonyms);
        let mut meant =
            own.chain(SYNONYMS).filter(|(_, words)| contains(words, key)).map(|(known, _)| *known);
        meant.find(|known| free.contains(known))
    };
    let close = suggest::closest(key, free.iter().copied());
    let is_only = close.is_none() || suggest::only(key, free.iter().copied()).is_some();
    Meant { word: close.or_else(synonym).map(str::to_owned), is_only }
}

/// What the kind of the node at `at` says of another program's word for what is no key of it.
fn said_by_kind<'a>(shapes: &Shapes<'a>, at: &DocPath, key: &str) -> Option<&'a str> {
    let tag = shapes.tag(at).filter(|_| at.0.len() == 2)?;
    let kind = shapes.kinds.iter().find(|kind| kind.name == tag)?;
    kind.elsewhere.iter().find(|(words, _)| contains(words, key)).map(|(_, said)| *said)
}

/// Where a key would belong that doesn't belong here.
fn elsewhere(shapes: &Shapes<'_>, at: &DocPath, key: &str) -> Option<String> {
    if at.0.is_empty() && shapes.document[key].get("type").is_some() {
        return Some("a node belongs under `nodes:`".to_owned());
    }
    for (levels, outer) in ancestors(at).enumerate() {
        if shapes.keys(&outer).contains(&key) && shapes.value(&outer).get(key).is_none() {
            let owner = violations::owner(shapes, &outer);
            let up =
                if levels == 0 { "one level up".to_owned() } else { format!("{} levels up", levels + 1) };
            return Some(format!("belongs {up}, in {owner}"));
        }
    }
    let kinds = kinds_with(shapes, key);
    if !kinds.is_empty() {
        return Some(format!("a key of {}", suggest::list(&kinds, "and", "no kind")));
    }
    let known = shapes.kinds.iter().flat_map(|kind| kind.elsewhere).chain(ELSEWHERE);
    known.into_iter().find(|(words, _)| contains(words, key)).map(|(_, place)| (*place).to_owned())
}

fn contains(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// What is around `at`, from the inside out, as far as it has keys of its own.
fn ancestors(at: &DocPath) -> impl Iterator<Item = DocPath> {
    let mut path = at.clone();
    std::iter::from_fn(move || {
        path.0.pop()?;
        while matches!(path.0.last(), Some(super::Segment::Item(_))) || path.0.len() == 1 || path.0.len() == 3
        {
            path.0.pop();
        }
        Some(path.clone())
    })
}

/// The kinds that have such a key.
fn kinds_with<'a>(shapes: &Shapes<'a>, key: &str) -> Vec<&'a str> {
    let definitions = shapes.schema["definitions"].as_object().into_iter().flatten();
    definitions
        .filter(|(name, schema)| *name != "node" && shape::keys(schema).contains(&key) && key != "type")
        .map(|(name, _)| name.as_str())
        .collect()
}

/// The kind whose keys the object at `at` has, if there is only one.
pub(super) fn kind_of_keys<'a>(shapes: &Shapes<'a>, at: &DocPath) -> Option<&'a str> {
    let present = shapes.value(at).as_object()?;
    let definitions = shapes.schema["definitions"].as_object()?.iter();
    let mut fits = definitions.filter(|(name, schema)| {
        let keys = shape::keys(schema);
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        *name != "node"
            && present.keys().all(|key| keys.contains(&key.as_str()))
            && required.into_iter().all(|key| present.contains_key(key))
    });
    let only = fits.next()?;
    (fits.next().is_none() && !present.is_empty()).then_some(only.0.as_str())
}
