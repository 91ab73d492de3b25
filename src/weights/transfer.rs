//! Which of a file's weights go into a network, and what is told about the others.
//!
//! As in docs/reference.md, Loading weights, with one thing more: where both sides name their classes
//! and not all of them are the same, the head's rows go by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Array, ModelFile, Weights, fresh};
use crate::{
    arch::{Arch, Computation},
    error::{Error, Result},
    shown::{few, text},
};

/// How many rows of a network, and how many classes, are named on one line.
const NAMED: usize = 4;

/// What became of a file's weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Transfer {
    /// How many parameters, running statistics included, the network has.
    pub total: usize,
    /// How many of them are wholly the file's.
    pub transferred: usize,
    /// How the head's rows were taken, if by name.
    pub classes: Option<Classes>,
    /// Parameters that are wholly the file's.
    pub taken: Vec<String>,
    /// Parameters of the head of which some rows are the file's.
    pub taken_in_part: Vec<String>,
    /// Parameters that are fresh, for the file's have another shape.
    pub other_shape: Vec<OtherShape>,
    /// Parameters of the head that are fresh, for none of the file's classes has a name of the network's.
    pub other_classes: Vec<String>,
    /// Parameters that are fresh, for the file has none of the name.
    pub not_in_file: Vec<String>,
    /// The file's, for which the network has no place.
    pub not_in_network: Vec<String>,
}

/// The classes of a network, as its file knows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Classes {
    /// Those with a row of the file's.
    pub carried: Vec<String>,
    /// Those whose row of the head is fresh.
    pub fresh: Vec<String>,
}

/// A parameter that has another shape in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherShape {
    /// The parameter's name, e.g. `model.10.linear.weight`.
    pub name: String,
    /// The parameter's shape in the file.
    pub file: Vec<usize>,
    /// The parameter's shape in the network.
    pub network: Vec<usize>,
}

/// The weights of `file` that go into the network of `arch`, and what became of all of them.
///
/// A parameter is taken where name and shape agree. Where `names`, the network's classes, and the
/// file's are known and differ, the rows of the head are taken class by class, and the rows of new
/// classes are drawn from `seed` as those of a fresh network are.
///
/// # Errors
/// If nothing fits, or the file's batch norms are folded into its convolutions.
pub fn transfer(
    file: ModelFile,
    arch: &Arch,
    names: Option<&[String]>,
    seed: u64,
) -> Result<(Weights, Transfer)> {
    let computation = Computation::of(arch);
    let wanted = computation.shapes();
    let file = ModelFile { weights: aligned(file.weights, &wanted)?, ..file };
    check_unfolded(&file.weights, &wanted, arch)?;
    let mut report = Transfer { total: wanted.len(), ..Transfer::default() };
    let (by_name, classes) = (by_name(&file, names), file.classes());
    let mut given = file.weights;
    let mut kept = Weights::new();
    if let (Some(rows), Some(classes)) = (&by_name, classes) {
        let head = head(&given, &wanted, classes);
        kept = carry(&mut given, &head, rows, || fresh(&computation, seed), &mut report);
        report.classes = names.map(|names| Classes::of(names, rows));
    }
    for (name, shape) in &wanted {
        sort(name, shape, &mut given, &mut kept, &mut report);
    }
    report.not_in_network = given.into_keys().collect();
    report.taken.sort_unstable();
    report.transferred = report.taken.len();
    if kept.is_empty() { Err(nothing_fits(&report, arch)) } else { Ok((kept, report)) }
}

