//! All points of a sweep as one document, in which a node that is the same at several points is there once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{
    codes,
    expects::brief,
    extends::Document,
    halving::Halving,
    naming,
    origin::Origins,
    overrides::Override,
    points::{self, Point, Points},
    problem::{DocPath, Place, Problem, Segment},
    references::escape,
    resolve::{Parameter, Resolved, resolve},
    schema::{self, MAX_NAME},
    shape::Shapes,
    source::Source,
    untyped,
};
use crate::{
    node::{Kind, SeedPurpose},
    shown, suggest, yaml,
};

/// Stands in a node's name between what it is called in the file and the points that it is of: `fit@lr=0.1`.
pub const AT: char = '@';

/// The points of a pipeline, and which nodes they are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What the file says, with overrides set; its points and its references are as they are written.
    pub document: Value,
    /// Where that is written.
    pub origins: Origins,
    /// The points, in order.
    pub points: Vec<SweepPoint>,
    /// How points are given up, if they are.
    pub halving: Option<Halving>,
}

/// A point of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepPoint {
    /// Its name, e.g. `lr=0.1,size=64,repeat=0`.
    pub id: String,
    /// The names of its nodes.
    pub nodes: Vec<String>,
    /// The point's name without how far it got and the repeat: what [`Halving`] gives up or not.
    pub trial: String,
    /// How far it got: the place among the values of [`Halving`], from 0.
    pub rung: usize,
}

/// A sweep, and the document that has the nodes of all its points.
pub(super) struct Swept {
    pub sweep: Sweep,
    pub resolved: Resolved,
    /// The seeds of the nodes, by their names.
    pub seeds: BTreeMap<String, u64>,
}

impl Swept {
    /// The sweep that a document with its overrides set is; none if it is one pipeline.
    ///
    /// # Errors
    /// Every mistake in what says which points there are.
    pub(super) fn of(
        document: &Document<'_>,
        overrides: &[Arc<Override>],
        kinds: &[Kind],
    ) -> Result<Option<Self>, Vec<Problem>> {
        let Some(matrix) = Points::of(document, overrides)? else { return Ok(None) };
        let resolved =
            |point: &Point| typed(resolve(document, &[], &point.parameters), document.source, kinds);
        let points: Vec<Resolved> = matrix.points.iter().map(resolved).collect();
        let mut merge =
            Merge { document, matrix: &matrix, points, kinds, known: Known::default(), problems: Vec::new() };
        Ok(Some(merge.swept()))
    }
}

/// The same with what comes from the environment read as what its key wants: what a node is made of then says what it is.
fn typed(mut resolved: Resolved, source: &Source, kinds: &[Kind]) -> Resolved {
    if resolved.origins.untyped().next().is_some() {
        let (schema, origins) = (schema::pipeline(kinds), &resolved.origins);
        let shapes =
            Shapes { schema: &schema, document: &resolved.value, source: Some(source), origins, kinds };
        resolved.value = untyped::typed(&shapes);
    }
    resolved
}

/// What a point of a document gives its parameters.
///
/// # Errors
/// Every mistake in what says which points there are, and that there is none called `id`.
pub(super) fn parameters_of(
    document: &Document<'_>,
    overrides: &[Arc<Override>],
    id: &str,
) -> Result<Vec<Parameter>, Vec<Problem>> {
    let matrix = Points::of(document, overrides)?;
    let ids: Vec<_> =
        matrix.iter().flat_map(|it| it.points.iter().map(|point| it.id(point, |_| true))).collect();
    let mut points = matrix.iter().flat_map(|it| it.points.iter()).zip(&ids);
    if let Some((point, _)) = points.find(|(_, other)| is_part(id, other)) {
        return Ok(point.parameters.clone());
    }
    let place = document.origins.of(&[points::KEY].into()).value.place(document.source, true);
    let problem = Problem::new(codes::SWEEP, place, format!("there is no point `{}`", brief(id)));
    Err(vec![
        problem
            .label("not one of these")
            .help(format!("there are {}", suggest::short_list(&ids, "and", "no points"))),
    ])
}

/// Makes one document of those of all points.
struct Merge<'a> {
    document: &'a Document<'a>,
    matrix: &'a Points,
    points: Vec<Resolved>,
    kinds: &'a [Kind],
    known: Known,
    problems: Vec<Problem>,
}

