//! `matrix:`, `halving:` and `repeats:`: the points of a sweep, each of which gives parameters other values.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    codes, dotted,
    draws::{self, Range, RangeFault, Space},
    expects::{brief, plain},
    extends::Document,
    fix::Fix,
    halving::{self, Halving},
    overrides::Override,
    problem::{DocPath, Problem},
    resolve::{self, Parameter},
};
use crate::{shown::count, suggest};

/// The key that holds the values of parameters.
pub(super) const KEY: &str = "matrix";
/// The key that says how often each point is trained, each time with another seed.
pub(super) const REPEATS: &str = "repeats";
/// What a repeat is called in the name of a point.
const REPEAT: &str = "repeat";
/// Points that are added, or of which more is said.
pub(super) const INCLUDE: &str = "include";
/// Points that are left out.
pub(super) const EXCLUDE: &str = "exclude";

/// The keys of `matrix` that are no parameters.
const RESERVED: [&str; 3] = [INCLUDE, EXCLUDE, draws::KEY];

/// The most points of a sweep.
pub(super) const MAX_POINTS: usize = 10_000;
/// The most repeats of a point.
pub(super) const MAX_REPEATS: u64 = 1_000;
/// How many draws there are at most for each point: one may give a point that there is already.
const TRIES: usize = 100;
/// The longest text of a value in the name of a point.
const MAX_WORD: usize = 40;
/// The longest name of a point: with that of a node it is the name of a folder.
const MAX_ID: usize = 140;

/// The points of a sweep.
#[derive(Debug)]
pub(super) struct Points {
    /// What the parts of the points' names begin with: the swept parameters in the file's order, then the repeat.
    pub dimensions: Vec<String>,
    /// The points, those of the first value of the first parameter first.
    pub points: Vec<Point>,
    /// How points are given up, if they are.
    pub halving: Option<Halving>,
}

/// One point of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    /// What the parameters are there, as it stands in the point's name; for each dimension.
    pub words: Vec<String>,
    /// The parameters that the point gives a value.
    pub parameters: Vec<Parameter>,
    /// What is added to the seed of training.
    pub repeat: u64,
}

impl Points {
    /// The points of a document in which the overrides are set already; none if it is no sweep.
    ///
    /// # Errors
    /// Every mistake in what says which points there are.
    pub(super) fn of(
        document: &Document<'_>,
        overrides: &[Arc<Override>],
    ) -> Result<Option<Self>, Vec<Problem>> {
        let (matrix, repeats) = (document.value.get(KEY), document.value.get(REPEATS));
        if matrix.is_none() && repeats.is_none() && document.value.get(halving::KEY).is_none() {
            return Ok(None);
        }
        let mut reader = Reader { document, dimensions: Vec::new(), problems: Vec::new() };
        let mut combinations =
            matrix.map_or_else(|| vec![Combination::new()], |matrix| reader.matrix(matrix));
        let halving = halving::read(document, &mut reader.problems);
        let halving = halving.and_then(|said| reader.halve(said, &mut combinations));
        let repeats = repeats.and_then(|repeats| reader.repeats(repeats));
        reader.refuse(overrides);
        let points = reader.points(&combinations, repeats);
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let mut dimensions: Vec<_> = reader.dimensions.into_iter().map(|it| it.name).collect();
        dimensions.extend(repeats.map(|_| REPEAT.to_owned()));
        Ok(Some(Self { dimensions, points, halving }))
    }

    /// The name of a point without how far it got and the repeat: what is given up as a whole.
    pub(super) fn trial(&self, point: &Point) -> String {
        let over = self.halving.as_ref().map(|halving| halving.over.as_str());
        self.id(point, |i| self.dimensions[i] != REPEAT && Some(self.dimensions[i].as_str()) != over)
    }

    /// The place of a point's value among those of `halving`.
    pub(super) fn rung(&self, point: &Point) -> usize {
        let place = |halving: &Halving| {
            let dimension = self.dimensions.iter().position(|name| *name == halving.over)?;
            halving.values.iter().position(|value| *value == point.words[dimension])
        };
        self.halving.as_ref().and_then(place).unwrap_or(0)
    }