/// The same weights under the network's names, where theirs have something else before them: those of a wrapper
/// around the network, or of the layers inside it.
///
/// # Errors
/// If there are several such networks in the file.
fn aligned(given: Weights, wanted: &BTreeMap<String, Vec<usize>>) -> Result<Weights> {
    if given.keys().any(|name| wanted.contains_key(name)) {
        return Ok(given);
    }
    let beginnings = beginnings(&given, wanted);
    let most = beginnings.values().max().copied();
    let best: Vec<&str> =
        beginnings.iter().filter(|(_, count)| Some(**count) == most).map(|(start, _)| *start).collect();
    let beginning = match best[..] {
        [] => return Ok(given),
        [one] => one.to_owned(),
        _ => return Err(several(&best)),
    };
    let name =
        |name: String| name.strip_prefix(&beginning).map(|rest| format!("{LAYERS}{rest}")).unwrap_or(name);
    Ok(given.into_iter().map(|(old, array)| (name(old), array)).collect())
}

/// What a network's own names begin with.
const LAYERS: &str = "model.";
/// Most parts that may stand before a network's names.
const MAX_PARTS: usize = 8;

/// What stands in the given names before those of the network's layers, and before how many of them.
fn beginnings<'a>(given: &'a Weights, wanted: &BTreeMap<String, Vec<usize>>) -> BTreeMap<&'a str, usize> {
    let layers: BTreeSet<&str> = wanted.keys().filter_map(|name| name.strip_prefix(LAYERS)).collect();
    let mut counts = BTreeMap::new();
    for name in given.keys() {
        let dots = name.match_indices('.').map(|(at, _)| at + 1).take(MAX_PARTS);
        for at in std::iter::once(0).chain(dots).filter(|at| layers.contains(&name[*at..])) {
            *counts.entry(&name[..at]).or_default() += 1;
        }
    }
    counts
}

fn several(beginnings: &[&str]) -> Error {
    let names: Vec<String> = beginnings.iter().map(|beginning| format!("`{beginning}`")).collect();
    Error::new(format!("the file has {} networks that fit: under {}", names.len(), few(&names)))
        .help("save the one that is meant alone, as a state dict, and name that file")
}

/// Decides about a parameter that is not decided about yet.
fn sort(name: &str, shape: &[usize], given: &mut Weights, kept: &mut Weights, report: &mut Transfer) {
    if kept.contains_key(name) || report.other_classes.iter().any(|other| other == name) {
        return;
    }
    match given.remove(name) {
        Some(array) if array.shape == shape => {
            report.taken.push(name.to_owned());
            kept.insert(name.to_owned(), array);
        }
        Some(Array { shape: file, .. }) => {
            let (name, network) = (name.to_owned(), shape.to_vec());
            report.other_shape.push(OtherShape { name, file, network });
        }
        None => report.not_in_file.push(name.to_owned()),
    }
}

/// For each class of the network, its row in the file; `None` if rows go by place. They do where one
/// side does not name its classes, and where both name the same ones in the same order.
fn by_name(file: &ModelFile, names: Option<&[String]>) -> Option<Vec<Option<usize>>> {
    let (known, names) = (file.names.as_deref()?, names?);
    if known == names || file.classes() != Some(known.len()) {
        return None;
    }
    let mut rows = BTreeMap::new();
    for (row, name) in known.iter().enumerate() {
        rows.entry(name).or_insert(row);
    }
    Some(names.iter().map(|name| rows.get(name).copied()).collect())
}

/// The names of the head's parameters, as far as the file has them with `classes` rows.
fn head(given: &Weights, wanted: &BTreeMap<String, Vec<usize>>, classes: usize) -> Vec<String> {
    let fits = |name: &str, shape: &[usize]| {
        let file = given.get(name).map_or(&[][..], |array| &array.shape);
        file.split_first() == shape.split_first().map(|(_, rest)| (&classes, rest))
    };
    let is_head = |name: &str| name.ends_with(".linear.weight") || name.ends_with(".linear.bias");
    let head = wanted.iter().filter(|(name, shape)| is_head(name) && fits(name, shape));
    head.map(|(name, _)| name.clone()).collect()
}

