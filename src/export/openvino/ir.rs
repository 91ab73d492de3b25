//! A network as its XML has it: layers, and edges between their ports. What is written and what is read.

/// Layers, each after those that it takes something from, and what goes from one to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Net {
    pub(super) layers: Vec<Layer>,
    pub(super) edges: Vec<Edge>,
}

/// One layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layer {
    pub(super) id: usize,
    pub(super) name: String,
    /// What it does: `Convolution`.
    pub(super) kind: String,
    /// The set of operations in which that is defined: `opset1`.
    pub(super) version: String,
    /// What belongs to it, by name.
    pub(super) data: Vec<(String, String)>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

/// Where a tensor goes in or out. A layer counts its inputs and goes on with its outputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Port {
    pub(super) id: usize,
    /// The kind of its numbers: `FP32`.
    pub(super) precision: String,
    /// What programs call it, if anything.
    pub(super) names: Option<String>,
    /// Sizes of its dimensions; -1 is a size that each run decides.
    pub(super) dims: Vec<i64>,
}

/// What goes from an output to an input: numbers of a layer and of its port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
}