    /// The name of a point, restricted to some of the dimensions.
    pub(super) fn id(&self, point: &Point, only: impl Fn(usize) -> bool) -> String {
        let parts = self.dimensions.iter().zip(&point.words).enumerate().filter(|(i, _)| only(*i));
        parts.map(|(_, (name, word))| format!("{name}={word}")).collect::<Vec<_>>().join(",")
    }
}

/// A parameter that is swept.
struct Dimension {
    /// As it is written.
    name: String,
    /// Its path below `params`.
    path: DocPath,
}

/// A value for some of the dimensions, with where each is written.
type Combination = BTreeMap<usize, (Value, DocPath)>;

struct Reader<'a> {
    document: &'a Document<'a>,
    dimensions: Vec<Dimension>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The product of the lists, without what is excluded, and with what is included.
    fn matrix(&mut self, matrix: &Value) -> Vec<Combination> {
        let at = DocPath::from([KEY]);
        let Some(map) = matrix.as_object() else {
            self.wrong_type(&at, "`matrix` must be a mapping (parameters and lists of values)");
            return Vec::new();
        };
        let lists: Vec<_> = map.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str())).collect();
        let mut spaces = Vec::new();
        for (name, values) in &lists {
            let at = at.join(name.as_str());
            let Some(dimension) = self.dimension(name, &at) else { continue };
            spaces.extend(self.space(values, &at).map(|space| (dimension, space)));
        }
        let mut combinations = match map.get(draws::KEY) {
            Some(number) => self.draw(number, &spaces),
            None => self.all(&spaces),
        };
        if let Some(excluded) = map.get(EXCLUDE) {
            self.exclude(excluded, &mut combinations);
        }
        if let Some(included) = map.get(INCLUDE) {
            if lists.is_empty() {
                combinations.clear();
            }
            self.include(included, &mut combinations);
        }
        if combinations.is_empty() && self.problems.is_empty() {
            self.tell(codes::SWEEP, &at, false, "the sweep has no point", "nothing is left of it");
        }
        combinations
    }

    /// The place of a swept parameter among the dimensions.
    fn dimension(&mut self, name: &str, at: &DocPath) -> Option<usize> {
        if let Some(known) = self.dimensions.iter().position(|it| it.name == name) {
            return Some(known);
        }
        let params = self.document.value.get(resolve::KEY).unwrap_or(&Value::Null);
        let path = dotted::parse(name).ok().map(|dotted| dotted.path);
        let Some(path) = path.filter(|path| name != REPEAT && path.of(params).is_some()) else {
            self.no_parameter(name, params, at);
            return None;
        };
        let overlaps = |it: &Dimension| it.path.0.starts_with(&path.0) || path.0.starts_with(&it.path.0);
        if let Some(other) = self.dimensions.iter().find(|it| overlaps(it)) {
            let label = format!("`{}` is swept too", other.name);
            let message = format!("`{}` can't be swept: one value would be part of the other", brief(name));
            self.tell(codes::SWEEP, at, true, &message, &label);
            return None;
        }
        self.dimensions.push(Dimension { name: name.to_owned(), path });
        Some(self.dimensions.len() - 1)
    }

    fn no_parameter(&mut self, name: &str, params: &Value, at: &DocPath) {
        let known: Vec<&str> =
            params.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let label = match suggest::closest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if name == REPEAT => "for the seed, write `repeats: 5` beside `matrix`".to_owned(),
            None => "not below `params`".to_owned(),
        };
        let of_matrix = at.0.first() == DocPath::from([KEY]).0.first();
        let sweeps = if of_matrix { "`matrix` sweeps" } else { "`halving` is over" };
        let message = format!("{sweeps} `{}`, and there is no such parameter", brief(name));
        let place = self.document.origins.of(at).value.place(self.document.source, of_matrix);
        let help =
            format!("there are {}", suggest::short_list(&known, "and", "no parameters: `params` has them"));
        let meant = suggest::only(name, known.iter().copied());
        let fix = meant.map(|meant| Fix::word(place.clone(), name, meant));
        self.problems
            .push(Problem::new(codes::NO_PARAMETER, place, message).label(label).help(help).fix(fix));
    }

    /// What the values of a parameter are taken from.
    fn space(&mut self, values: &Value, at: &DocPath) -> Option<Space> {
        let Some(map) = values.as_object() else { return self.list(values, at).map(Space::List) };
        match Range::read(map) {
            Ok(range) => Some(Space::Range(range, at.clone())),
            Err(RangeFault { key, is_key, message, label, meant }) => {
                let at = key.as_ref().map_or_else(|| at.clone(), |key| at.join(key.as_str()));
                self.tell(codes::SWEEP, &at, is_key, &message, &label);
                if let (Some(problem), Some(key)) = (self.problems.last_mut(), key) {
                    problem.fix = meant.map(|meant| Fix::word(problem.at.clone(), key, meant));
                }
                None
            }
        }
    }

    /// All combinations of the values.
    fn all(&mut self, spaces: &[(usize, Space)]) -> Vec<Combination> {
        let mut combinations = vec![Combination::new()];
        for (dimension, space) in spaces {
            let values = match space {
                Space::List(values) => values,
                Space::Range(_, at) => {
                    let message = "a range has no end of values";
                    self.tell(
                        codes::SWEEP,
                        at,
                        false,
                        message,
                        "write how many points there are: `draw: 20`",
                    );
                    continue;
                }
            };
            if combinations.len().saturating_mul(values.len()) > MAX_POINTS {
                self.too_many(&DocPath::from([KEY]));
                return Vec::new();
            }
            combinations = product(&combinations, *dimension, values);
        }
        combinations
    }

    /// As many combinations of drawn values as asked for, no two the same.
    fn draw(&mut self, number: &Value, spaces: &[(usize, Space)]) -> Vec<Combination> {
        let at = DocPath::from([KEY]).join(draws::KEY);
        let Some(wanted @ 1..=MAX_POINTS) = number.as_u64().map(|number| number as usize) else {
            let message = format!("`{}` must be a whole number from 1 to {MAX_POINTS}", draws::KEY);
            self.tell(codes::OUT_OF_RANGE, &at, false, &message, "so many points are drawn");
            return Vec::new();
        };
        let Some(seed) = self.seed() else { return Vec::new() };
        let drawn = self.distinct(wanted, seed, spaces);
        if drawn.len() < wanted && self.problems.is_empty() {
            let message = format!("{wanted} points are to be drawn, and only {} were found", drawn.len());
            self.tell(codes::SWEEP, &at, false, &message, "more than there are");
        }
        drawn
    }

    /// What decides which points are drawn.
    fn seed(&mut self) -> Option<u64> {
        let Some(seed) = self.document.value.get("seed") else { return Some(0) };
        if seed.as_u64().is_none() {
            let message = "points are drawn by `seed`, which must be a number for that";
            self.tell(codes::SWEEP, &["seed"].into(), false, message, "not known before there are points");
        }
        seed.as_u64()
    }

    /// The first `wanted` drawn combinations that differ; fewer if so many are not found.
    fn distinct(&self, wanted: usize, seed: u64, spaces: &[(usize, Space)]) -> Vec<Combination> {
        let (mut seen, mut drawn) = (BTreeSet::new(), Vec::new());
        for number in 0..wanted.saturating_mul(TRIES) {
            let value = |(dimension, space): &(usize, Space)| {
                let mut stream = draws::stream(seed, &self.dimensions[*dimension].name, number);
                (*dimension, space.draw(&mut stream))
            };
            let combination: Combination = spaces.iter().map(value).collect();
            let words: Vec<String> = combination.values().map(|(value, _)| word(value)).collect();
            if seen.insert(words) {
                drawn.push(combination);
            }
            if drawn.len() == wanted {
                break;
            }
        }
        drawn
    }

    /// Each combination with each value of the parameter that there is more and more of.
    fn halve(&mut self, said: halving::Said<'_>, combinations: &mut Vec<Combination>) -> Option<Halving> {
        let known = self.dimensions.iter().any(|it| it.name == said.over);
        if known {
            let message = format!("`{}` is swept by `matrix`, too", brief(said.over));
            self.tell(codes::SWEEP, &halving::over_at(), false, &message, "leave it out there");
            return None;
        }
        let dimension = self.dimension(said.over, &halving::over_at())?;
        let values = self.list(said.values, &halving::values_at())?;
        if combinations.len().saturating_mul(values.len()) > MAX_POINTS {
            self.too_many(&halving::values_at());
            return None;
        }
        *combinations = product(combinations, dimension, &values);
        Some(said.with(values.iter().map(|(value, _)| word(value)).collect()))
    }

    /// The values of a list, with where they are written.
    fn list(&mut self, values: &Value, at: &DocPath) -> Option<Vec<(Value, DocPath)>> {
        match values.as_array() {
            Some(values) if !values.is_empty() => {
                Some(values.iter().enumerate().map(|(i, value)| (value.clone(), at.join(i))).collect())
            }
            _ => {
                self.wrong_type(at, &format!("`{at}` must be a list of values"));
                None
            }
        }
    }

    fn exclude(&mut self, excluded: &Value, combinations: &mut Vec<Combination>) {
        let dimensions = self.dimensions.len();
        for (some, at) in self.assignments(excluded, EXCLUDE) {
            let before = combinations.len();
            let swept = some.keys().all(|dimension| *dimension < dimensions);
            combinations.retain(|combination| !swept || !agree(combination, &some));
            if combinations.len() == before {
                let message = "`exclude` names values that no point has";
                self.tell(codes::SWEEP, &at, false, message, "leaves nothing out");
            }
        }
    }

    /// Adds each to the points whose swept values it does not change; if there are none, it is a point of its own.
    fn include(&mut self, included: &Value, combinations: &mut Vec<Combination>) {
        let (swept, originals) = (self.dimensions.len(), combinations.len());
        for (more, _) in self.assignments(included, INCLUDE) {
            let own: Combination =
                more.clone().into_iter().filter(|(dimension, _)| *dimension < swept).collect();
            let mut found = false;
            for combination in combinations[..originals].iter_mut().filter(|it| agree(it, &own)) {
                found = true;
                let extra = more.iter().filter(|(dimension, _)| **dimension >= swept);
                combination.extend(extra.map(|(dimension, value)| (*dimension, value.clone())));
            }
            if !found {
                combinations.push(more);
            }
        }
        if combinations.len() > MAX_POINTS {
            self.too_many(&DocPath::from([KEY]).join(INCLUDE));
        }
    }

    /// What the items of `include` or `exclude` say, with where they stand.
    fn assignments(&mut self, list: &Value, key: &str) -> Vec<(Combination, DocPath)> {
        let at = DocPath::from([KEY]).join(key);
        let Some(items) = list.as_array() else {
            self.wrong_type(&at, &format!("`{at}` must be a list of mappings (parameters and values)"));
            return Vec::new();
        };
        let mut assignments = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let at = at.join(i);
            let Some(item) = item.as_object().filter(|item| !item.is_empty()) else {
                self.wrong_type(&at, &format!("`{at}` must be a mapping (parameters and values)"));
                continue;
            };
            let mut assignment = Combination::new();
            for (name, value) in item {
                let at = at.join(name.as_str());
                let dimension = self.dimension(name, &at);
                assignment.extend(dimension.map(|dimension| (dimension, (value.clone(), at))));
            }
            assignments.push((assignment, at));
        }
        assignments
    }

    fn repeats(&mut self, repeats: &Value) -> Option<u64> {
        let at = DocPath::from([REPEATS]);
        match repeats.as_u64() {
            Some(number @ 1..=MAX_REPEATS) => return Some(number),
            None if !repeats.is_number() => self.wrong_type(&at, "`repeats` must be a whole number"),
            _ => {
                let message = format!("`repeats` is {repeats}, and must be from 1 to {MAX_REPEATS}");
                self.tell(codes::OUT_OF_RANGE, &at, false, &message, "out of range");
            }
        }
        None
    }

    /// Tells which overrides set what is swept.
    fn refuse(&mut self, overrides: &[Arc<Override>]) {
        for set in overrides {
            let swept = |it: &&Dimension| {
                let path = DocPath::from([resolve::KEY]).under(&it.path);
                path.0.starts_with(&set.path().0) || set.path().0.starts_with(&path.0)
            };
            if let Some(dimension) = self.dimensions.iter().find(swept) {
                self.problems.push(set.swept(&dimension.name));
            }
        }
    }

    /// The points, each with the values of all dimensions: that of the parameter itself where nothing else is said.
    fn points(&mut self, combinations: &[Combination], repeats: Option<u64>) -> Vec<Point> {
        let total = combinations.len().saturating_mul(repeats.map_or(1, |repeats| repeats as usize));
        if total > MAX_POINTS {
            self.too_many(&DocPath::from([if repeats.is_some() { REPEATS } else { KEY }]));
        }
        if !self.problems.is_empty() {
            return Vec::new();
        }
        let mut seen: BTreeMap<Vec<String>, Point> = BTreeMap::new();
        let mut points = Vec::new();
        for combination in combinations {
            let Some(point) = self.point(combination) else { break };
            let alike: Vec<_> = point.words.iter().map(|word| word.to_lowercase()).collect();
            match seen.get(&alike) {
                None => {
                    seen.insert(alike, point.clone());
                    points.push(point);
                }
                Some(other) if values(other) == values(&point) => {}
                Some(_) => self.twins(combination, &point),
            }
        }
        let Some(repeats) = repeats else { return points };
        points.iter().flat_map(|point| (0..repeats).map(|repeat| point.repeated(repeat))).collect()
    }

    fn point(&mut self, combination: &Combination) -> Option<Point> {
        let (mut words, mut parameters) = (Vec::new(), Vec::new());
        for (i, Dimension { name, path }) in self.dimensions.iter().enumerate() {
            let own = DocPath::from([resolve::KEY]).under(path);
            let (value, at) = match combination.get(&i) {
                Some((value, at)) => (value, at),
                None => (own.of(&self.document.value)?, &own),
            };
            words.push(word(value));
            if words[i].len() > MAX_WORD {
                let (message, at) =
                    (format!("a value of `{name}` is too long for the name of a point"), at.clone());
                let place = self.document.origins.of(&at).value.place(self.document.source, false);
                let problem = Problem::new(codes::SWEEP, place, message).label("this value");
                self.problems.push(
                    problem.help("give it a name: put it below `params`, and write `${params.NAME}` here"),
                );
                return None;
            }
            parameters.push(Parameter { path: path.clone(), value: value.clone(), at: at.clone() });
        }
        let length: usize =
            self.dimensions.iter().zip(&words).map(|(it, word)| it.name.len() + word.len() + 2).sum();
        if length > MAX_ID {
            let message =
                format!("the names of the points are too long: {length} characters, and {MAX_ID} may be");
            self.tell(
                codes::SWEEP,
                &DocPath::from([KEY]),
                false,
                &message,
                "too much for the name of a folder",
            );
            return None;
        }
        Some(Point { words, parameters, repeat: 0 })
    }

    fn twins(&mut self, combination: &Combination, point: &Point) {
        let last = combination.values().map(|(_, at)| at).next_back();
        let at = last.cloned().unwrap_or_else(|| DocPath::from([KEY]));
        let message = format!("two points would both be called `{}`", point.words.join(","));
        self.tell(codes::SWEEP, &at, false, &message, "differs in what a name can't say");
    }

    fn too_many(&mut self, at: &DocPath) {
        let message = format!("the sweep has more than {}", count(MAX_POINTS, "point"));
        self.tell(codes::SWEEP, at, true, &message, "too many");
    }

    fn wrong_type(&mut self, at: &DocPath, message: &str) {
        let place = self.document.origins.of(at).value.place(self.document.source, false);
        let help = match at.last_key() {
            REPEATS => "write `repeats: 5`",
            INCLUDE | EXCLUDE => "write `- { lr: 0.1 }` below it",
            _ => "write `lr: [0.1, 0.01]` below `matrix`",
        };
        self.problems
            .push(Problem::new(codes::WRONG_TYPE, place, message).label("something else").help(help));
    }

    fn tell(&mut self, code: &'static str, at: &DocPath, key: bool, message: &str, label: &str) {
        let place = self.document.origins.of(at).value.place(self.document.source, key);
        self.problems.push(Problem::new(code, place, message).label(label));
    }
}