/// The parameters of the head with the file's row where a class has one. Takes them out of `given`.
fn carry(
    given: &mut Weights,
    head: &[String],
    rows: &[Option<usize>],
    fresh: impl FnOnce() -> Weights,
    report: &mut Transfer,
) -> Weights {
    let carried = rows.iter().flatten().count();
    let list = match carried {
        0 => &mut report.other_classes,
        _ if carried == rows.len() => &mut report.taken,
        _ => &mut report.taken_in_part,
    };
    list.extend(head.iter().cloned());
    let mut arrays = if carried == 0 { Weights::new() } else { fresh() };
    arrays.retain(|name, _| head.contains(name));
    for name in head {
        let old = given.remove(name);
        if let (Some(old), Some(array)) = (old, arrays.get_mut(name)) {
            copy_rows(array, &old, rows);
        }
    }
    arrays
}

/// Rows `[out, …]` of `array` become those of `old` that `rows` names.
fn copy_rows(array: &mut Array, old: &Array, rows: &[Option<usize>]) {
    let width: usize = array.shape[1..].iter().product();
    for (new, old_row) in array.data.chunks_exact_mut(width).zip(rows) {
        if let Some(row) = old_row {
            new.copy_from_slice(&old.data[row * width..(row + 1) * width]);
        }
    }
}

/// Refuses weights without norms: what was folded in can't be taken out again.
fn check_unfolded(given: &Weights, wanted: &BTreeMap<String, Vec<usize>>, arch: &Arch) -> Result<()> {
    let folded = given.keys().any(|name| {
        let norm = name.strip_suffix(".conv.bias").map(|block| format!("{block}.bn.weight"));
        norm.is_some_and(|norm| wanted.contains_key(&norm) && !given.contains_key(&norm))
    });
    if !folded {
        return Ok(());
    }
    let message =
        format!("the file's batch norms are folded into its convolutions, and {} has norms", arch.name);
    Err(Error::new(message)
        .help("take the checkpoint as training wrote it, from before `fuse()` or an export"))
}

fn nothing_fits(report: &Transfer, arch: &Arch) -> Error {
    let error = Error::new(format!("none of the file's weights fit {}", arch.name));
    match (report.other_shape.first(), report.not_in_network.first()) {
        (Some(other), _) => error.help(format!(
            "the names are right, but {} is {:?} in the file and {:?} here: name the architecture, with its \
             scale letter, that the weights are of",
            text(&other.name),
            other.file,
            other.network
        )),
        (None, Some(name)) => error.help(format!(
            "the file has names such as {}: name the architecture that the weights are of",
            text(name)
        )),
        (None, None) => error,
    }
}

impl Classes {
    fn of(names: &[String], rows: &[Option<usize>]) -> Self {
        let mut classes = Self::default();
        for (name, row) in names.iter().zip(rows) {
            let list = if row.is_some() { &mut classes.carried } else { &mut classes.fresh };
            list.push(name.clone());
        }
        classes
    }
}

impl Transfer {
    /// Whether every number of the network is the file's.
    pub fn is_complete(&self) -> bool {
        self.transferred == self.total
    }

    /// The report in a few lines; the whole of it is in its fields.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("transferred {} of {} parameters", self.transferred, self.total)];
        lines.extend(self.classes.as_ref().map(Classes::line));
        lines.extend(self.other_shape.first().map(|first| {
            format!(
                "fresh, because their shape in the file differs: {}; the first, {}, is {:?} in the file and {:?} in the network",
                by_row(self.other_shape.iter().map(|other| other.name.as_str())),
                first.name,
                first.file,
                first.network
            )
        }));
        let lists = [
            ("fresh, because the file does not have them", &self.not_in_file),
            ("left out, because the network does not have them", &self.not_in_network),
        ];
        for (what, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            lines.push(format!("{what}: {}", by_row(names.iter().map(String::as_str))));
        }
        lines
    }
}

