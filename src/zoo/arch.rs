//! Architectures as data: a model YAML read, scaled and resolved to numbers.
//!
//! The format is the reference's: `nc`, optional `scales`, and rows
//! `[from, repeats, module, arguments]` under `backbone` and `head`. A resolved [`Arch`] knows every
//! channel count; [`super::Network`] builds its layers and the exporters write their graphs from it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::row::{Arguments, Scale};
use crate::error::{Error, Result};

/// Built-in model YAMLs by name without a scale letter.
const BUILT_IN: [(&str, &str); 4] = [
    ("yolo11-cls", include_str!("arch/yolo11-cls.yaml")),
    ("yolo12-cls", include_str!("arch/yolo12-cls.yaml")),
    ("yolo26-cls", include_str!("arch/yolo26-cls.yaml")),
    ("yolov8-cls", include_str!("arch/yolov8-cls.yaml")),
];

/// Names of all built-in architectures, with their scale letters.
pub fn names() -> Vec<String> {
    let letters = ["n", "s", "m", "l", "x"];
    let with = |base: &str, letter| base.replace("-cls", &format!("{letter}-cls"));
    BUILT_IN.iter().flat_map(|(base, _)| letters.map(|letter| with(base, letter))).collect()
}

/// A model YAML as written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default = "thousand")]
    nc: usize,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    scales: IndexMap<String, (f64, f64, usize)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    yaml_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    backbone: Vec<(isize, usize, String, Vec<Value>)>,
    head: Vec<(isize, usize, String, Vec<Value>)>,
}

fn thousand() -> usize {
    1000
}

/// A network's plan: rows of blocks with every number resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Arch {
    /// As the user calls it, e.g. `yolo11n-cls`.
    pub name: String,
    /// The model YAML that it was made from.
    pub text: String,
    /// How many classes the head tells apart.
    pub classes: usize,
    /// The blocks, in order; each takes the output of the one before.
    pub rows: Vec<Row>,
}

/// One row of a model YAML, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The module's name in the YAML, e.g. `C3k2`.
    pub module: String,
    /// What to build.
    pub block: Block,
    /// Channels of the row's input.
    pub in_channels: usize,
    /// Channels of its output; for the head, the number of classes.
    pub out_channels: usize,
}

/// A block with its numbers: channels `c1 -> c2`, hidden channels, inner repeats `n`.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Convolution `kernel`² with stride and groups, BatchNorm, SiLU; padding `kernel / 2`.
    Conv { c1: usize, c2: usize, kernel: usize, stride: usize, groups: usize },
    /// Split and concatenate around `n` bottlenecks (`hidden -> hidden`, two 3×3).
    C2f { c1: usize, c2: usize, n: usize, hidden: usize, shortcut: bool },
    /// As C2f, with C3k blocks if `c3k`, else bottlenecks that halve their hidden channels.
    C3k2 { c1: usize, c2: usize, n: usize, hidden: usize, c3k: bool, shortcut: bool },
    /// Split, `n` attention blocks on one half, concatenate.
    C2psa { c: usize, n: usize, hidden: usize, heads: usize },
    /// `n` pairs of area-attention blocks, chained and concatenated; `mlp` is their hidden width;
    /// `residual` scales the result by a learnt `gamma` and adds the input.
    A2c2f {
        c1: usize,
        c2: usize,
        n: usize,
        hidden: usize,
        heads: usize,
        area: usize,
        mlp: usize,
        residual: bool,
    },
    /// Stem (`first`) or `n` bottleneck blocks of a ResNet; output is `c2` if first, else `4 c2`.
    ResNetLayer { c1: usize, c2: usize, stride: usize, first: bool, n: usize },
    /// Convolution to 1280, global average pool, linear to `classes`.
    Classify { c1: usize, classes: usize, kernel: usize, stride: usize },
    /// A block repeated, each with its own weights.
    Sequence(Vec<Block>),
}

impl Arch {
    /// The built-in architecture `name` (e.g. `yolo11n-cls`) for `classes` classes.
    ///
    /// # Errors
    /// If there is no such architecture; the hint names the nearest.
    pub fn built_in(name: &str, classes: usize) -> Result<Self> {
        let base = without_scale(name);
        let text = BUILT_IN.iter().find(|(known, _)| *known == base);
        let (_, text) = text.ok_or_else(|| unknown(name))?;
        Self::parse(name, text, classes)
    }

