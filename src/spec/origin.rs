//! Where the values of a resolved pipeline were written: in which text, and where in it.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    expects::brief,
    fix::Fix,
    overrides::Override,
    problem::{DocPath, Place, Problem},
    references::Target,
    source::Source,
};

/// How many reasons for a value, and how many variables in it, are told.
const MAX_TOLD: usize = 8;

/// What is said of a reference that brought a whole value.
const USED_HERE: &str = "used here";

/// A file that a pipeline extends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BaseFile {
    /// Its name and text.
    pub text: Arc<Source>,
    /// Its folder, seen from that of the pipeline file; empty if they are the same.
    pub folder: String,
}

/// A place in one of the texts that a pipeline is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// At a path of the pipeline file itself.
    Own(DocPath),
    /// At a path of a file that it extends.
    Base(Arc<BaseFile>, DocPath),
    /// On the command line: at a path in the value of an override.
    Set(Arc<Override>, DocPath),
}

impl Spot {
    /// What lies below this one, at `rest`.
    fn further(&self, rest: &DocPath) -> Self {
        match self {
            Self::Own(path) => Self::Own(path.under(rest)),
            Self::Base(file, path) => Self::Base(Arc::clone(file), path.under(rest)),
            Self::Set(set, path) => Self::Set(Arc::clone(set), path.under(rest)),
        }
    }

    /// The key or the value there. That of the pipeline's own file is in bytes: a path would be one of the resolved
    /// document.
    pub(super) fn place(&self, own: &Source, key: bool) -> Place {
        let at = |path: &DocPath| if key { Place::Key(path.clone()) } else { Place::Value(path.clone()) };
        match self {
            Self::Own(path) => {
                let range = own.locate(&at(path));
                Place::Bytes(range.start, range.end)
            }
            Self::Base(file, path) => Place::In(Arc::clone(&file.text), Box::new(at(path))),
            Self::Set(set, path) => {
                let range = set.locate(path, key);
                Place::In(Arc::clone(&set.line), Box::new(Place::Bytes(range.start, range.end)))
            }
        }
    }

    /// The bytes of `part` in the text that is written there; the whole value, if it is not written so.
    pub(super) fn part(&self, own: &Source, part: &str) -> Place {
        let place = self.place(own, false);
        let text = place.source(own);
        let range = text.locate(&place);
        match text.text().get(range.clone()).and_then(|written| written.find(part)) {
            Some(at) => self.bytes(range.start + at, part.len()),
            None => place,
        }
    }

    fn bytes(&self, start: usize, length: usize) -> Place {
        let bytes = Place::Bytes(start, start + length);
        match self {
            Self::Own(_) => bytes,
            Self::Base(file, _) => Place::In(Arc::clone(&file.text), Box::new(bytes)),
            Self::Set(set, _) => Place::In(Arc::clone(&set.line), Box::new(bytes)),
        }
    }

    /// In words: `pipeline.yaml:12`, `--set`.
    fn told(&self, own: &Source) -> String {
        if let Self::Set(..) = self {
            return "--set".to_owned();
        }
        let place = self.place(own, false);
        let text = place.source(own);
        if text.looks_left() == 0 {
            return text.name().to_owned();
        }
        format!("{}:{}", text.name(), text.line_column(text.locate(&place).start).0)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// Where it is written.
    pub value: Spot,
    /// Where its key is written, if that is not beside the value.
    pub key: Option<Spot>,
    /// Where its first characters are written, if it is a text that begins with a reference.
    pub begins: Option<Spot>,
    /// The references that brought it here, and what they stand for in a longer text: each where it stands, and
    /// what is said of it.
    pub reasons: Vec<(Spot, String)>,
    /// Variables of the environment that are in it, with their values.
    pub variables: Vec<(String, String)>,
    /// Whether it is such a value and nothing else, so that its type is what its key wants.
    pub untyped: bool,
}

impl Origin {
    /// Of a value that is written at one place.
    pub(super) fn at(value: Spot) -> Self {
        let (reasons, variables) = (Vec::new(), Vec::new());
        Self { value, key: None, begins: None, reasons, variables, untyped: false }
    }