/// What is known of nodes, so that each is looked at once.
#[derive(Default)]
struct Known {
    /// Numbers of nodes that differ, by all that they are made of.
    numbers: BTreeMap<String, usize>,
    /// What nodes draw random numbers for, by what they are made of.
    purposes: BTreeMap<String, Option<SeedPurpose>>,
}

/// The number of each node of a point; none for one that is being looked at, or is no node.
type Numbers = BTreeMap<String, Option<usize>>;

impl Merge<'_> {
    fn swept(&mut self) -> Swept {
        self.name_must_be_one();
        let numbers: Vec<Numbers> = (0..self.points.len()).map(|point| self.numbers(point)).collect();
        let names = self.names(&numbers);
        let (resolved, seeds) = self.merged(&numbers, &names);
        let points = self.matrix.points.iter().zip(&numbers).map(|(point, numbers)| SweepPoint {
            id: self.matrix.id(point, |_| true),
            nodes: numbers.values().flatten().map(|number| names[number].clone()).collect(),
            trial: self.matrix.trial(point),
            rung: self.matrix.rung(point),
        });
        let points = points.collect();
        let halving = self.matrix.halving.clone();
        let (document, origins) = (self.document.value.clone(), self.document.origins.clone());
        Swept { sweep: Sweep { document, origins, points, halving }, resolved, seeds }
    }

    /// Results of one pipeline have one place.
    fn name_must_be_one(&mut self) {
        let name = |resolved: &Resolved| resolved.value.get("name").cloned();
        if self.points.windows(2).any(|pair| name(&pair[0]) != name(&pair[1])) {
            let origin = self.points[0].origins.of(&["name"].into());
            let message = "the name of the pipeline is not the same at all points";
            let problem =
                Problem::new(codes::SWEEP, origin.value.place(self.document.source, false), message);
            let problem = problem.label("differs");
            self.problems.push(problem.help("leave the parameter out: the names of nodes say the point"));
        }
    }

    /// Numbers all nodes of a point: those that are the same as another point's have its number.
    fn numbers(&mut self, point: usize) -> Numbers {
        let mut numbers = Numbers::new();
        let names: Vec<String> =
            self.nodes(point).map(|nodes| nodes.keys().cloned().collect()).unwrap_or_default();
        for name in names {
            if name.len() > MAX_NAME || name.contains(AT) {
                let at = self.points[point].origins.of(&["nodes", name.as_str()].into()).value;
                let problem = naming::bad(at.place(self.document.source, true), &name, "node");
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                numbers.insert(name, None);
            } else {
                self.number(point, &name, &mut numbers);
            }
        }
        numbers
    }

    fn nodes(&self, point: usize) -> Option<&Map<String, Value>> {
        self.points[point].value.get("nodes")?.as_object()
    }

    /// The number of a node, which is decided by its name, its keys, the numbers of those that it refers to, and its seed.
    fn number(&mut self, point: usize, name: &str, numbers: &mut Numbers) -> Option<usize> {
        if let Some(known) = numbers.get(name) {
            return *known;
        }
        let node = self.nodes(point)?.get(name)?.clone();
        numbers.insert(name.to_owned(), None);
        let mut made_of = node.clone();
        for port in ports(&node, self.kinds) {
            let Some(Value::String(of)) = node.get(port) else { continue };
            if let Some(number) = self.number(point, of, numbers) {
                made_of[port] = json!([number]);
            }
        }
        let folders: Vec<_> = ports_and_paths(&node, self.kinds)
            .map(|key| self.points[point].origins.folder(&["nodes", name, key].into()))
            .collect();
        let broken: Vec<String> = self.points[point].broken.iter().map(DocPath::to_string).collect();
        let broken: Vec<_> =
            broken.iter().filter(|path| path.starts_with(&format!("nodes.{name}."))).collect();
        let all = json!([name, made_of, self.seed(point, &node), folders, broken]).to_string();
        let next = self.known.numbers.len();
        let number = *self.known.numbers.entry(all).or_insert(next);
        numbers.insert(name.to_owned(), Some(number));
        Some(number)
    }

    /// The seed of a node that has one.
    fn seed(&mut self, point: usize, node: &Value) -> Option<u64> {
        let kinds = self.kinds;
        let purpose = *self.known.purposes.entry(node.to_string()).or_insert_with(|| purpose(node, kinds));
        let seed = self.points[point].value.get("seed").and_then(Value::as_u64).unwrap_or(0);
        Some(match purpose? {
            SeedPurpose::Data => seed,
            SeedPurpose::Training => seed.wrapping_add(self.matrix.points[point].repeat),
        })
    }

    /// The name of each numbered node: that of the file, and the part of the points' names that it depends on.
    fn names(&self, numbers: &[Numbers]) -> BTreeMap<usize, String> {
        let bases: BTreeSet<&String> = numbers.iter().flat_map(BTreeMap::keys).collect();
        let mut names = BTreeMap::new();
        for base in bases {
            let at = |(point, numbers): (usize, &Numbers)| Some((point, (*numbers.get(base)?)?));
            let at: Vec<(usize, usize)> = numbers.iter().enumerate().filter_map(at).collect();
            let kept = self.depends_on(&at);
            for (point, number) in at {
                let label = self.matrix.id(&self.matrix.points[point], |i| kept.contains(&i));
                let name = if label.is_empty() { base.clone() } else { format!("{base}{AT}{label}") };
                names.insert(number, name);
            }
        }
        names
    }

    /// The dimensions that decide which of the numbers a point has: those that tell points of one number apart are left out if
    /// the others decide, and of these one after the other, the last one first, while they still do.
    fn depends_on(&self, numbers: &[(usize, usize)]) -> BTreeSet<usize> {
        let all: BTreeSet<usize> = (0..self.matrix.dimensions.len()).collect();
        let one_value: BTreeSet<usize> =
            all.iter().copied().filter(|i| self.has_one_value(*i, numbers)).collect();
        let mut kept = if self.decide(&one_value, numbers) { one_value } else { all };
        for dimension in (0..self.matrix.dimensions.len()).rev() {
            let without: BTreeSet<usize> = kept.iter().copied().filter(|it| *it != dimension).collect();
            if self.decide(&without, numbers) {
                kept = without;
            }
        }
        kept
    }

    /// Whether all points of a number have the same value in a dimension.
    fn has_one_value(&self, dimension: usize, numbers: &[(usize, usize)]) -> bool {
        let mut seen = BTreeMap::new();
        numbers.iter().all(|(point, number)| {
            let word = &self.matrix.points[*point].words[dimension];
            *seen.entry(number).or_insert(word) == word
        })
    }

    /// Whether all points that agree in some dimensions have the same number.
    fn decide(&self, dimensions: &BTreeSet<usize>, numbers: &[(usize, usize)]) -> bool {
        let mut seen = BTreeMap::new();
        numbers.iter().all(|(point, number)| {
            let words = &self.matrix.points[*point].words;
            let words: Vec<&str> = dimensions.iter().map(|i| words[*i].as_str()).collect();
            seen.entry(words).or_insert(number) == &number
        })
    }

    /// The document with every numbered node once, and their seeds.
    fn merged(
        &mut self,
        numbers: &[Numbers],
        names: &BTreeMap<usize, String>,
    ) -> (Resolved, BTreeMap<String, u64>) {
        let mut merged = Resolved { problems: self.resolving(), ..Resolved::default() };
        merged.problems.append(&mut self.problems);
        let (mut seeds, mut nodes) = (BTreeMap::new(), Map::new());
        for point in 0..self.points.len() {
            let Some(here) = self.nodes(point).cloned() else { continue };
            for (base, node) in &here {
                let Some(name) = numbers[point][base].map(|number| &names[&number]) else { continue };
                if !nodes.contains_key(name) {
                    let renamed = |of: &str| Some(&names[&(*numbers[point].get(of)?)?]);
                    nodes.insert(name.clone(), renamed_inputs(node, self.kinds, renamed));
                    seeds.extend(self.seed(point, node).map(|seed| (name.clone(), seed)));
                    self.bring(point, base, name, &mut merged);
                }
            }
        }
        let first = &self.points[0];
        merged.value = first.value.clone();
        merged.broken.extend(first.broken.iter().filter(|path| node_of(path).is_none()).cloned());
        if merged.value.get("nodes").is_some_and(Value::is_object) {
            merged.value["nodes"] = Value::Object(in_order(nodes, &here_first(first)));
        }
        (merged, seeds)
    }

    /// Brings along where the values of a point's node are written, and which of them are not known.
    fn bring(&self, point: usize, base: &str, name: &str, merged: &mut Resolved) {
        let from = &self.points[point];
        if merged.origins == Origins::default() {
            merged.origins = self.points[0].origins.clone();
            let nodes = DocPath::from(["nodes"]);
            merged.origins.replace(&nodes, self.points[0].origins.of(&nodes));
        }
        let (old, new) = (DocPath::from(["nodes", base]), DocPath::from(["nodes", name]));
        merged.origins.graft(&new, from.origins.part(&old));
        let broken = from.broken.iter().filter(|path| path.0.starts_with(&old.0));
        merged.broken.extend(broken.map(|path| new.under(&path.seen_from(&old))));
    }

    /// What is wrong with the points' parameters, each problem once, with the points that have it if not all do.
    fn resolving(&self) -> Vec<Problem> {
        let mut told: Vec<(Problem, Vec<String>)> = Vec::new();
        for (point, resolved) in self.matrix.points.iter().zip(&self.points) {
            for problem in &resolved.problems {
                let id = self.matrix.id(point, |_| true);
                match told.iter_mut().find(|(other, _)| other == problem) {
                    Some((_, points)) => points.push(id),
                    None => told.push((problem.clone(), vec![id])),
                }
            }
        }
        told.into_iter().map(|(problem, points)| at_points(problem, &points, self.points.len())).collect()
    }
}

