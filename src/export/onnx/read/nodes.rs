//! ONNX nodes as a lowered network's operators.

use std::collections::{BTreeMap, BTreeSet};

use super::{attributes::Attributes, constants::Constants, windows::window};
use crate::{
    error::{Error, Result},
    export::{
        lowered::{Lowered, Operator, TensorId},
        onnx::{
            graph::{FLOAT, FLOAT16},
            proto::{NodeProto, TensorProto},
        },
        tensor_names::TensorNames,
    },
};

/// A network on its way.
pub(super) struct Nodes<'a> {
    pub(super) lowered: Lowered,
    pub(super) constants: Constants<'a>,
    /// The tensors by the names that the file gives them.
    pub(super) tensors: TensorNames<'a>,
    /// The tensors whose sigmoid has this name: what is multiplied by its own becomes a SiLU.
    gates: BTreeMap<&'a str, TensorId>,
    /// The tensors whose first two dimensions, the batch and another, are one in the file.
    pub(super) joined: BTreeSet<TensorId>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(lowered: Lowered) -> Self {
        let (tensors, gates, joined) = (TensorNames::default(), BTreeMap::new(), BTreeSet::new());
        Self { lowered, constants: Constants::default(), tensors, gates, joined }
    }

    /// Adds numbers that are known beforehand.
    pub(super) fn constant(&mut self, name: &'a str, tensor: &'a TensorProto) -> Result<()> {
        self.constants.add(name, tensor, &mut self.lowered)
    }

    /// The network, whose probabilities the file calls `output`.
    pub(super) fn finish(self, output: &str) -> Result<Lowered> {
        let probabilities = self.tensors.tensor(output)?;
        if self.joined.contains(&probabilities) {
            return Err(Error::new(format!("{output} is not one number for each class")));
        }
        self.lowered.giving(output, probabilities)
    }

    /// Adds what a node does.
    pub(super) fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        let attributes = Attributes::of(node);
        let inputs: Vec<&str> = node.input.iter().map(String::as_str).collect();
        if self.names(node, &inputs, &attributes)? || self.sizes(node, &inputs, &attributes)? {
            return attributes.finish();
        }
        let tensors = self.tensors(&inputs)?;
        let joined = tensors.iter().any(|tensor| self.joined.contains(tensor));
        let (operator, joined) = match (node.op_type.as_str(), &inputs[..]) {
            ("Reshape", [x, shape]) => self.reshaped(x, shape, &attributes)?,
            ("Flatten", [x]) => self.flattened(x, &attributes)?,
            _ => (self.operator(node, &inputs, &attributes, usize::from(joined))?, joined),
        };
        attributes.finish()?;
        let outputs = self.lowered.push_all(&node.name, operator, &tensors)?;
        if outputs.len() != node.output.len() {
            return Err(Error::new(format!("{} gives more or fewer tensors than it names", node.name)));
        }
        self.joined.extend(outputs.iter().filter(|_| joined));
        node.output.iter().zip(outputs).try_for_each(|(name, tensor)| self.tensors.name(name, tensor))
    }

    /// Whether a node does nothing by itself: it gives a tensor's sigmoid, to be multiplied with it later, or something
    /// that is there under another name. What is calculated in 16 bits is calculated in 32 here.
    fn names(&mut self, node: &'a NodeProto, inputs: &[&str], attributes: &Attributes<'a>) -> Result<bool> {
        match (node.op_type.as_str(), inputs, node.output.as_slice()) {
            ("Sigmoid", [x], [gate]) => {
                self.gates.insert(gate, self.tensors.tensor(x)?);
            }
            ("Constant", [], [name]) => {
                let tensor = attributes.tensor("value");
                attributes.hold("value", tensor.is_some())?;
                tensor.map_or(Ok(()), |tensor| self.constant(name, tensor))?;
            }
            (kind @ ("Identity" | "Cast"), [known], [name]) => {
                let to = attributes.int("to");
                let is_float = [FLOAT, FLOAT16].iter().any(|float| to == Some(i64::from(*float)));
                attributes.hold("to", (kind == "Identity") == to.is_none() && (to.is_none() || is_float))?;
                match self.constants.has(known) {
                    true => self.constants.call(name, known),
                    false => self.tensors.name(name, self.tensors.tensor(known)?)?,
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The inputs that are tensors.
    fn tensors(&self, inputs: &[&str]) -> Result<Vec<TensorId>> {
        let tensors =
            inputs.iter().filter(|name| !self.constants.has(name) && !self.gates.contains_key(*name));
        tensors.map(|name| self.tensors.tensor(name)).collect()
    }

    /// What a node does with those of its inputs that are tensors, whose axes the file counts without `more` of them
    /// behind the first.
    fn operator(
        &mut self,
        node: &NodeProto,
        inputs: &[&str],
        attributes: &Attributes<'_>,
        more: usize,
    ) -> Result<Operator> {
        Ok(match (node.op_type.as_str(), inputs) {
            ("Conv", [_, weight, bias]) => Operator::Convolution {
                weight: self.constants.floats(weight)?,
                bias: self.constants.floats(bias)?,
                window: window(attributes)?,
            },
            ("Gemm", [_, weight, bias]) => self.linear(weight, bias, attributes)?,
            ("Mul", [a, b]) => self.product(a, b)?,
            ("Relu", [_]) => Operator::Relu,
            ("Add", [_, _]) => Operator::Add,
            ("MatMul", [_, _]) => Operator::MatMul { transpose_a: false, transpose_b: false },
            ("MaxPool", [_]) => Operator::MaxPool(window(attributes)?),
            ("GlobalAveragePool", [_]) => Operator::GlobalAverage,
            ("Concat", [_, ..]) => Operator::Concat { axis: axis(attributes)? + more },
            ("Split", [_, sizes]) => {
                Operator::Split { axis: axis(attributes)? + more, sizes: self.constants.sizes(sizes)? }
            }
            ("Slice", &[_, first, end, axes, steps]) => self.every_second([first, end, axes, steps])?,
            ("Transpose", [_]) => Operator::Transpose { order: order(attributes, more)? },
            ("Softmax", [x]) => self.softmax(x, attributes, more)?,
            (kind, _) => {
                let (name, count) = (&node.name, inputs.len());
                return Err(Error::new(format!("{name}: Kiln doesn't know {kind} of {count} inputs")));
            }
        })
    }

    fn linear(&self, weight: &str, bias: &str, attributes: &Attributes<'_>) -> Result<Operator> {
        attributes.must_be_one("alpha")?;
        attributes.must_be_one("beta")?;
        attributes.must_be("transA", 0)?;
        attributes.hold("transB", attributes.int("transB") == Some(1))?;
        Ok(Operator::Linear { weight: self.constants.floats(weight)?, bias: self.constants.floats(bias)? })
    }

    /// A tensor times its own sigmoid, or times a constant.
    fn product(&mut self, a: &str, b: &str) -> Result<Operator> {
        let own = |x: &str, gate: &str| {
            self.gates.get(gate).is_some_and(|of| self.tensors.tensor(x).ok() == Some(*of))
        };
        if own(a, b) || own(b, a) {
            return Ok(Operator::Silu);
        }
        let factor = self.constants.floats(if self.constants.has(a) { a } else { b })?;
        // One number, or one for each channel, is the same with more dimensions of 1 around it.
        let constant = &mut self.lowered.constants[factor.0];
        match constant.shape[..] {
            [1, channels, 1, 1] if channels > 1 => constant.shape = vec![channels, 1, 1],
            _ if constant.data.len() == 1 => constant.shape.clear(),
            _ => {}
        }
        Ok(Operator::Scale(factor))
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

    fn softmax(&self, x: &str, attributes: &Attributes<'_>, more: usize) -> Result<Operator> {
        let last = (self.lowered.shape(self.tensors.tensor(x)?).len() - more) as i64;
        attributes.hold("axis", attributes.int("axis").is_none_or(|axis| [-1, last].contains(&axis)))?;
        Ok(Operator::Softmax)
    }
}

/// The axis that a node works along, which is not the batch.
fn axis(attributes: &Attributes<'_>) -> Result<usize> {
    let axis = attributes.int("axis").and_then(|axis| usize::try_from(axis).ok()).unwrap_or(0);
    attributes.hold("axis", (1..64).contains(&axis))?;
    Ok(axis)
}

/// The order of the dimensions, of which the file does not count `more` behind the first.
fn order(attributes: &Attributes<'_>, more: usize) -> Result<Vec<usize>> {
    let order = attributes.ints("perm").unwrap_or_default();
    let order: Option<Vec<usize>> = order.iter().map(|axis| usize::try_from(*axis).ok()).collect();
    attributes.hold("perm", order.as_ref().is_some_and(|order| order.first() == Some(&0)))?;
    let rest = order.unwrap_or_default().into_iter().skip(1).map(|axis| axis.saturating_add(more));
    Ok((0..=more).chain(rest).collect())
}