    /// Takes in that the text has in it what a reference stands for, and where that comes from.
    pub(super) fn take_in(&mut self, target: &Target, of: Self, first: bool) {
        if let Target::Parameter(path) = target {
            if first && !of.untyped {
                self.begins = Some(of.begins.unwrap_or_else(|| of.value.clone()));
            }
            self.reasons.push((of.value, format!("`{path}`")));
        }
        self.reasons.extend(of.reasons);
        self.variables.extend(of.variables);
        self.keep_few();
    }

    /// Drops the reasons and variables that are more than anybody reads.
    fn keep_few(&mut self) {
        self.reasons.truncate(MAX_TOLD);
        self.variables.truncate(MAX_TOLD);
    }

    /// Of what lies below it, at `rest`.
    fn further(&self, rest: &DocPath) -> Self {
        if rest.0.is_empty() {
            return self.clone();
        }
        Self { value: self.value.further(rest), key: None, begins: None, ..self.clone() }
    }
}

/// The origins of a document's values, by path: each holds for all that lies below it, unless that has its own.
/// What has none is written at the same path of the pipeline file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<DocPath, Origin>);

impl Origins {
    /// All values have this one.
    pub(super) fn all(origin: Origin) -> Self {
        Self([(DocPath::default(), origin)].into())
    }

    /// Where the value at a path comes from.
    pub(super) fn of(&self, path: &DocPath) -> Origin {
        self.nearest(path).unwrap_or_else(|| Origin::at(Spot::Own(path.clone())))
    }

    fn nearest(&self, path: &DocPath) -> Option<Origin> {
        if self.0.is_empty() {
            return None;
        }
        (0..=path.0.len()).rev().find_map(|length| {
            let (above, rest) = path.0.split_at(length);
            let origin = self.0.get(&DocPath(above.to_vec()))?;
            Some(origin.further(&DocPath(rest.to_vec())))
        })
    }

    /// Says where the value at a path comes from; what was said of values below it no longer holds.
    pub(super) fn replace(&mut self, path: &DocPath, origin: Origin) {
        let below: Vec<DocPath> = self.below(path).map(|(path, _)| path.clone()).collect();
        below.iter().for_each(|path| drop(self.0.remove(path)));
        self.0.insert(path.clone(), origin);
    }

    /// Says where the value at a path comes from, and nothing of those below it.
    pub(super) fn set(&mut self, path: &DocPath, origin: Origin) {
        self.0.insert(path.clone(), origin);
    }

    /// The origins of the part of the document at a path, seen from there.
    pub(super) fn part(&self, path: &DocPath) -> Self {
        let below = self.below(path).map(|(below, origin)| (below.seen_from(path), origin.clone()));
        let mut part: BTreeMap<_, _> = below.collect();
        part.insert(DocPath::default(), self.of(path));
        Self(part)
    }

    /// Puts a part of another document at a path, brought there by a reference that stands at `by`.
    pub(super) fn graft(&mut self, path: &DocPath, part: Self) {
        for (below, origin) in part.0 {
            self.0.insert(path.under(&below), origin);
        }
    }

    /// The same, each brought to its place by the reference at `by`.
    pub(super) fn brought(mut self, by: &Spot) -> Self {
        for origin in self.0.values_mut() {
            origin.reasons.push((by.clone(), USED_HERE.to_owned()));
            origin.keep_few();
        }
        if let Some(whole) = self.0.get_mut(&DocPath::default()) {
            whole.key = Some(by.clone());
        }
        self
    }

    fn below<'a>(&'a self, path: &'a DocPath) -> impl Iterator<Item = (&'a DocPath, &'a Origin)> {
        self.0.range(path..).take_while(|(below, _)| below.0.starts_with(&path.0))
    }

    /// The paths of values whose type is what their keys want.
    pub(super) fn untyped(&self) -> impl Iterator<Item = &DocPath> {
        self.0.iter().filter(|(_, origin)| origin.untyped).map(|(path, _)| path)
    }

    /// The folder of the file in which the text at a path begins, seen from that of the pipeline file; none if it is
    /// the same.
    pub(super) fn folder(&self, path: &DocPath) -> Option<String> {
        let origin = self.nearest(path)?;
        match origin.begins.unwrap_or(origin.value) {
            Spot::Base(file, _) => Some(file.folder.clone()).filter(|folder| !folder.is_empty()),
            Spot::Own(_) | Spot::Set(..) => None,
        }
    }

