//! A graph under construction.

use half::f16;

use super::{Attribute, Graph, Node, Tensor, Type};
use crate::export::{Precision, identifiers::Identifiers};

/// What most nodes say of their numbers.
pub(super) const FLOATS: (&str, Attribute) = ("T", Attribute::Type(Type::Float));

/// Nodes so far.
#[derive(Default)]
pub(super) struct Builder {
    graph: Graph,
    /// What all nodes are called.
    pub(super) names: Identifiers,
}

impl Builder {
    /// Adds a node of this name.
    pub(super) fn named(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[&str],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) {
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let (name, op) = (name.to_owned(), op.to_owned());
        self.graph.nodes.push(Node { name, op, inputs, attributes });
    }

    /// Adds a node for one that is called `at`; its own name.
    pub(super) fn node(
        &mut self,
        at: &str,
        op: &str,
        inputs: &[&str],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> String {
        let name = self.names.free(&format!("{at}_{op}"));
        self.named(&name, op, inputs, attributes);
        name
    }

    /// Adds a whole number for the node `at`.
    pub(super) fn one(&mut self, at: &str, number: usize) -> String {
        self.whole(at, &[], &[number as i64])
    }

    /// Adds whole numbers in a row for the node `at`.
    pub(super) fn row(&mut self, at: &str, numbers: &[i64]) -> String {
        self.whole(at, &[numbers.len() as i64], numbers)
    }

    /// Adds whole numbers in a shape for the node `at`.
    pub(super) fn whole(&mut self, at: &str, shape: &[i64], numbers: &[i64]) -> String {
        let bytes = numbers.iter().flat_map(|number| (*number as i32).to_le_bytes()).collect();
        self.constant(&format!("{at}_arg"), Tensor { of: Type::Int32, shape: shape.to_vec(), bytes })
    }

    /// Adds numbers in as many bits as `precision` says, which become such of 32.
    pub(super) fn floats(
        &mut self,
        name: &str,
        shape: &[usize],
        data: &[f32],
        precision: Precision,
    ) -> String {
        let shape = shape.iter().map(|size| *size as i64).collect();
        match precision {
            Precision::Fp32 => {
                let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
                self.constant(name, Tensor { of: Type::Float, shape, bytes })
            }
            Precision::Fp16 => {
                let bytes = data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
                let half = self.constant(name, Tensor { of: Type::Half, shape, bytes });
                self.widened(name, &half)
            }
        }
    }

    fn widened(&mut self, name: &str, half: &str) -> String {
        let types = [("SrcT", Type::Half), ("DstT", Type::Float)];
        let types = types.map(|(key, of)| (key, Attribute::Type(of))).into_iter();
        self.node(name, "Cast", &[half], types.chain([("Truncate", Attribute::Flag(false))]))
    }

    fn constant(&mut self, name: &str, tensor: Tensor) -> String {
        let name = self.names.free(name);
        let of = ("dtype", Attribute::Type(tensor.of));
        self.named(&name, "Const", &[], [of, ("value", Attribute::Tensor(tensor))]);
        name
    }

    /// The graph.
    pub(super) fn finish(self) -> Graph {
        self.graph
    }
}