/// The nodes, those of the same name in the file beside each other, in the file's order.
fn in_order(nodes: Map<String, Value>, bases: &[String]) -> Map<String, Value> {
    let place = |name: &str| bases.iter().position(|base| base == base_of(name)).unwrap_or(bases.len());
    let mut nodes: Vec<_> = nodes.into_iter().map(|(name, node)| (place(&name), name, node)).collect();
    nodes.sort_by_key(|(place, ..)| *place);
    nodes.into_iter().map(|(_, name, node)| (name, node)).collect()
}

fn here_first(first: &Resolved) -> Vec<String> {
    let nodes = first.value.get("nodes").and_then(Value::as_object);
    nodes.into_iter().flat_map(Map::keys).cloned().collect()
}

/// What a node is called in the file.
pub fn base_of(name: &str) -> &str {
    name.split_once(AT).map_or(name, |(base, _)| base)
}

/// The part of points' names that a node's name has, if it has one.
pub fn label_of(name: &str) -> Option<&str> {
    name.split_once(AT).map(|(_, label)| label)
}

/// Whether a point's name has all parts of a label.
fn is_part(label: &str, id: &str) -> bool {
    label.split(',').all(|part| id.split(',').any(|other| other == part))
}

fn kind_of<'k>(node: &Value, kinds: &'k [Kind]) -> Option<&'k Kind> {
    let tag = node.get("type")?.as_str()?;
    kinds.iter().find(|kind| kind.name == tag)
}