    /// Whether two keys are written in different texts.
    pub(super) fn are_apart(&self, one: &DocPath, other: &DocPath) -> bool {
        match (self.of(one).value, self.of(other).value) {
            (Spot::Own(_), Spot::Own(_)) => false,
            (Spot::Base(one, _), Spot::Base(other, _)) => one != other,
            _ => true,
        }
    }

    /// A number, a word or nothing as it is written, if it is written at all.
    pub(super) fn written<'a>(&'a self, own: &'a Source, path: &DocPath) -> Option<String> {
        let Some(origin) = self.nearest(path) else { return own.written(path).map(str::to_owned) };
        if !origin.variables.is_empty() {
            return None;
        }
        match origin.value {
            Spot::Own(path) => own.written(&path).map(str::to_owned),
            Spot::Base(file, path) => file.text.written(&path).map(str::to_owned),
            Spot::Set(set, path) => set.line.text().get(set.locate(&path, false)).map(str::to_owned),
        }
    }

    /// The problems of a document with these origins, each with its places where they are written in the texts, of which
    /// `own` is the pipeline file's.
    pub fn traced(&self, own: &Source, problems: Vec<Problem>) -> Vec<Problem> {
        problems.into_iter().map(|problem| self.trace(own, problem)).collect()
    }

    /// The problem with its places where they are written, and what brought the value there.
    pub(super) fn trace(&self, own: &Source, mut problem: Problem) -> Problem {
        if self.0.is_empty() {
            return problem;
        }
        let (at, origin) = self.placed(own, problem.at.clone());
        let key = matches!(problem.at, Place::Key(_));
        problem.at = at;
        for (place, _) in &mut problem.related {
            *place = self.placed(own, place.clone()).0;
        }
        problem.fix = problem.fix.and_then(|fix| self.placed_fix(own, fix));
        let Some(origin) = origin else { return problem };
        // The reference itself, where the key beside it is meant.
        let reasons = if key && origin.key.is_some() { Vec::new() } else { origin.reasons };
        for (spot, said) in reasons {
            problem = problem.related(spot.place(own, false), said);
        }
        for (name, value) in &origin.variables {
            problem = problem.more_help(&format!("the environment has {name}=`{}`", brief(value)));
        }
        problem
    }

    /// The fix with its place where it is written; none if it is not written there alone: what a longer text is put
    /// together from, or the environment says, is not replaced.
    fn placed_fix(&self, own: &Source, fix: Fix) -> Option<Fix> {
        let (_, origin) = self.placed(own, fix.at.clone());
        let is_written = origin.is_none_or(|origin| {
            origin.variables.is_empty() && origin.reasons.iter().all(|(_, said)| said == USED_HERE)
        });
        is_written.then(|| fix.map_place(|place| self.placed(own, place).0))
    }

    /// A place of the resolved document as one of a text.
    fn placed(&self, own: &Source, place: Place) -> (Place, Option<Origin>) {
        let (path, key) = match &place {
            Place::Key(path) => (path, true),
            Place::Value(path) => (path, false),
            Place::Bytes(..) | Place::In(..) => return (place, None),
        };
        let Some(origin) = self.nearest(path) else { return (place, None) };
        let spot = if key { origin.key.as_ref().unwrap_or(&origin.value) } else { &origin.value };
        (spot.place(own, key), Some(origin))
    }

    /// Where a value comes from, in a few words: `base.yaml:3, used at pipeline.yaml:12`.
    pub fn told(&self, own: &Source, path: &DocPath) -> String {
        let origin = self.of(path);
        let mut told = vec![origin.value.told(own)];
        if origin.untyped {
            told = origin.variables.iter().map(|(name, _)| format!("env {name}")).collect();
        }
        told.extend(origin.reasons.iter().map(|(spot, said)| match said.as_str() {
            USED_HERE => format!("used at {}", spot.told(own)),
            of => format!("{of} at {}", spot.told(own)),
        }));
        told.dedup();
        told.join(", ")
    }
}
