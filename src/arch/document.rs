//! A model YAML as a document: its keys, its scales, and its rows one after another.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{
    Activation, Arch, Computation, Row,
    blocks::Kind,
    built_in::scale_letter,
    fault::{Fault, FaultKind},
    row,
    scale::Scale,
};
use crate::{budget::Budget, yaml::path::Segment};

/// The number of classes where neither the file nor anybody else says it.
pub(super) const CLASSES: usize = 1000;
/// The most rows of a file.
const MAX_ROWS: usize = 1000;
/// The most learnt parameters of a network: as many as take 8 GiB.
const MAX_PARAMETERS: u64 = 1 << 31;

/// Every key that a model YAML may have; the reference writes some of them into its checkpoints.
const KEYS: [&str; 12] = [
    "nc",
    "scales",
    "scale",
    "yaml_file",
    "channels",
    "ch",
    "activation",
    "depth_multiple",
    "width_multiple",
    "backbone",
    "head",
    "task",
];

/// The architecture that a document says, or everything that is wrong with it.
pub(super) fn read(
    name: &str,
    text: &str,
    document: &Value,
    classes: Option<usize>,
) -> Result<Arch, Vec<Fault>> {
    let Some(keys) = document.as_object() else {
        let fault =
            Fault::new(FaultKind::WrongType, &[], "a model YAML is a mapping, with `backbone` and `head`");
        return Err(vec![fault.label("not a mapping")]);
    };
    let mut document = Document { keys, faults: Vec::new() };
    let arch = document.arch(name, text, classes);
    if document.faults.is_empty() { Ok(arch) } else { Err(document.faults) }
}

