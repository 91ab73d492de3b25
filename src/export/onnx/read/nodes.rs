//! ONNX nodes as a lowered network's operators.

use std::collections::BTreeMap;

use super::{attributes::Attributes, constants::Constants, windows::window};
use crate::{
    error::{Error, Result},
    export::{
        lowered::{ConstantId, Lowered, Operator, TensorId},
        onnx::proto::NodeProto,
        tensor_names::TensorNames,
    },
};

/// A network on its way.
pub(super) struct Nodes<'a> {
    lowered: Lowered,
    constants: Constants<'a>,
    /// The tensors by the names that the file gives them.
    pub(super) tensors: TensorNames<'a>,
    /// The tensors whose sigmoid has this name: what is multiplied by its own becomes a SiLU.
    gates: BTreeMap<&'a str, TensorId>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(lowered: Lowered, constants: Constants<'a>) -> Self {
        Self { lowered, constants, tensors: TensorNames::default(), gates: BTreeMap::new() }
    }

    /// The network, whose probabilities the file calls `output`.
    pub(super) fn finish(self, output: &str) -> Result<Lowered> {
        let probabilities = self.tensors.tensor(output)?;
        self.lowered.giving(output, probabilities)
    }

    /// The constant of this name becomes one of the network's.
    fn constant(&mut self, name: &str) -> Result<ConstantId> {
        let constant = self.constants.floats(name).cloned();
        let constant = constant.ok_or_else(|| Error::new(format!("{name:?} is not known beforehand")))?;
        Ok(self.lowered.add_constant(constant))
    }

    /// Adds what a node does.
    pub(super) fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        let attributes = Attributes::of(node);
        let inputs: Vec<&str> = node.input.iter().map(String::as_str).collect();
        if let ("Sigmoid", [x], [gate]) = (node.op_type.as_str(), &inputs[..], &node.output[..]) {
            self.gates.insert(gate, self.tensors.tensor(x)?);
            return attributes.finish();
        }
        let operator = self.operator(node, &inputs, &attributes)?;
        attributes.finish()?;
        let outputs = self.lowered.push_all(&node.name, operator, &self.tensors(&inputs)?)?;
        if outputs.len() != node.output.len() {
            return Err(Error::new(format!("{} gives more or fewer tensors than it names", node.name)));
        }
        node.output.iter().zip(outputs).try_for_each(|(name, tensor)| self.tensors.name(name, tensor))
    }

    /// The inputs that are tensors.
    fn tensors(&self, inputs: &[&str]) -> Result<Vec<TensorId>> {
        let tensors =
            inputs.iter().filter(|name| !self.constants.has(name) && !self.gates.contains_key(*name));
        tensors.map(|name| self.tensors.tensor(name)).collect()
    }

    /// What a node does with those of its inputs that are tensors.
    fn operator(
        &mut self,
        node: &NodeProto,
        inputs: &[&str],
        attributes: &Attributes<'_>,
    ) -> Result<Operator> {
        Ok(match (node.op_type.as_str(), inputs) {
            ("Conv", [_, weight, bias]) => Operator::Convolution {
                weight: self.constant(weight)?,
                bias: self.constant(bias)?,
                window: window(attributes)?,
            },
            ("Gemm", [_, weight, bias]) => self.linear(weight, bias, attributes)?,
            ("Mul", [a, b]) => self.product(a, b)?,
            ("Relu", [_]) => Operator::Relu,
            ("Add", [_, _]) => Operator::Add,
            ("MatMul", [_, _]) => Operator::MatMul { transpose_a: false, transpose_b: false },
            ("MaxPool", [_]) => Operator::MaxPool(window(attributes)?),
            ("GlobalAveragePool", [_]) => Operator::GlobalAverage,
            ("Concat", [_, ..]) => Operator::Concat { axis: axis(attributes)? },
            ("Split", [_, sizes]) => {
                Operator::Split { axis: axis(attributes)?, sizes: self.constants.sizes(sizes)? }
            }
            ("Slice", &[_, first, end, axes, steps]) => self.every_second([first, end, axes, steps])?,
            ("Reshape", [x, shape]) => self.reshaped(x, shape)?,
            ("Flatten", [x]) => self.flattened(x, attributes)?,
            ("Transpose", [_]) => Operator::Transpose { order: order(attributes)? },
            ("Softmax", [x]) => self.softmax(x, attributes)?,
            (kind, _) => {
                let (name, count) = (&node.name, inputs.len());
                return Err(Error::new(format!("{name}: Kiln doesn't know {kind} of {count} inputs")));
            }
        })
    }

    fn linear(&mut self, weight: &str, bias: &str, attributes: &Attributes<'_>) -> Result<Operator> {
        attributes.must_be_one("alpha")?;
        attributes.must_be_one("beta")?;
        attributes.must_be("transA", 0)?;
        attributes.hold("transB", attributes.int("transB") == Some(1))?;
        Ok(Operator::Linear { weight: self.constant(weight)?, bias: self.constant(bias)? })
    }

    /// A tensor times its own sigmoid, or times a constant.
    fn product(&mut self, a: &str, b: &str) -> Result<Operator> {
        let own = |x: &str, gate: &str| {
            self.gates.get(gate).is_some_and(|of| self.tensors.tensor(x).ok() == Some(*of))
        };
        if own(a, b) || own(b, a) {
            return Ok(Operator::Silu);
        }
        let factor = if self.constants.has(a) { a } else { b };
        self.constant(factor).map(Operator::Scale)
    }

    /// Every second pixel of every second row, by where that begins, ends, along which axes and in which steps.
    fn every_second(&self, [first, end, axes, steps]: [&str; 4]) -> Result<Operator> {
        let whole = |name: &str| self.constants.whole(name);
        let to_the_end = whole(end)?.iter().all(|end| *end >= i64::from(i32::MAX));
        match (&self.constants.sizes(first)?[..], whole(axes)?, whole(steps)?) {
            (&[row, column], [2, 3], [2, 2]) if to_the_end => Ok(Operator::EverySecond { row, column }),
            _ => Err(Error::new(format!("Kiln doesn't know Slice from {first} in steps of {steps}"))),
        }
    }

    fn reshaped(&self, x: &str, shape: &str) -> Result<Operator> {
        let reshaped = self.lowered.reshaped(self.tensors.tensor(x)?, self.constants.whole(shape)?);
        reshaped.ok_or_else(|| Error::new(format!("Kiln can't tell which shape {shape} is")))
    }

    /// All numbers of an image in a row.
    fn flattened(&self, x: &str, attributes: &Attributes<'_>) -> Result<Operator> {
        attributes.must_be("axis", 1)?;
        Ok(Operator::Reshape(vec![self.lowered.shape(self.tensors.tensor(x)?).iter().product()]))
    }

    fn softmax(&self, x: &str, attributes: &Attributes<'_>) -> Result<Operator> {
        let last = self.lowered.shape(self.tensors.tensor(x)?).len() as i64;
        attributes.hold("axis", attributes.int("axis").is_none_or(|axis| [-1, last].contains(&axis)))?;
        Ok(Operator::Softmax)
    }
}

/// The axis that a node works along, which is not the batch.
fn axis(attributes: &Attributes<'_>) -> Result<usize> {
    let axis = attributes.int("axis").and_then(|axis| usize::try_from(axis).ok()).unwrap_or(0);
    attributes.hold("axis", axis > 0)?;
    Ok(axis)
}

fn order(attributes: &Attributes<'_>) -> Result<Vec<usize>> {
    let order = attributes.ints("perm").unwrap_or_default();
    let order: Option<Vec<usize>> = order.iter().map(|axis| usize::try_from(*axis).ok()).collect();
    attributes.hold("perm", order.is_some())?;
    Ok(order.unwrap_or_default())
}
