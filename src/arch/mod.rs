//! NETWORKS AS DATA: a model YAML read, scaled and resolved to numbers, and what follows from them.
//!
//! The format is the reference's: `nc`, optional `scales`, and rows
//! `[from, repeats, module, arguments]` under `backbone` and `head`. A resolved [`Arch`] knows every
//! channel count; the room `network` builds its layers, and everything else walks it ([`walk`]).

pub mod cost;
mod document;
pub mod fault;
mod role;
mod row;
mod shapes;
pub mod walk;

use serde_json::Value;

use self::fault::Fault;
pub use self::{
    cost::Costs,
    role::Role,
    shapes::{Shapes, folded as folded_shapes, shapes},
};
use crate::{
    error::{Error, Result},
    shown, suggest, yaml,
};

/// Built-in model YAMLs by name without a scale letter.
const BUILT_IN: [(&str, &str); 7] = [
    ("yolo11-cls", include_str!("built_in/yolo11-cls.yaml")),
    ("yolo12-cls", include_str!("built_in/yolo12-cls.yaml")),
    ("yolo26-cls", include_str!("built_in/yolo26-cls.yaml")),
    ("yolov8-cls", include_str!("built_in/yolov8-cls.yaml")),
    ("yolo11-cls-resnet18", include_str!("built_in/yolo11-cls-resnet18.yaml")),
    ("yolov8-cls-resnet50", include_str!("built_in/yolov8-cls-resnet50.yaml")),
    ("yolov8-cls-resnet101", include_str!("built_in/yolov8-cls-resnet101.yaml")),
];

/// Channels between the head's convolution and its linear layer.
pub const FEATURES: usize = 1280;
/// `ε` of every batch norm: PyTorch's default, and the reference's for classification.
pub const EPSILON: f64 = 1e-5;

/// Names of all built-in architectures, with their scale letters where they have scales.
pub fn names() -> Vec<String> {
    let scaled = |base: &&str| base.ends_with("-cls");
    let with = |base: &str, letter| base.replace("-cls", &format!("{letter}-cls"));
    let names = || BUILT_IN.iter().map(|(base, _)| *base);
    let letters = names().filter(scaled).flat_map(|base| ["n", "s", "m", "l", "x"].map(|l| with(base, l)));
    letters.chain(names().filter(|base| !scaled(base)).map(str::to_owned)).collect()
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
    /// What follows the convolutions of most blocks.
    pub activation: Activation,
    /// The blocks, in order; each takes the output of the one before.
    pub rows: Vec<Row>,
}

/// One row of a model YAML, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The module's name in the YAML, e.g. `C3k2`.
    pub module: String,
    /// How often the module stands in the row, one after another.
    pub repeats: usize,
    /// What the module is made with: the row's arguments, scaled, as the reference lists them.
    pub arguments: Vec<Value>,
    /// What to build.
    pub block: Block,
    /// Channels of the row's input.
    pub in_channels: usize,
    /// Channels of its output; for the head, the number of classes.
    pub out_channels: usize,
}

/// The function after a convolution and its norm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`.
    #[default]
    Silu,
    /// `max(x, 0)`.
    Relu,
}

/// How a convolution or a pooling goes over a map. It is padded by half the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side, in pixels.
    pub kernel: usize,
    /// Step, in pixels.
    pub stride: usize,
    /// Parts of the channels that do not see each other.
    pub groups: usize,
}

impl Window {
    /// One pixel at a time.
    pub const POINT: Self = Self::square(1);

    /// `kernel`² pixels, stride 1, one group.
    pub const fn square(kernel: usize) -> Self {
        Self { kernel, stride: 1, groups: 1 }
    }

