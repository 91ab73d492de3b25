//! Operations one by one: what each takes, and the values that it gives.

use std::collections::BTreeMap;

use super::{
    super::program::{Attribute, Holds, Kind, Operation, Output, Tensor},
    attributes::Attributes,
    parameters::Parameters,
};
use crate::{
    error::{Error, Result},
    export::lowered::{INPUT, Lowered, TensorId, Unbiased},
};

/// A network on its way.
pub(super) struct Values {
    pub(super) lowered: Lowered,
    pub(super) parameters: Parameters,
    values: BTreeMap<u64, Value>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A tensor of the network.
    Tensor(TensorId),
    /// The parameter of this name.
    Parameter(String),
    /// Whole numbers that are known beforehand.
    Wholes(Vec<i64>),
    /// Several tensors.
    Several(Vec<TensorId>),
    /// What becomes a tensor when its bias is known, which another operation adds.
    Unbiased(Unbiased),
}

impl Values {
    /// A network that takes what the operation `images` gives.
    pub(super) fn new(images: &Operation, parameters: Parameters) -> Result<Self> {
        let attributes = Attributes::of(images);
        let ("1.data", []) = (images.kind.as_str(), &images.inputs[..]) else {
            return Err(Error::new(format!("it begins with {}, not with its input", images.kind)));
        };
        attributes.must_be("dtype", &Attribute::Kind(Kind::F32))?;
        let sizes: Vec<Option<usize>> =
            attributes.wholes("shape")?.iter().map(|size| usize::try_from(*size).ok()).collect();
        ["name", "place"].into_iter().for_each(|name| attributes.skip(name));
        attributes.finish()?;
        let lowered = Lowered::of_images("the images", &sizes)?;
        let mut values = Self { lowered, parameters, values: BTreeMap::new() };
        values.give(images, vec![Value::Tensor(INPUT)])?;
        Ok(values)
    }

    /// The network, which gives what the operation `result` takes.
    pub(super) fn finish(self, result: &Operation) -> Result<Lowered> {
        match (result.kind.as_str(), &self.inputs(result)?[..]) {
            ("1.fetch", [Value::Tensor(probabilities)]) => self.lowered.giving("its result", *probabilities),
            (kind, _) => Err(Error::new(format!("it ends with {kind}, not with one tensor"))),
        }
    }

    /// Adds what an operation does.
    pub(super) fn operation(&mut self, operation: &Operation) -> Result<()> {
        let (attributes, inputs) = (Attributes::of(operation), self.inputs(operation)?);
        let values = match self.value(operation, &inputs, &attributes)? {
            Some(value) => vec![value],
            None => self.results(operation, &inputs, &attributes)?,
        };
        attributes.finish()?;
        self.give(operation, values)
    }

    /// What comes of an operation that is an operator.
    fn results(
        &mut self,
        operation: &Operation,
        inputs: &[Value],
        attributes: &Attributes<'_>,
    ) -> Result<Vec<Value>> {
        if let ("0.split", [Value::Several(parts)]) = (operation.kind.as_str(), inputs) {
            return Ok(parts.iter().copied().map(Value::Tensor).collect());
        }
        let inputs: Vec<Value> = inputs.iter().map(|value| self.settled(value)).collect::<Result<_>>()?;
        let operator = self.operator(operation, &inputs, attributes)?;
        let tensors: Vec<TensorId> = inputs.iter().flat_map(Value::tensors).copied().collect();
        let outputs = self.lowered.push_all(&operation.kind, operator, &tensors)?;
        Ok(match operation.outputs[..] {
            [Output { holds: Holds::Several(_), .. }] => vec![Value::Several(outputs)],
            _ => outputs.into_iter().map(Value::Tensor).collect(),
        })
    }

    /// What goes into an operation.
    fn inputs(&self, operation: &Operation) -> Result<Vec<Value>> {
        let missing =
            |id| Error::new(format!("{} takes the value {id}, which was not made before", operation.kind));
        operation.inputs.iter().map(|id| self.values.get(id).cloned().ok_or_else(|| missing(id))).collect()
    }

    /// Says which values an operation gives, if they are as it says.
    fn give(&mut self, operation: &Operation, values: Vec<Value>) -> Result<()> {
        let Operation { kind, outputs, .. } = operation;
        if outputs.len() != values.len() {
            return Err(Error::new(format!("{kind} gives more or fewer values than it says")));
        }
        for (Output { id, holds }, value) in outputs.iter().zip(values) {
            let said: &[Tensor] = match holds {
                Holds::Tensor(tensor) => std::slice::from_ref(tensor),
                Holds::Several(tensors) => tensors,
            };
            let found = value.tensors().iter().map(|tensor| self.lowered.dims(*tensor));
            if !value.tensors().is_empty() && !found.eq(said.iter().map(|tensor| tensor.dims.clone())) {
                return Err(Error::new(format!("{kind} gives tensors of other sizes than it says")));
            }
            if self.values.insert(*id, value).is_some() {
                return Err(Error::new(format!("there are two values {id}")));
            }
        }
        Ok(())
    }

    /// A value that is not without its bias any more: if no operation adds one, it has none at all.
    pub(super) fn settled(&mut self, value: &Value) -> Result<Value> {
        match value {
            Value::Unbiased(unbiased) => self.lowered.without_bias(unbiased).map(Value::Tensor),
            value => Ok(value.clone()),
        }
    }
}

impl Value {
    /// The tensors that it is.
    pub(super) fn tensors(&self) -> &[TensorId] {
        match self {
            Self::Tensor(tensor) => std::slice::from_ref(tensor),
            Self::Several(tensors) => tensors,
            Self::Parameter(_) | Self::Wholes(_) | Self::Unbiased(_) => &[],
        }
    }
}
