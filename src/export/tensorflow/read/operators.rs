//! Nodes that are an operator each.

use super::{attributes::Attributes, nodes::Nodes, values::Value};
use crate::{
    error::{Error, Result},
    export::{channels_last::Seen, lowered::Operator},
};

impl Nodes {
    /// Adds what a node does that is one operator.
    pub(super) fn plain(&mut self, attributes: &mut Attributes, inputs: &[&str]) -> Result<Value> {
        let (operator, tensors) = self.operator(attributes, inputs)?;
        let tensors: Vec<Seen> =
            inputs[..tensors].iter().map(|name| self.values.tensor(name)).collect::<Result<_>>()?;
        self.push(attributes, operator, &tensors)
    }

    /// What a node does, and how many of its inputs, from the first on, are tensors.
    fn operator(&mut self, attributes: &mut Attributes, inputs: &[&str]) -> Result<(Operator, usize)> {
        let op = attributes.op.clone();
        let operator = match (op.as_str(), inputs) {
            ("Relu", [_]) => Operator::Relu,
            ("Softmax", [_]) => Operator::Softmax,
            ("AddV2", [_, _]) => return Ok((Operator::Add, 2)),
            ("BatchMatMulV2", [_, _]) => {
                let (transpose_a, transpose_b) = (attributes.flag("adj_x")?, attributes.flag("adj_y")?);
                return Ok((Operator::MatMul { transpose_a, transpose_b }, 2));
            }
            ("ConcatV2", [parts @ .., axis]) if !parts.is_empty() => {
                return Ok((self.concat(attributes, parts.len(), axis)?, parts.len()));
            }
            ("SplitV", [_, sizes, axis]) => self.split(attributes, sizes, axis)?,
            ("Transpose", [_, order]) => self.transpose(attributes, order)?,
            ("Reshape", [x, shape]) => self.reshape(attributes, x, shape)?,
            ("Mean", [_, axes]) => self.average(attributes, axes)?,
            ("StridedSlice", &[_, first, end, step]) => self.every_second(attributes, [first, end, step])?,
            _ => {
                let (name, count) = (&attributes.name, inputs.len());
                return Err(Error::new(format!("{name}: Kiln doesn't know {op} of {count} inputs")));
            }
        };
        Ok((operator, 1))
    }

    /// A tensor times its own sigmoid, or times a constant.
    pub(super) fn product(&mut self, attributes: &Attributes, a: &str, b: &str) -> Result<Value> {
        let x = self.values.tensor(a)?;
        if let Some(Value::Gate(of)) = self.values.get(b) {
            return match *of == x {
                true => self.push(attributes, Operator::Silu, &[x]),
                false => Err(Error::new(format!("{}: a gate of another tensor", attributes.name))),
            };
        }
        let factor = self.floats(b, |mut constant| {
            match constant.shape[..] {
                [] => {}
                [channels] => constant.shape = vec![channels, 1, 1],
                _ => return None,
            }
            Some(constant)
        })?;
        self.push(attributes, Operator::Scale(factor), &[x])
    }
}