    /// The same with another stride.
    #[must_use]
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same with other groups.
    #[must_use]
    pub const fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The side of a map of `side` pixels after the window went over it.
    ///
    /// # Errors
    /// If the window does not fit once; `at` names the layer.
    pub fn side(self, side: usize, at: &str) -> Result<usize> {
        let room = (side + 2 * (self.kernel / 2)).checked_sub(self.kernel).filter(|_| side > 0);
        room.map(|room| room / self.stride + 1).ok_or_else(|| {
            Error::new(format!("the image is too small for {at}")).help("choose a larger size")
        })
    }
}

/// A block with its numbers: channels `c1 -> c2`, `hidden` channels, and the blocks inside it.
///
/// Section 1.4 of the reference page defines each.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Convolution, BatchNorm, and an activation unless it is a plain one.
    Conv { c1: usize, c2: usize, window: Window, activated: bool },
    /// Two convolutions by way of `hidden` channels, with a residual sum if `add`.
    Bottleneck { c1: usize, c2: usize, hidden: usize, kernels: [usize; 2], groups: usize, add: bool },
    /// C2f and C3k2: two halves of `hidden` channels; the second goes through `inner`, and all stages
    /// of it are joined.
    C2f { c1: usize, c2: usize, hidden: usize, inner: Vec<Block> },
    /// C3 and C3k: `inner` on one branch, nothing on the other, joined.
    C3 { c1: usize, c2: usize, hidden: usize, inner: Vec<Block> },
    /// Split, `n` attention blocks on one half, joined.
    C2psa { c: usize, n: usize, hidden: usize, heads: usize },
    /// `inner` chained, all stages joined; `residual` scales the result by a learnt `gamma` and adds
    /// the input.
    A2c2f { c1: usize, c2: usize, hidden: usize, inner: Vec<Block>, residual: bool },
    /// Two area-attention blocks of `c` channels; `mlp` is their hidden width.
    AreaPair { c: usize, heads: usize, area: usize, mlp: usize },
    /// Three poolings, chained, all stages joined, between two convolutions.
    Sppf { c1: usize, c2: usize, hidden: usize, kernel: usize },
    /// Stem (`first`) or `n` bottleneck blocks of a ResNet; output is `c2` if first, else `4 c2`.
    ResNetLayer { c1: usize, c2: usize, stride: usize, first: bool, n: usize },
    /// torchvision's ResNet-18 without its head: 3 channels in, 512 out.
    ResNet18,
    /// Convolution to 1280, global average pool, linear to `classes`.
    Classify { c1: usize, classes: usize, window: Window },
    /// Blocks one after another.
    Sequence(Vec<Block>),
}

impl Arch {
    /// The built-in architecture `name` (e.g. `yolo11n-cls`) for `classes` classes.
    ///
    /// # Errors
    /// If there is no such architecture; the hint names the nearest.
    pub fn built_in(name: &str, classes: usize) -> Result<Self> {
        Self::parse(name, Self::built_in_text(name)?, classes)
    }

    /// The architecture of a model YAML. The scale letter is the document's own `scale`, else the
    /// one in `name`, else the first of its scales.
    ///
    /// # Errors
    /// If the text is not a model YAML, or a row makes no sense: the first mistake.
    pub fn parse(name: &str, text: &str, classes: usize) -> Result<Self> {
        let parsed = yaml::parse(text).map_err(|(refusal, _)| {
            Error::new(format!("the architecture {name} is not a model YAML: {refusal}"))
        })?;
        Self::read(name, text, &parsed.value, Some(classes)).map_err(|faults| one_error(name, &faults))
    }

