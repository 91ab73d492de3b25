//! NETWORKS AS DATA: a model YAML read, scaled and resolved to numbers, and what follows from them.
//!
//! The format is the reference's: `nc`, optional `scales`, and rows
//! `[from, repeats, module, arguments]` under `backbone` and `head`. A resolved [`Arch`] knows every number of its rows; a
//! [`Computation`] is what they do, operation by operation, and all that others read.

mod arguments;
pub mod blocks;
mod built_in;
pub mod computation;
pub mod cost;
mod document;
pub mod fault;
mod initial;
mod merge;
mod role;
mod row;
mod scale;
mod shapes;
pub mod sizes;
mod window;

use serde_json::Value;

use self::{
    blocks::Module,
    computation::{Builder, ValueId},
    fault::Fault,
};
pub use self::{
    built_in::names,
    computation::Computation,
    cost::Costs,
    initial::Initial,
    merge::Branches,
    role::Role,
    shapes::{Parameter, Shapes},
    window::Window,
};
use crate::{
    error::{Error, Result},
    yaml,
};

/// Channels between the head's convolution and its linear layer.
pub const FEATURES: usize = 1280;
/// `ε` of every batch norm: PyTorch's default, and the reference's for classification.
pub const EPSILON: f64 = 1e-5;

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
    /// What to build, one after another.
    pub blocks: Vec<Module>,
    /// Channels of the row's input.
    pub in_channels: usize,
    /// Channels of its output; for the head, the number of classes.
    pub out_channels: usize,
}

/// The function after a convolution and its norm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activation {
    /// SiLU, also called Swish: `x · sigmoid(x)`.
    #[default]
    Silu,
    /// Rectified linear unit: `max(x, 0)`.
    Relu,
}

impl Row {
    /// Adds the row's operations, whose parameters' names begin with `at`; what it gives for `x`.
    fn build(&self, to: &mut Builder, at: &str, x: ValueId) -> ValueId {
        match &self.blocks[..] {
            [only] => only.build(to, at, x),
            several => {
                let blocks = several.iter().enumerate();
                blocks.fold(x, |x, (i, block)| block.build(to, &format!("{at}.{i}"), x))
            }
        }
    }
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
        built_in::text(name)
    }

    /// The one built-in architecture that a name close to it means.
    pub fn meant(name: &str) -> Option<String> {
        built_in::meant(name)
    }

    /// What somebody who uses this architecture should know.
    pub fn notes(&self) -> Vec<&'static str> {
        let trunk = self.rows.iter().filter(|row| matches!(row.blocks[..], [Module::TorchVision(_)]));
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
    let error = Error::new(format!("the architecture {name} can't be built: {place}{first}{more}"));
    match faults.first() {
        Some(Fault { label, help, .. }) if label.starts_with("did you mean") => {
            error.help(help.as_ref().map_or_else(|| label.clone(), |help| format!("{label} {help}")))
        }
        Some(Fault { help: Some(help), .. }) => error.help(help.clone()),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_yolo11n_are_the_references() {
        let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
        let channels: Vec<usize> = arch.rows.iter().map(|row| row.out_channels).collect();
        assert_eq!(channels, [16, 32, 64, 64, 128, 128, 128, 256, 256, 256, 10]);
        let shapes = Computation::of(&arch).shapes();
        let c3k = |row: usize| shapes.contains_key(&format!("model.{row}.m.0.cv3.conv.weight"));
        assert_eq!([2, 4, 6, 8].map(c3k), [false, false, true, true]);
    }

    /// The reference's two files say the same network (docs/reference.md, Model YAMLs).
    #[test]
    fn yolo26_is_yolo11() {
        for letter in ["n", "s", "m", "l", "x"] {
            let rows = |family| Arch::built_in(&format!("{family}{letter}-cls"), 1000).unwrap().rows;
            assert_eq!(rows("yolo26"), rows("yolo11"), "{letter}");
        }
    }
}