struct Document<'a> {
    keys: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    fn arch(&mut self, name: &str, text: &str, classes: Option<usize>) -> Arch {
        self.unknown_keys();
        let own = self.count("nc", CLASSES, 1..=100_000);
        let classes = classes.unwrap_or(own);
        let scale = self.scale(name);
        let activation = self.activation();
        let rows = self.rows(&scale, classes, own);
        let arch = Arch { name: name.to_owned(), text: text.to_owned(), classes, activation, rows };
        if self.faults.is_empty() {
            self.too_large(&arch);
        }
        arch
    }

    fn unknown_keys(&mut self) {
        for key in self.keys.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let fault =
                Fault::new(FaultKind::UnknownKey, &[key.as_str().into()], format!("unknown key `{key}`"));
            let fault = fault.meant(key, &KEYS, "not a key of a model YAML").of_key();
            self.faults.push(fault.help("keys are nc, scales, scale, channels, activation, backbone, head"));
        }
    }

    /// A whole number under `key`.
    fn count(&mut self, key: &str, default: usize, range: RangeInclusive<usize>) -> usize {
        let Some(value) = self.keys.get(key) else { return default };
        match whole(value) {
            Some(count) if range.contains(&count) => count,
            _ => {
                self.faults.push(not_a_count(value, &[key.into()], &format!("`{key}`"), &range));
                default
            }
        }
    }

    fn scale(&mut self, name: &str) -> Scale {
        if let Some(own) = self.keys.get("scale").filter(|own| !own.is_string() && !own.is_null()) {
            let label = if own.is_object() { "did you mean `scales`?" } else { "not a letter" };
            let message = "`scale` is a letter of `scales`, e.g. `n`";
            self.faults.push(Fault::new(FaultKind::WrongType, &["scale".into()], message).label(label));
        }
        let Some(scales) = self.keys.get("scales") else { return self.multiples() };
        let at: [Segment; 1] = ["scales".into()];
        let Some(scales) = scales.as_object().filter(|scales| !scales.is_empty()) else {
            let message = "`scales` is a mapping from a letter to `[depth, width, most channels]`";
            self.faults.push(Fault::new(FaultKind::WrongType, &at, message).label("not such a mapping"));
            return Scale::default();
        };
        let all: Vec<Option<Scale>> =
            scales.iter().map(|(letter, entry)| self.entry(letter, entry)).collect();
        let letter = self.letter(name);
        let chosen = letter.as_ref().map_or(Some(0), |letter| scales.keys().position(|key| key == letter));
        match chosen {
            Some(chosen) => all.into_iter().nth(chosen).flatten().unwrap_or_default(),
            None => {
                self.unknown_scale(name, &letter.unwrap_or_default(), scales);
                Scale::default()
            }
        }
    }

    /// The letter that the file itself names, else that of its name.
    fn letter(&self, name: &str) -> Option<String> {
        let own = self.keys.get("scale").and_then(Value::as_str).filter(|letter| !letter.is_empty());
        own.map(str::to_owned).or_else(|| scale_letter(name).map(String::from))
    }

    fn unknown_scale(&mut self, name: &str, letter: &str, scales: &Map<String, Value>) {
        let known: Vec<&str> = scales.keys().map(String::as_str).collect();
        let own = self.keys.get("scale").and_then(Value::as_str) == Some(letter);
        let fault = if own {
            let fault =
                Fault::new(FaultKind::Misfit, &["scale".into()], format!("there is no scale `{letter}`"));
            fault.label("not one of `scales`")
        } else {
            let message =
                format!("the name {name} asks for the scale `{letter}`, which `scales` does not have");
            Fault::new(FaultKind::Misfit, &["scales".into()], message).of_key().label("none of these")
        };
        self.faults.push(fault.help(format!("its scales are {}", known.join(", "))));
    }

    /// `[depth, width, most channels]`.
    fn entry(&mut self, letter: &str, entry: &Value) -> Option<Scale> {
        let numbers = entry.as_array().filter(|list| list.len() == 3);
        let factor = |value: &Value| value.as_f64().filter(|factor| (0.01..=100.0).contains(factor));
        let read = numbers.and_then(|list| {
            let most = whole(&list[2]).filter(|most| (1..=row::MAX_CHANNELS).contains(most))?;
            let (depth, width) = (factor(&list[0])?, factor(&list[1])?);
            Some(Scale { letter: letter.to_owned(), depth, width, max_channels: most })
        });
        if read.is_none() {
            let path = ["scales".into(), letter.into()];
            let message = format!("the scale `{letter}` is not `[depth, width, most channels]`");
            let fault = Fault::new(FaultKind::WrongType, &path, message).label("not three such numbers");
            self.faults.push(fault.help("for example [0.50, 0.25, 1024]; both factors from 0.01 to 100"));
        }
        read
    }

    /// The older way to say a scale: one factor each for all.
    fn multiples(&mut self) -> Scale {
        let mut factor = |key: &str| {
            let Some(value) = self.keys.get(key) else { return 1.0 };
            value.as_f64().filter(|factor| (0.01..=100.0).contains(factor)).unwrap_or_else(|| {
                let message = format!("`{key}` is not a number from 0.01 to 100");
                let fault = Fault::new(FaultKind::OutOfRange, &[key.into()], message);
                self.faults.push(fault.label("not such a number"));
                1.0
            })
        };
        let (depth, width) = (factor("depth_multiple"), factor("width_multiple"));
        Scale { depth, width, ..Scale::default() }
    }

    /// `nn.SiLU()` or `nn.ReLU()`, with or without PyTorch's dress.
    fn activation(&mut self) -> Activation {
        let Some(value) = self.keys.get("activation").filter(|value| !value.is_null()) else {
            return Activation::default();
        };
        let text = value.as_str().unwrap_or_default();
        let name = text.trim_start_matches("torch.").trim_start_matches("nn.");
        let name = name.split('(').next().unwrap_or_default();
        match name.to_lowercase().as_str() {
            "silu" => Activation::Silu,
            "relu" => Activation::Relu,
            _ => {
                let fault = Fault::new(
                    FaultKind::Unsupported,
                    &["activation".into()],
                    "the activation is neither SiLU nor ReLU",
                );
                let fault = fault.meant(name, &["SiLU", "ReLU"], "not built by Kiln");
                self.faults.push(fault.help("write `nn.SiLU()` or `nn.ReLU()`"));
                Activation::default()
            }
        }
    }

    fn rows(&mut self, scale: &Scale, classes: usize, nc: usize) -> Vec<Row> {
        let key = if self.keys.contains_key("ch") { "ch" } else { "channels" };
        if self.count(key, 3, 1..=row::MAX_CHANNELS) != 3 {
            let fault = Fault::new(FaultKind::Unsupported, &[key.into()], "images have 3 channels");
            self.faults.push(fault.label("not 3"));
        }
        let written = ["backbone", "head"].map(|key| self.list(key));
        let count: usize = written.iter().map(|(_, rows)| rows.len()).sum();
        let blocks = Budget::new(row::MAX_BLOCKS);
        let mut input = row::Input { channels: 3, sure: true, blocks };
        let mut rows = Vec::new();
        for (path, value) in written.iter().flat_map(|(key, rows)| each(key, rows)) {
            let place = row::Place { index: rows.len(), last: rows.len() + 1 == count, path };
            let scope = row::RowScope { scale, classes, nc };
            rows.push(row::read(&place, value, &mut input, scope, &mut self.faults));
        }
        let listed = ["backbone", "head"].iter().all(|key| self.keys.get(*key).is_some_and(Value::is_array));
        let open =
            rows.last().is_none_or(|row| row.module != "Classify" && Kind::named(&row.module).is_some());
        if listed && open {
            self.headless(written[1].1.len());
        }
        rows
    }

    /// The rows under `key`; none if there is something else.
    fn list(&mut self, key: &'static str) -> (&'static str, &'a [Value]) {
        let path: [Segment; 1] = [key.into()];
        let fault = match self.keys.get(key) {
            Some(Value::Array(rows)) if rows.len() <= MAX_ROWS => return (key, rows),
            Some(Value::Array(_)) => {
                let message = format!("`{key}` has more than {MAX_ROWS} rows");
                Fault::new(FaultKind::OutOfRange, &path, message).label("too many")
            }
            Some(_) => Fault::new(FaultKind::WrongType, &path, format!("`{key}` is not a list of rows"))
                .label("not a list")
                .help("a row is `- [from, repeats, module, arguments]`"),
            None => {
                let fault = Fault::new(FaultKind::Missing, &[], format!("a model YAML needs a `{key}`"));
                fault
                    .label(format!("`{key}` is missing"))
                    .help("a row is `- [from, repeats, module, arguments]`")
            }
        };
        self.faults.push(fault);
        (key, &[])
    }

    fn headless(&mut self, head: usize) {
        let mut path: Vec<Segment> = vec!["head".into()];
        path.extend(head.checked_sub(1).map(Segment::from));
        let fault = Fault::new(FaultKind::Misfit, &path, "the last row is not a Classify row");
        self.faults.push(fault.label("ends here").help("end the head with `- [-1, 1, Classify, [nc]]`"));
    }

    fn too_large(&mut self, arch: &Arch) {
        let parameters = Computation::of(arch).learnt();
        if parameters > MAX_PARAMETERS {
            let message = format!("the network has {parameters} parameters, more than {MAX_PARAMETERS}");
            let fault = Fault::new(FaultKind::OutOfRange, &["backbone".into()], message);
            self.faults.push(fault.of_key().label("too large").help("give rows fewer channels or repeats"));
        }
    }
}

/// Each row with the way to it.
fn each<'a>(key: &'static str, rows: &'a [Value]) -> impl Iterator<Item = ([Segment; 2], &'a Value)> {
    rows.iter().enumerate().map(move |(i, row)| ([key.into(), i.into()], row))
}

/// A whole number, also if it is written as `64.0`.
pub(super) fn whole(value: &Value) -> Option<usize> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=4e9).contains(number));
    whole.map(|number| number as usize)
}

/// The mistake of a value that is not a whole number of a range.
pub(super) fn not_a_count(
    value: &Value,
    path: &[Segment],
    what: &str,
    range: &RangeInclusive<usize>,
) -> Fault {
    let (low, high) = (range.start(), range.end());
    if value.is_number() {
        let message = format!("{what} is not a whole number from {low} to {high}");
        return Fault::new(FaultKind::OutOfRange, path, message).label("out of range");
    }
    let fault = Fault::new(FaultKind::WrongType, path, format!("{what} is not a whole number"));
    fault.label("not a number").help(format!("write a whole number from {low} to {high}"))
}
