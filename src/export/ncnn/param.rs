//! Layers as text, one a line: what it does, its name, how many blobs it takes and gives, those, and its parameters.

use std::fmt::{self, Display};

/// What the text begins with.
pub(super) const MAGIC: &str = "7767517";
/// A list has this number, less its own.
pub(super) const LISTS: i32 = -23300;

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// What it does: `Convolution`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The tensors that it takes. No other takes them.
    pub(super) inputs: Vec<String>,
    /// The tensors that it gives.
    pub(super) outputs: Vec<String>,
    /// By number, what belongs to it.
    pub(super) parameters: Vec<(i32, Parameter)>,
}

/// What belongs to a layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parameter {
    Whole(i64),
    Float(f32),
    List(Vec<usize>),
}

/// The text of layers.
pub(super) fn text(layers: &[Layer]) -> String {
    let tensors: usize = layers.iter().map(|layer| layer.outputs.len()).sum();
    let lines: String = layers.iter().map(|layer| format!("{layer}\n")).collect();
    format!("{MAGIC}\n{} {tensors}\n{lines}", layers.len())
}

impl Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, inputs, outputs, parameters } = self;
        write!(f, "{kind:<24} {name:<24} {} {}", inputs.len(), outputs.len())?;
        inputs.iter().chain(outputs).try_for_each(|tensor| write!(f, " {tensor}"))?;
        parameters.iter().try_for_each(|(number, parameter)| match parameter {
            Parameter::Whole(value) => write!(f, " {number}={value}"),
            // As many digits as its numbers have, and not more letters than ncnn reads.
            Parameter::Float(value) => write!(f, " {number}={value:.8e}"),
            Parameter::List(values) => {
                write!(f, " {}={}", LISTS - number, values.len())?;
                values.iter().try_for_each(|value| write!(f, ",{value}"))
            }
        })
    }
}