impl Point {
    /// The same with another seed of training.
    fn repeated(&self, repeat: u64) -> Self {
        let words = self.words.iter().cloned().chain([repeat.to_string()]).collect();
        Self { words, parameters: self.parameters.clone(), repeat }
    }
}

/// Each of the combinations with each of the values.
fn product(combinations: &[Combination], dimension: usize, values: &[(Value, DocPath)]) -> Vec<Combination> {
    let with = |combination: &Combination, value: &(Value, DocPath)| {
        let mut combination = combination.clone();
        combination.insert(dimension, value.clone());
        combination
    };
    combinations.iter().flat_map(|it| values.iter().map(move |value| with(it, value))).collect()
}

/// Whether a combination has all of these values.
fn agree(combination: &Combination, values: &Combination) -> bool {
    values.iter().all(|(key, (value, _))| combination.get(key).is_some_and(|(other, _)| other == value))
}

fn values(point: &Point) -> Vec<(&DocPath, &Value)> {
    point.parameters.iter().map(|parameter| (&parameter.path, &parameter.value)).collect()
}

/// A value as it stands in the name of a folder.
fn word(value: &Value) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "+-._".contains(c) { c } else { '_' };
    let text: String = plain(value).chars().map(allowed).collect();
    let word = text.trim_matches(['_', '.']);
    if word.is_empty() { "_".to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::spec::Source;

    /// The names of the points, or the messages of what is wrong.
    fn points(sweep: &str) -> Vec<String> {
        let text = format!("params: {{ lr: 1, size: 32, wd: 0, chain: [a], heavy: [b] }}\n{sweep}\n");
        let source = Source::new("p.yaml", text);
        let document = Document::read(&source, Path::new("")).unwrap();
        match Points::of(&document, &[]) {
            Ok(Some(matrix)) => matrix.points.iter().map(|point| matrix.id(point, |_| true)).collect(),
            Ok(None) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| problem.message).collect(),
        }
    }

    #[test]
    fn points_are_the_product_in_the_order_of_the_file() {
        let ids = ["size=64,lr=0.1", "size=64,lr=0.001", "size=96,lr=0.1", "size=96,lr=0.001"];
        assert_eq!(points("matrix: { size: [64, 96], lr: [0.1, 1e-3] }"), ids);
        assert_eq!(points("repeats: 2"), ["repeat=0", "repeat=1"]);
        assert_eq!(points("matrix: { lr: [1] }\nrepeats: 2"), ["lr=1,repeat=0", "lr=1,repeat=1"]);
        assert_eq!(points("a: 1"), [""; 0]);
        assert_eq!(
            points("matrix: { chain: ['${params.chain}', '${params.heavy}'] }"),
            ["chain=params.chain", "chain=params.heavy"]
        );
    }

    #[test]
    fn points_are_left_out_and_added() {
        let exclude =
            points("matrix: { lr: [1, 2], size: [3, 4], exclude: [{ lr: 1, size: 4 }, { lr: 2 }] }");
        assert_eq!(exclude, ["lr=1,size=3"]);
        // As the example of GitHub Actions' documentation: what is added to points, what changes that again, and
        // what becomes points of their own.
        let include = "matrix: { lr: [1, 2], size: [3, 4], include: [{ wd: 5 }, { wd: 6, size: 3 }, { lr: 7 }, { lr: 7, size: 8 }] }";
        let ids = [
            "lr=1,size=3,wd=6",
            "lr=1,size=4,wd=5",
            "lr=2,size=3,wd=6",
            "lr=2,size=4,wd=5",
            "lr=7,size=32,wd=0",
            "lr=7,size=8,wd=0",
        ];
        assert_eq!(points(include), ids);
        assert_eq!(points("matrix: { include: [{ lr: 3 }, { wd: 2 }] }"), ["lr=3,wd=0", "lr=1,wd=2"]);
    }

    #[test]
    fn points_are_drawn_by_the_seed_and_stay_when_there_are_more() {
        let draw = |number: usize, seed: u64| {
            points(&format!(
                "seed: {seed}\nmatrix: {{ lr: {{ min: 0.001, max: 0.1, scale: log }}, size: [32, 64], draw: {number} }}"
            ))
        };
        let five = draw(5, 0);
        assert_eq!((five.len(), &draw(8, 0)[..5]), (5, &five[..]));
        assert_ne!(draw(5, 1), five);
        // Another parameter changes none of the values.
        let more =
            points("matrix: { wd: { min: 1, max: 9 }, lr: { min: 0.001, max: 0.1, scale: log }, draw: 5 }");
        let rate = |id: &str| id.split(',').find(|part| part.starts_with("lr=")).unwrap().to_owned();
        assert!(more.iter().zip(&five).all(|(one, other)| rate(one) == rate(other)), "{more:?} {five:?}");
        assert_eq!(points("matrix: { lr: [1, 2], size: [3], draw: 2 }").len(), 2);
    }

    #[test]
    fn points_get_more_and_more() {
        let nodes = "nodes: { score: {} }\n";
        let ids = ["lr=1,wd=2", "lr=1,wd=6", "lr=3,wd=2", "lr=3,wd=6"];
        let matrix = "matrix: { lr: [1, 3] }\nhalving: { over: wd, values: [2, 6], by: score.top1 }";
        assert_eq!(points(&format!("{nodes}{matrix}")), ids);
        let of =
            |halving: &str| points(&format!("{nodes}matrix: {{ lr: [1] }}\nhalving: {halving}")).join("\n");
        let told = [
            of("3"),
            of("{ over: wd, values: [1], by: score.top1, facto: 2 }"),
            of("{ over: wd }"),
            of("{ over: dw, values: [1], by: score.top1 }"),
            of("{ over: lr, values: [1], by: score.top1 }"),
            of("{ over: wd, values: 1, by: score.top1 }"),
            of("{ over: wd, values: [1], by: top1 }"),
            of("{ over: wd, values: [1], by: scor.top1 }"),
            of("{ over: wd, values: [1], by: score.top1, factor: 1 }"),
            of("{ over: wd, values: [1], by: score.top1, best: low }"),
        ];
        insta::assert_snapshot!(told.join("\n"));
        let both =
            "nodes: { score: {} }\nmatrix: { rl: [1] }\nhalving: { over: wd, values: [1], by: scor.top1 }";
        assert_eq!(points(both).len(), 2, "mistakes in both are told");
    }

    #[test]
    fn what_makes_no_sweep_is_told() {
        for (sweep, message) in [
            ("matrix: 3", "`matrix` must be a mapping (parameters and lists of values)"),
            ("matrix: { rl: [1] }", "`matrix` sweeps `rl`, and there is no such parameter"),
            ("matrix: { lr: 1 }", "`matrix.lr` must be a list of values"),
            ("matrix: { lr: [1], exclude: [{ lr: 2 }] }", "`exclude` names values that no point has"),
            ("matrix: { lr: [1], exclude: [{ lr: 1 }] }", "the sweep has no point"),
            ("matrix: { lr: [a, A] }", "two points would both be called `A`"),
            (
                "matrix: { chain: [[a, b]], 'chain[0]': [c] }",
                "`chain[0]` can't be swept: one value would be part of the other",
            ),
            ("matrix: { lr: { min: 0, max: 1 } }", "a range has no end of values"),
            ("matrix: { lr: { min: 2, max: 1 }, draw: 2 }", "`max` must be above `min`, 2"),
            ("matrix: { lr: [1, 2], draw: 3 }", "3 points are to be drawn, and only 2 were found"),
            (
                "seed: '${params.lr}'\nmatrix: { lr: [1], draw: 1 }",
                "points are drawn by `seed`, which must be a number for that",
            ),
            ("matrix: { lr: [1], draw: 0 }", "`draw` must be a whole number from 1 to 10000"),
            ("repeats: 0", "`repeats` is 0, and must be from 1 to 1000"),
            ("repeats: five", "`repeats` must be a whole number"),
            (
                "matrix: { lr: [1,2,3,4,5,6,7,8,9,10,11] }\nrepeats: 1000",
                "the sweep has more than 10000 points",
            ),
        ] {
            assert_eq!(points(sweep), [message], "{sweep}");
        }
    }
}
