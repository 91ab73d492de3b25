//! TensorFlow's nodes one by one: what each takes, and what it gives.

use super::{
    super::{Attribute, Node, Type},
    attributes::Attributes,
    constants::{floats, whole},
    values::{Value, Values},
};
use crate::{
    error::{Error, Result},
    export::{
        channels_last::{Restored, Seen},
        lowered::{Constant, ConstantId, Lowered, Operator},
    },
};

/// A network on its way.
pub(super) struct Nodes {
    pub(super) restored: Restored,
    /// What the images are called, and they, until they were met.
    images: Option<(String, Seen)>,
    pub(super) values: Values,
}

impl Nodes {
    /// A network that takes these images, called `name`.
    pub(super) fn new(restored: Restored, name: &str, images: Seen) -> Self {
        Self { restored, images: Some((name.to_owned(), images)), values: Values::default() }
    }

    /// The network, whose probabilities are called `name`.
    pub(super) fn finish(self, name: &str) -> Result<Lowered> {
        let probabilities = self.values.tensor(name)?;
        self.restored.finish(probabilities)
    }

    /// Adds what a node does.
    pub(super) fn node(&mut self, node: Node) -> Result<()> {
        let (mut attributes, inputs) = Attributes::of(node);
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let value = self.value(&mut attributes, &inputs)?;
        let name = attributes.name.clone();
        attributes.finish()?;
        self.values.name(name, value)
    }

    /// What a node gives.
    fn value(&mut self, attributes: &mut Attributes, inputs: &[&str]) -> Result<Value> {
        let op = attributes.op.clone();
        if !["Placeholder", "Const", "Cast"].contains(&op.as_str()) {
            attributes.must_have("T", Type::Float)?;
        }
        match (op.as_str(), inputs) {
            ("Placeholder", []) => self.placeholder(attributes),
            ("Const", []) => constant(attributes),
            ("Cast", [half]) => self.widened(attributes, half),
            ("Sigmoid", [x]) => Ok(Value::Gate(self.values.tensor(x)?)),
            ("Pad" | "PadV2", [x, sides, number @ ..]) => self.padded(attributes, x, sides, number),
            ("Conv2D" | "DepthwiseConv2dNative", [x, weight]) => self.convolved(attributes, x, weight),
            ("MatMul", [x, weight]) => self.linear(attributes, x, weight),
            ("BiasAdd", [x, bias]) => self.biased(attributes, x, bias),
            ("MaxPool", [x]) => self.max_pool(attributes, x),
            ("Mul", [a, b]) => self.product(attributes, a, b),
            _ => self.plain(attributes, inputs),
        }
    }

    /// Adds an operator of these tensors.
    pub(super) fn push(
        &mut self,
        attributes: &Attributes,
        operator: Operator,
        inputs: &[Seen],
    ) -> Result<Value> {
        self.restored.push(&attributes.name, operator, inputs).map(Value::Tensors)
    }

    fn placeholder(&mut self, attributes: &mut Attributes) -> Result<Value> {
        attributes.must_have("dtype", Type::Float)?;
        // It was looked at before.
        attributes.take("shape")?;
        match self.images.take() {
            Some((name, images)) if name == attributes.name => Ok(Value::Tensors(vec![images])),
            _ => Err(Error::new("it has more than one input")),
        }
    }

    /// Numbers of 16 bits become such of 32: the same numbers.
    fn widened(&mut self, attributes: &mut Attributes, half: &str) -> Result<Value> {
        attributes.must_have("SrcT", Type::Half)?;
        attributes.must_have("DstT", Type::Float)?;
        attributes.must_be("Truncate", &Attribute::Flag(false))?;
        Ok(Value::Constant(self.values.constant(half)?))
    }

    /// The numbers of this name become a constant of the network, in the shape and order that `change` makes.
    pub(super) fn floats(
        &mut self,
        name: &str,
        change: impl FnOnce(Constant) -> Option<Constant>,
    ) -> Result<ConstantId> {
        let constant = change(floats(name, &self.values.constant(name)?)?);
        let constant =
            constant.ok_or_else(|| Error::new(format!("{name} is of another shape than it should be")))?;
        Ok(self.restored.add_constant(constant))
    }

    /// The whole numbers in a row of this name.
    pub(super) fn row(&mut self, name: &str) -> Result<Vec<i64>> {
        whole(name, &self.values.constant(name)?, 1)
    }

    /// The same, where none is negative.
    pub(super) fn sizes(&mut self, name: &str) -> Result<Vec<usize>> {
        let sizes = self.row(name)?.into_iter().map(|size| usize::try_from(size).ok()).collect();
        Option::ok_or_else(sizes, || Error::new(format!("{name} has a negative number")))
    }

    /// The axis of this name.
    pub(super) fn axis(&mut self, name: &str) -> Result<usize> {
        let axis = whole(name, &self.values.constant(name)?, 0)?.into_iter().next();
        let axis = axis.and_then(|axis| usize::try_from(axis).ok());
        axis.ok_or_else(|| Error::new(format!("{name} is no axis")))
    }
}

fn constant(attributes: &mut Attributes) -> Result<Value> {
    match attributes.take("value")? {
        Attribute::Tensor(tensor) => {
            attributes.must_have("dtype", tensor.of)?;
            Ok(Value::Constant(tensor))
        }
        _ => Err(attributes.wrong("value")),
    }
}
