//! What only puts numbers into other places, and what goes along axes: nodes that take whole numbers besides.

use super::{Attribute, Type, builder::FLOATS, nodes::Nodes};
use crate::export::lowered::TensorId;

/// What a part of a tensor says of where it begins and ends: it ends where the tensor does, along every axis.
pub(super) const MASKS: [(&str, i64); 5] = [
    ("begin_mask", 0),
    ("end_mask", 0b1111),
    ("ellipsis_mask", 0),
    ("new_axis_mask", 0),
    ("shrink_axis_mask", 0),
];

impl Nodes<'_> {
    pub(super) fn concat(&mut self, y: &str, parts: &[&str], axis: usize) {
        let axis = self.builder.one(y, axis);
        let inputs = [parts, &[&axis]].concat();
        let count = ("N", Attribute::Int(parts.len() as i64));
        self.builder.named(y, "ConcatV2", &inputs, [FLOATS, whole("Tidx"), count]);
    }

    /// The first part is called as the node, and the others after it.
    pub(super) fn split(&mut self, x: &str, outputs: &[TensorId], axis: usize, sizes: &[usize]) {
        let y = self.tensor(outputs[0]);
        let lengths: Vec<i64> = sizes.iter().map(|size| *size as i64).collect();
        let (lengths, axis) = (self.builder.row(&y, &lengths), self.builder.one(&y, axis));
        let count = ("num_split", Attribute::Int(sizes.len() as i64));
        self.builder.named(&y, "SplitV", &[x, &lengths, &axis], [FLOATS, whole("Tlen"), count]);
        for (part, output) in outputs.iter().enumerate().skip(1) {
            self.names[output.0] = format!("{y}:{part}");
        }
    }

    /// From a row and a column on, to the end of both, in steps of two.
    pub(super) fn every_second(&mut self, y: &str, x: &str, [row, column]: [usize; 2]) {
        let bounds = [[0, row as i64, column as i64, 0], [0; 4], [1, 2, 2, 1]];
        let bounds = bounds.map(|numbers| self.builder.row(y, &numbers));
        let inputs: Vec<&str> = std::iter::once(x).chain(bounds.iter().map(String::as_str)).collect();
        let masks = MASKS.map(|(key, mask)| (key, Attribute::Int(mask)));
        self.builder.named(y, "StridedSlice", &inputs, masks.into_iter().chain([FLOATS, whole("Index")]));
    }

    /// Another shape, the batch included.
    pub(super) fn reshape(&mut self, y: &str, x: &str, shape: &[i64]) {
        let shape = self.builder.row(y, shape);
        self.builder.named(y, "Reshape", &[x, &shape], [FLOATS, whole("Tshape")]);
    }

    pub(super) fn transpose(&mut self, y: &str, x: &str, order: &[usize]) {
        let order: Vec<i64> = order.iter().map(|axis| *axis as i64).collect();
        let order = self.builder.row(y, &order);
        self.builder.named(y, "Transpose", &[x, &order], [FLOATS, whole("Tperm")]);
    }

    /// The mean over the height and the width.
    pub(super) fn average(&mut self, y: &str, x: &str) {
        let axes = self.builder.row(y, &[1, 2]);
        let keep = ("keep_dims", Attribute::Flag(false));
        self.builder.named(y, "Mean", &[x, &axes], [FLOATS, whole("Tidx"), keep]);
    }
}

/// Says that the whole numbers that a node takes are of 32 bits.
fn whole(key: &'static str) -> (&'static str, Attribute) {
    (key, Attribute::Type(Type::Int32))
}
