//! `--set nodes.fit.epochs=3`: values of the command line in place of the file's.

use std::{ops::Range, sync::Arc};

use serde_json::{Map, Value};

use super::{
    codes,
    dotted::{self, Dotted},
    expects::brief,
    extends,
    origin::{Origin, Origins, Spot},
    problem::{DocPath, Place, Problem, Segment},
    references, resolve,
    source::Source,
};
use crate::{shown::count, suggest};

/// What the command line is called where a problem is shown in it.
const NAME: &str = "command line";
/// What stands before an override there.
const FLAG: &str = "--set ";

/// One value of the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Override {
    /// What was typed, after its flag.
    pub(super) line: Arc<Source>,
    /// The key that it sets, and the bytes of each step in the line.
    at: Dotted,
    /// The text of the value.
    text: Source,
    /// Where that begins in the line.
    start: usize,
    /// What the text says.
    value: Value,
}

impl Override {
    /// Reads what was typed after each `--set`.
    ///
    /// # Errors
    /// Each that is none.
    pub fn parse(typed: &[String]) -> Result<Vec<Arc<Self>>, Vec<Problem>> {
        let (mut overrides, mut problems) = (Vec::new(), Vec::new());
        for typed in typed {
            match Self::of(typed) {
                Ok(set) => overrides.push(Arc::new(set)),
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() { Ok(overrides) } else { Err(problems) }
    }

    fn of(typed: &str) -> Result<Self, Box<Problem>> {
        let line = Arc::new(Source::new(NAME, format!("{FLAG}{typed}")));
        let wrong = |range: Range<usize>, message: &str| {
            let place = Place::Bytes(FLAG.len() + range.start, FLAG.len() + range.end);
            Problem::new(codes::OVERRIDE, place, message).within(&line)
        };
        let Some((path, text)) = typed.split_once('=') else {
            let problem =
                wrong(0..typed.len(), "`--set` without a value").label("`=` and a value are missing");
            return Err(Box::new(problem.help("write `--set nodes.fit.epochs=3`")));
        };
        let mut at = dotted::parse(path).map_err(|byte| {
            let problem = wrong(byte..path.len(), "`--set` does not begin with the path of a key");
            Box::new(problem.label("not a path from here on").help("write `--set nodes.fit.epochs=3`"))
        })?;
        at.spans.iter_mut().for_each(|span| *span = span.start + FLAG.len()..span.end + FLAG.len());
        let start = FLAG.len() + path.len() + 1;
        let text = Source::new(NAME, text);
        let value = match text.parse() {
            Ok((value, repeated)) if repeated.is_empty() => value,
            Ok((_, mut repeated)) => return Err(Box::new(moved(repeated.swap_remove(0), &line, start))),
            Err(problem) if problem.code == codes::EMPTY_FILE => {
                let problem = wrong(path.len()..typed.len(), "`--set` without a value");
                return Err(Box::new(problem.label("nothing here").help("for an empty text, write `''`")));
            }
            Err(problem) => return Err(Box::new(moved(*problem, &line, start))),
        };
        Ok(Self { line, at, text, start, value })
    }

    /// The bytes in the line of the value at `path` below what it sets, or of the key.
    pub(super) fn locate(&self, path: &DocPath, key: bool) -> Range<usize> {
        if path.0.is_empty() {
            return if key { self.step(self.at.spans.len() - 1) } else { self.start..self.line.text().len() };
        }
        let place = if key { Place::Key(path.clone()) } else { Place::Value(path.clone()) };
        let range = self.text.locate(&place);
        self.start + range.start..self.start + range.end
    }

    /// What it sets.
    pub(super) fn path(&self) -> &DocPath {
        &self.at.path
    }

    /// The problem that it sets what the sweep gives values, a parameter called `name`.
    pub(super) fn swept(&self, name: &str) -> Problem {
        let message =
            format!("can't set `{}`: the sweep gives it its values", brief(&self.at.path.to_string()));
        let problem = self.problem(self.at.spans.len() - 1, &message).label(format!("`matrix` has `{name}`"));
        problem.help(format!(
            "replace all of them: `--set 'matrix.{name}=[…]'`, or run one with `--only {name}=…`"
        ))
    }

    fn step(&self, step: usize) -> Range<usize> {
        self.at.spans[step].clone()
    }

    /// Sets the value in a document.
    ///
    /// # Errors
    /// If what it would be in is not there.
    pub(super) fn apply(
        self: &Arc<Self>,
        document: &mut Value,
        origins: &mut Origins,
    ) -> Result<(), Box<Problem>> {
        let Some((last, above)) = self.at.path.0.split_last() else { return Ok(()) };
        let mut inside = &*document;
        for (step, segment) in above.iter().enumerate() {
            inside = segment.of(inside).ok_or_else(|| self.absent(inside, step, document))?;
        }
        if !self.may_set(inside, last) {
            return Err(self.absent(inside, above.len(), document));
        }
        let inside = above.iter().try_fold(document, |value, segment| segment.of_mut(value));
        match (last, inside) {
            (Segment::Key(key), Some(Value::Object(map))) => _ = map.insert(key.clone(), self.value.clone()),
            (Segment::Item(item), Some(Value::Array(list))) => list[*item] = self.value.clone(),
            _ => unreachable!("it may be set"),
        }
        origins.replace(&self.at.path, Origin::at(Spot::Set(Arc::clone(self), DocPath::default())));
        Ok(())
    }

    /// Whether the last step may be taken in `inside`. Keys may be new where a schema knows them all: a parameter's
    /// name, or a node's, would be a slip.
    fn may_set(&self, inside: &Value, last: &Segment) -> bool {
        let path = &self.at.path;
        let root = path
            .0
            .first()
            .and_then(|first| if let Segment::Key(key) = first { Some(key.as_str()) } else { None });
        match (last, inside) {
            (Segment::Item(item), Value::Array(list)) => *item < list.len(),
            (Segment::Key(key), Value::Object(map)) => match root {
                Some(extends::KEY) => false,
                Some(resolve::KEY) if path.0.len() > 1 => map.contains_key(key),
                Some("nodes") if path.0.len() == 2 => map.contains_key(key) || self.value.is_object(),
                _ => true,
            },
            _ => false,
        }
    }

    /// The problem of a step that can't be taken in `inside`.
    fn absent(&self, inside: &Value, step: usize, document: &Value) -> Box<Problem> {
        let above = DocPath(self.at.path.0[..step].to_vec());
        Box::new(match inside {
            Value::String(text) if !references::is_plain(text) => self
                .problem(step, &format!("can't reach into `{above}`, which is `{}`", brief(text)))
                .label("comes from elsewhere")
                .help("set it where it is written"),
            Value::Array(list) => self
                .nothing(step)
                .label(format!("the list has {}, counted from 0", count(list.len(), "item"))),
            Value::Object(_) if self.here(step) == extends::KEY => {
                self.problem(step, "can't set `extends`").label("decides which file is read")
            }
            Value::Object(map) => self.no_key(step, map, document),
            _ => self.nothing(step).label(format!("`{above}` is one value")),
        })
    }

    fn no_key(&self, step: usize, map: &Map<String, Value>, document: &Value) -> Problem {
        let name = DocPath(vec![self.at.path.0[step].clone()]).to_string();
        let meant = meant(&name, step, map, document);
        let known: Vec<&str> = map.keys().map(String::as_str).collect();
        self.nothing(step)
            .label(meant.map_or("not there".to_owned(), |meant| format!("did you mean `{meant}`?")))
            .help(format!("there are {}", suggest::short_list(&known, "and", "no keys")))
    }

    fn nothing(&self, step: usize) -> Problem {
        self.problem(step, &format!("can't set `{}`: it is not in the file", brief(&self.here(step))))
    }

    fn problem(&self, step: usize, message: &str) -> Problem {
        let range = self.step(step);
        let place = Place::Bytes(range.start, range.end);
        Problem::new(codes::OVERRIDE, place, format!("`--set` {message}")).within(&self.line)
    }

    /// The path up to and with a step.
    fn here(&self, step: usize) -> String {
        DocPath(self.at.path.0[..=step].to_vec()).to_string()
    }
}

/// The key of `map` that was meant; at the first step of a path, also one that stands below another.
fn meant(name: &str, step: usize, map: &Map<String, Value>, document: &Value) -> Option<String> {
    let close = suggest::closest(name, map.keys().map(String::as_str)).map(str::to_owned);
    if close.is_some() || step > 0 {
        return close;
    }
    let mut roots = ["nodes", "params"].into_iter();
    roots.find(|root| document[*root].get(name).is_some()).map(|root| format!("{root}.{name}"))
}

/// A problem of the value's own text, in the line; what lacks at its end is shown at its last character.
fn moved(problem: Problem, line: &Arc<Source>, start: usize) -> Problem {
    let in_line = |from: usize, to: usize| match start + from {
        end if end >= line.text().len() => Place::Bytes(end.saturating_sub(1), start + to),
        from => Place::Bytes(from, start + to),
    };
    let moved = problem.map_places(|place| match place {
        Place::Bytes(from, to) => in_line(from, to),
        place => place,
    });
    moved.within(line)
}