    /// The architecture that `document` says, which is what `text` holds; with the document's own
    /// number of classes unless there are others.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn read(
        name: &str,
        text: &str,
        document: &Value,
        classes: Option<usize>,
    ) -> Result<Self, Vec<Fault>> {
        document::read(name, text, document, classes)
    }

    /// The number of classes that a model YAML itself names.
    pub fn default_classes(text: &str) -> Option<usize> {
        let document = yaml::parse(text).ok()?.value;
        document.get("nc").map_or(Some(document::CLASSES), |nc| nc.as_u64().map(|nc| nc as usize))
    }

    /// The text of a built-in model YAML.
    ///
    /// # Errors
    /// If there is no such architecture.
    pub fn built_in_text(name: &str) -> Result<&'static str> {
        let base = without_scale(name);
        BUILT_IN.iter().find(|(known, _)| *known == base).map(|(_, text)| *text).ok_or_else(|| unknown(name))
    }

    /// What somebody who uses this architecture should know.
    pub fn notes(&self) -> Vec<&'static str> {
        let trunk = self.rows.iter().filter(|row| matches!(row.block, Block::ResNet18));
        let named = trunk.filter(|row| row.arguments.get(1).is_some_and(|weights| !weights.is_null()));
        named
            .map(|_| "torchvision's ResNet-18 weights are not downloaded; the trunk begins with fresh ones")
            .collect()
    }
}

/// The first of many mistakes, where only one can be told.
fn one_error(name: &str, faults: &[Fault]) -> Error {
    let more = match faults.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = faults.first().map_or("nothing", |fault| &fault.message);
    let place = faults.first().map(Fault::row).unwrap_or_default();
    let error = Error::new(format!("the architecture {name} makes no network: {place}{first}{more}"));
    match faults.first() {
        Some(Fault { label, help, .. }) if label.starts_with("did you mean") => {
            error.help(help.as_ref().map_or_else(|| label.clone(), |help| format!("{label} {help}")))
        }
        Some(Fault { help: Some(help), .. }) => error.help(help.clone()),
        _ => error,
    }
}

/// What networks for other tasks are called.
const OTHER_TASKS: [&str; 6] = ["-seg", "-pose", "-obb", "-det", "-detect", "-segment"];

fn unknown(name: &str) -> Error {
    let known = names();
    let error = Error::new(format!("there is no architecture `{}`", shown::text(name)));
    // Close in letters, but not in meaning.
    if OTHER_TASKS.iter().any(|task| name.ends_with(task)) {
        return error.help(format!("Kiln has classifiers alone: {}", known.join(", ")));
    }
    // The reference calls its detectors `yolo11n`.
    let classifier = known.iter().map(String::as_str).find(|known| known.strip_suffix("-cls") == Some(name));
    match classifier.or_else(|| suggest::closest(name, known.iter().map(String::as_str))) {
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
        let c3k = |row: usize| matches!(&arch.rows[row].block, Block::C2f { inner, .. } if matches!(inner[..], [Block::C3 { .. }]));
        assert_eq!([2, 4, 6, 8].map(c3k), [false, false, true, true]);
    }

    /// The reference's two files say the same network (its page, part 0, item 10).
    #[test]
    fn yolo26_is_yolo11() {
        for letter in ["n", "s", "m", "l", "x"] {
            let rows = |family| Arch::built_in(&format!("{family}{letter}-cls"), 1000).unwrap().rows;
            assert_eq!(rows("yolo26"), rows("yolo11"), "{letter}");
        }
    }

    #[test]
    fn every_name_is_an_architecture() {
        let names = names();
        assert_eq!(names.len(), 4 * 5 + 3);
        for name in names {
            assert_eq!(Arch::built_in(&name, 7).unwrap().rows.last().unwrap().out_channels, 7, "{name}");
        }
    }

    #[test]
    fn another_task_is_not_a_mistyped_name() {
        for name in ["yolo11n-seg", "yolov8s-pose", "yolo11x-obb"] {
            let error = Arch::built_in(name, 10).unwrap_err();
            assert!(error.hint().unwrap().starts_with("Kiln has classifiers alone: "), "{name}");
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let error = Arch::built_in("yolo11n-cl", 10).unwrap_err();
        assert_eq!(error.to_string(), "there is no architecture `yolo11n-cl`");
        assert!(error.hint().unwrap().contains("yolo11n-cls"));
        assert!(Arch::built_in("yolov8s", 10).unwrap_err().hint().unwrap().contains("`yolov8s-cls`?"));
    }
}