    /// The architecture of a model YAML. The scale letter is the document's own `scale`, else the
    /// one in `name`, else the first of its scales.
    ///
    /// # Errors
    /// If the text is not a model YAML, or a row makes no sense.
    pub fn parse(name: &str, text: &str, classes: usize) -> Result<Self> {
        let document: Document = serde_yaml::from_str(text)
            .map_err(|error| Error::new(format!("the architecture {name} is not a model YAML: {error}")))?;
        let scale = document.scale(name)?;
        let mut rows: Vec<Row> = Vec::new();
        for (i, (from, repeats, module, arguments)) in
            document.backbone.iter().chain(&document.head).enumerate()
        {
            let c1 = rows.last().map_or(document.channels.unwrap_or(3), |row: &Row| row.out_channels);
            let arguments =
                Arguments { row: i, from: *from, repeats: *repeats, module, values: arguments, classes };
            rows.push(
                arguments.resolve(c1, &scale).map_err(|error| error.help(format!("in row {i} of {name}")))?,
            );
        }
        match rows.last() {
            Some(Row { block: Block::Classify { .. }, .. }) => {
                Ok(Self { name: name.to_owned(), text: text.to_owned(), classes, rows })
            }
            _ => Err(Error::new(format!("the architecture {name} does not end in a Classify row"))),
        }
    }

    /// The number of classes that a model YAML itself names.
    pub fn default_classes(text: &str) -> Option<usize> {
        serde_yaml::from_str::<Document>(text).ok().map(|document| document.nc)
    }

    /// The text of a built-in model YAML.
    ///
    /// # Errors
    /// If there is no such architecture.
    pub fn built_in_text(name: &str) -> Result<&'static str> {
        let base = without_scale(name);
        BUILT_IN.iter().find(|(known, _)| *known == base).map(|(_, text)| *text).ok_or_else(|| unknown(name))
    }
}

impl Document {
    fn scale(&self, name: &str) -> Result<Scale> {
        let letter = self
            .scale
            .clone()
            .filter(|letter| !letter.is_empty())
            .or_else(|| scale_letter(name).map(String::from));
        let entry = match &letter {
            _ if self.scales.is_empty() => return Ok(Scale::default()),
            Some(letter) => self.scales.get_key_value(letter),
            None => self.scales.first(),
        };
        let (letter, &(depth, width, max_channels)) = entry.ok_or_else(|| {
            let known: Vec<&str> = self.scales.keys().map(String::as_str).collect();
            Error::new(format!("the architecture {name} has no scale `{}`", letter.unwrap_or_default()))
                .help(format!("its scales are {}", known.join(", ")))
        })?;
        Ok(Scale { letter: letter.clone(), depth, width, max_channels })
    }
}

fn unknown(name: &str) -> Error {
    let known = names();
    let error = Error::new(format!("there is no architecture `{name}`"));
    match crate::suggest::closest(name, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`? A path to a model YAML works too")),
        None => error.help(format!("known are {}; a path to a model YAML works too", known.join(", "))),
    }
}

/// Splits `yolo11n-cls` into what stands before the letter, the letter, and the rest.
fn split_scale(name: &str) -> Option<(&str, char, &str)> {
    let at = name.find("yolo")? + 4;
    let rest = &name[at..];
    let rest = rest.strip_prefix("e-").unwrap_or(rest);
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    let rest =
        rest.strip_prefix(|c: char| c.is_ascii_digit())?.trim_start_matches(|c: char| c.is_ascii_digit());
    let letter = rest.chars().next().filter(|c| "nslmx".contains(*c))?;
    Some((&name[..name.len() - rest.len()], letter, &rest[1..]))
}

/// The letter of `yolo11n-cls` (section 1.2 of the reference page): `n`.
fn scale_letter(name: &str) -> Option<char> {
    split_scale(name).map(|(_, letter, _)| letter)
}

fn without_scale(name: &str) -> String {
    split_scale(name).map_or_else(|| name.to_owned(), |(before, _, after)| format!("{before}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_letters_are_found_as_the_reference_finds_them() {
        let expected = [("yolo11n-cls", Some('n')), ("yolov8x-cls", Some('x')), ("myyolo11s", Some('s'))];
        for (name, letter) in expected.into_iter().chain([("yolo11-cls", None), ("custom", None)]) {
            assert_eq!(scale_letter(name), letter, "{name}");
        }
        assert_eq!(scale_letter("yolov8-cls-resnet50"), None);
    }

    #[test]
    fn channels_of_yolo11n_are_the_references() {
        let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
        let channels: Vec<usize> = arch.rows.iter().map(|row| row.out_channels).collect();
        assert_eq!(channels, [16, 32, 64, 64, 128, 128, 128, 256, 256, 256, 10]);
        let c3k = |row: usize| matches!(arch.rows[row].block, Block::C3k2 { c3k: true, n: 1, .. });
        assert_eq!([2, 4, 6, 8].map(c3k), [false, false, true, true]);
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let error = Arch::built_in("yolo11n-cl", 10).unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `yolo11n-cl`");
        assert!(error.hint().unwrap().contains("yolo11n-cls"));
    }
}