/// The keys of a node that refer to others.
fn ports<'k>(node: &Value, kinds: &'k [Kind]) -> impl Iterator<Item = &'static str> + use<'k> {
    kind_of(node, kinds).into_iter().flat_map(Kind::inputs).map(|(port, _)| port)
}

/// The keys of a node that have a role, paths among them.
fn ports_and_paths<'k>(node: &Value, kinds: &'k [Kind]) -> impl Iterator<Item = &'static str> + use<'k> {
    kind_of(node, kinds).into_iter().flat_map(|kind| kind.keys.iter()).map(|(key, _)| *key)
}

fn purpose(node: &Value, kinds: &[Kind]) -> Option<SeedPurpose> {
    let mut params = node.as_object()?.clone();
    params.shift_remove("type");
    (kind_of(node, kinds)?.build)(params).ok()?.node.seed()
}

fn renamed_inputs<'n>(node: &Value, kinds: &[Kind], renamed: impl Fn(&str) -> Option<&'n String>) -> Value {
    let mut node = node.clone();
    for port in ports(&node, kinds) {
        let name = node.get(port).and_then(Value::as_str).and_then(&renamed).cloned();
        if let Some(name) = name {
            node[port] = name.into();
        }
    }
    node
}

/// The name of the node that a path leads to or into.
fn node_of(path: &DocPath) -> Option<&str> {
    match &path.0[..] {
        [Segment::Key(nodes), Segment::Key(name), ..] if nodes == "nodes" => Some(name),
        _ => None,
    }
}