impl Classes {
    fn line(&self) -> String {
        let total = self.carried.len() + self.fresh.len();
        let line = format!("{} of {total} classes carried over by name", self.carried.len());
        if self.fresh.is_empty() {
            return line;
        }
        let mut fresh: Vec<_> = self.fresh.iter().take(NAMED).map(|name| text(name)).collect();
        let more = self.fresh.len().saturating_sub(NAMED);
        if more > 0 {
            fresh.push(format!("{more} more").into());
        }
        format!("{line}; fresh: {}", fresh.join(", "))
    }
}

/// `120 in model.6, model.8 and 3 more rows`.
fn by_row<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    let row = |name: &'a str| name.match_indices('.').nth(1).map_or(name, |(at, _)| &name[..at]);
    let count = names.clone().count();
    // By number where there is one: model.10 comes after model.9.
    let place = |row: &str| row.rsplit('.').next().and_then(|number| number.parse::<u64>().ok());
    let rows: BTreeSet<(Option<u64>, &str)> = names.map(row).map(|row| (place(row), row)).collect();
    let shown: Vec<_> = rows.iter().take(NAMED).map(|(_, row)| text(row)).collect();
    match rows.len().saturating_sub(NAMED) {
        0 => format!("{count} in {}", shown.join(", ")),
        more => format!("{count} in {} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn drawn(classes: usize, seed: u64) -> Weights {
        fresh(&Computation::of(&Arch::built_in("yolov8n-cls", classes).unwrap()), seed)
    }

    /// yolov8n-cls for classes with these names, every number different.
    fn file(classes: &str) -> ModelFile {
        let names = names(classes);
        let weights = drawn(names.len(), 7);
        ModelFile { names: Some(names), weights, ..ModelFile::default() }
    }

    fn into(file: ModelFile, arch: &str, classes: &str) -> Result<(Weights, Transfer)> {
        let names = names(classes);
        transfer(file, &Arch::built_in(arch, names.len()).unwrap(), Some(&names), 3)
    }

    fn rows(array: &Array) -> Vec<&[f32]> {
        array.data.chunks_exact(array.data.len() / array.shape[0]).collect()
    }

    const WEIGHT: &str = "model.9.linear.weight";
    const BIAS: &str = "model.9.linear.bias";

    #[test]
    fn the_same_network_is_taken_whole() {
        let given = file("a b c");
        let (weights, report) = into(given.clone(), "yolov8n-cls", "a b c").unwrap();
        assert_eq!(weights, given.weights);
        assert!(report.is_complete() && report.classes.is_none());
        assert_eq!(report.lines(), ["transferred 132 of 132 parameters"]);
    }

    /// The same file, with other beginnings before its layers' names: each one once.
    fn under(file: &ModelFile, beginnings: &[&str]) -> ModelFile {
        let layers = |name: &str| name.strip_prefix(LAYERS).unwrap().to_owned();
        let renamed = beginnings.iter().flat_map(|beginning| {
            let weights = file.weights.iter();
            weights.map(move |(name, array)| (format!("{beginning}{}", layers(name)), array.clone()))
        });
        ModelFile { weights: renamed.collect(), ..file.clone() }
    }

    #[test]
    fn what_stands_before_all_names_does_not_count() {
        let given = file("a b c");
        for beginning in ["model.", "", "model.model.", "net.", "backbone.model."] {
            let (weights, report) = into(under(&given, &[beginning]), "yolov8n-cls", "a b c").unwrap();
            assert!(report.is_complete() && weights == given.weights, "{beginning}");
        }
    }

    #[test]
    fn one_of_several_networks_is_not_chosen() {
        let given = under(&file("a b c"), &["student.model.", "teacher.model."]);
        let error = into(given, "yolov8n-cls", "a b c").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file has 2 networks that fit: under `student.model.`, `teacher.model.`"
        );
    }

    #[test]
    fn classes_are_carried_over_by_name() {
        let given = file("a b c d");
        let (weights, report) = into(given.clone(), "yolov8n-cls", "d x b").unwrap();
        let start = drawn(3, 3);
        for name in [WEIGHT, BIAS] {
            let (old, new, own) = (&given.weights[name], &weights[name], &start[name]);
            assert_eq!(rows(new), [rows(old)[3], rows(own)[1], rows(old)[1]], "{name}");
        }
        insta::assert_snapshot!(report.lines().join("\n"), @r"
        transferred 130 of 132 parameters
        2 of 3 classes carried over by name; fresh: x
        ");
        assert_eq!(report.taken_in_part, [BIAS, WEIGHT]);
    }

    #[test]
    fn classes_in_another_order_are_all_carried_over() {
        let given = file("a b c");
        let (weights, report) = into(given.clone(), "yolov8n-cls", "c a b").unwrap();
        let old = rows(&given.weights[WEIGHT]);
        assert_eq!(rows(&weights[WEIGHT]), [old[2], old[0], old[1]]);
        assert!(report.is_complete());
        insta::assert_snapshot!(report.lines().join("\n"), @r"
        transferred 132 of 132 parameters
        3 of 3 classes carried over by name
        ");
    }

    #[test]
    fn other_classes_get_a_fresh_head() {
        let (weights, report) = into(file("a b c"), "yolov8n-cls", "x y z").unwrap();
        assert!(!weights.contains_key(WEIGHT) && !weights.contains_key(BIAS));
        assert_eq!(report.other_classes, [BIAS, WEIGHT]);
        insta::assert_snapshot!(report.lines().join("\n"), @r"
        transferred 130 of 132 parameters
        0 of 3 classes carried over by name; fresh: x, y, z
        ");
    }

    #[test]
    fn without_names_the_heads_rows_go_by_place() {
        let given = ModelFile { names: None, ..file("a b c") };
        let (weights, report) = into(given.clone(), "yolov8n-cls", "x y z").unwrap();
        assert_eq!(weights, given.weights);
        assert!(report.is_complete());
    }

    #[test]
    fn a_model_more_or_less_is_no_other_name() {
        let given = file("a b c");
        let renamed = |rename: &dyn Fn(&str) -> String| {
            let weights = given.weights.iter().map(|(name, array)| (rename(name), array.clone()));
            ModelFile { weights: weights.collect(), ..given.clone() }
        };
        let wrapped = renamed(&|name| format!("model.{name}"));
        let inside = renamed(&|name| name.replacen("model.", "", 1));
        for file in [wrapped, inside] {
            assert_eq!(into(file, "yolov8n-cls", "a b c").unwrap().0, given.weights);
        }
    }

    #[test]
    fn another_scale_and_another_number_of_classes_say_what_differs() {
        let given = ModelFile { names: None, ..file("a b c") };
        let (_, report) = into(given, "yolov8n-cls", "v w x y z").unwrap();
        insta::assert_snapshot!(report.lines().join("\n"), @r"
        transferred 130 of 132 parameters
        fresh, because their shape in the file differs: 2 in model.9; the first, model.9.linear.bias, is [3] in the file and [5] in the network
        ");
        let (_, report) = into(file("a b c"), "yolo11n-cls", "a b c").unwrap();
        insta::assert_snapshot!(report.lines().join("\n"));
    }

    #[test]
    fn what_does_not_fit_at_all_is_refused() {
        let told = |file| {
            let error = into(file, "yolov8n-cls", "a b c").unwrap_err();
            format!("{error}\n{}", error.hint().unwrap_or_default())
        };
        let array =
            |shape: &[usize]| Array { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] };
        let of = |name: &str, shape: &[usize]| ModelFile {
            weights: Weights::from([(name.to_owned(), array(shape))]),
            ..ModelFile::default()
        };
        insta::assert_snapshot!("another_scale", told(of("model.0.conv.weight", &[32, 3, 3, 3])));
        insta::assert_snapshot!("other_names", told(of("conv1.weight", &[64, 3, 7, 7])));
        let mut folded = of("model.0.conv.weight", &[16, 3, 3, 3]);
        folded.weights.insert("model.0.conv.bias".to_owned(), array(&[16]));
        insta::assert_snapshot!("folded", told(folded));
    }
}