/// The problem with the points that have it, if not all `of` do.
fn at_points(problem: Problem, points: &[String], of: usize) -> Problem {
    match points {
        [] => problem,
        all if all.len() >= of => problem,
        [only] => problem.more_help(&format!("so at `{only}`")),
        [first, more @ ..] => {
            problem.more_help(&format!("so at `{first}` and {}", shown::count(more.len(), "more point")))
        }
    }
}

impl Sweep {
    /// The problems of the document of all points, each once and in the words of the file; `placed` are the same with
    /// their places where they are written.
    pub(crate) fn told_once(&self, problems: &[Problem], placed: Vec<Problem>) -> Vec<Problem> {
        let names: BTreeSet<&str> =
            self.points.iter().flat_map(|it| it.nodes.iter()).map(String::as_str).collect();
        let mut told: Vec<(Problem, Option<&str>, Vec<String>)> = Vec::new();
        for (problem, placed) in problems.iter().zip(placed) {
            let node =
                if let Place::Key(path) | Place::Value(path) = &problem.at { node_of(path) } else { None };
            let label = node.and_then(label_of).map(str::to_owned);
            let placed = placed.map_words(&without_labels);
            match told.iter_mut().find(|(other, ..)| *other == placed) {
                Some((.., labels)) => labels.extend(label),
                None => told.push((placed, node.map(base_of), label.into_iter().collect())),
            }
        }
        let of = |base: &str| names.iter().filter(|name| base_of(name) == base).count();
        told.into_iter()
            .map(|(problem, base, labels)| match base {
                Some(base) => at_points(problem, &labels, of(base)),
                None => problem,
            })
            .collect()
    }

    /// A pipeline file that says the same from anywhere: the paths of nodes, given with the node's name and the key, begin
    /// at `base`, the folder of the file.
    pub fn to_yaml<'p>(
        &self,
        base: &Path,
        paths: impl Iterator<Item = (&'p str, &'p str, &'p str)>,
    ) -> String {
        let (mut document, mut seen) = (self.document.clone(), BTreeSet::new());
        for (node, key, path) in paths {
            let at = DocPath::from(["nodes", base_of(node), key]);
            if !seen.insert(at.to_string()) || Path::new(path).is_absolute() {
                continue;
            }
            let folder = base.join(self.origins.folder(&at).unwrap_or_default());
            if let (Some(Value::String(text)), Some(folder)) = (at.of_mut(&mut document), folder.to_str()) {
                *text = format!("{}/{text}", escape(folder.trim_end_matches('/')));
            }
        }
        yaml::write(&document)
    }

    /// The names of the nodes that are meant: a node at all points (`fit`), the nodes of some points (`lr=0.1`), a node at
    /// some points (`fit@lr=0.1`).
    pub fn named(&self, text: &str) -> BTreeSet<&str> {
        let (base, label) = match text.split_once(AT) {
            Some((base, label)) => (Some(base), Some(label)),
            None if text.contains('=') => (None, Some(text)),
            None => (Some(text), None),
        };
        let points = self.points.iter().filter(|point| label.is_none_or(|label| is_part(label, &point.id)));
        let nodes = points.flat_map(|point| point.nodes.iter()).map(String::as_str);
        nodes.filter(|name| base.is_none_or(|base| base_of(name) == base)).collect()
    }
}

/// A text with the names of nodes as they are in the file.
fn without_labels(text: &str) -> String {
    let mut parts = text.split(AT);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c == '`' || c.is_whitespace()).unwrap_or(part.len());
        if part[..end].contains('=') {
            plain.push_str(&part[end..]);
        } else {
            plain.push(AT);
            plain.push_str(part);
        }
    }
    plain
}
