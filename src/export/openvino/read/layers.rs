//! Layers one by one: what each takes, and what comes out of it.

use std::collections::BTreeMap;

use super::{
    super::ir::{Layer, Net},
    constants::{Constants, Place},
    data::Data,
};
use crate::{
    error::{Error, Result},
    export::lowered::{INPUT, Lowered, TensorId, Unbiased},
};

/// A network on its way.
pub(super) struct Layers<'a> {
    pub(super) lowered: Lowered,
    pub(super) constants: Constants<'a>,
    /// Where each input's edge begins: layers and their ports.
    edges: BTreeMap<(usize, usize), (usize, usize)>,
    /// What comes out of each port.
    values: BTreeMap<(usize, usize), Value>,
}

/// What comes out of a port.
#[derive(Clone)]
pub(super) enum Value {
    /// A tensor.
    Tensor(TensorId),
    /// Numbers that are known beforehand.
    Constant(Place),
    /// The sizes of a tensor, the batch's in front.
    Sizes(Vec<i64>),
    /// What becomes a tensor when its bias is known, which another layer adds.
    Unbiased(Unbiased),
}

impl<'a> Layers<'a> {
    /// A network that takes what the layer `images` stands for.
    pub(super) fn new(net: &Net, images: &Layer, constants: Constants<'a>) -> Result<Self> {
        let data = Data::of(images);
        data.hold("element_type", data.text("element_type") == Some("f32"))?;
        let shape = data.text("shape").unwrap_or_default().split(',').map(str::trim);
        let sizes: Vec<Option<usize>> = shape.map(|size| size.parse().ok()).collect();
        let lowered = Lowered::of_images(&images.name, &sizes)?;
        data.finish()?;
        let mut edges = BTreeMap::new();
        for edge in &net.edges {
            if edges.insert(edge.to, edge.from).is_some() {
                return Err(Error::new("two of its edges end at one port"));
            }
        }
        let mut layers = Self { lowered, constants, edges, values: BTreeMap::new() };
        layers.give(images, vec![Value::Tensor(INPUT)])?;
        Ok(layers)
    }

    /// The network, which gives what the layer `result` takes.
    pub(super) fn finish(self, result: &Layer) -> Result<Lowered> {
        match self.inputs(result)?[..] {
            [Value::Tensor(probabilities)] => self.lowered.giving(&result.name, probabilities),
            _ => Err(Error::new("its result is not one tensor")),
        }
    }

    /// Adds what a layer does.
    pub(super) fn layer(&mut self, layer: &Layer) -> Result<()> {
        let (data, inputs) = (Data::of(layer), self.inputs(layer)?);
        let values = match self.value(layer, &inputs, &data)? {
            Some(value) => vec![value],
            None => self.results(layer, &inputs, &data)?,
        };
        data.finish()?;
        self.give(layer, values)
    }

    /// What comes out of a layer that is an operator.
    fn results(&mut self, layer: &Layer, inputs: &[Value], data: &Data<'_>) -> Result<Vec<Value>> {
        let inputs: Vec<Value> = inputs.iter().map(|value| self.settled(value)).collect::<Result<_>>()?;
        let operator = self.operator(layer, &inputs, data)?;
        let tensors: Vec<TensorId> = inputs.iter().filter_map(Value::tensor).collect();
        let outputs = self.lowered.push_all(&layer.name, operator, &tensors)?;
        Ok(outputs.into_iter().map(Value::Tensor).collect())
    }

    /// What goes into a layer, by the numbers of its ports.
    fn inputs(&self, layer: &Layer) -> Result<Vec<Value>> {
        let value = |port: usize| self.values.get(self.edges.get(&(layer.id, port))?).cloned();
        let missing = || Error::new(format!("{} takes what was not made before", layer.name));
        layer.inputs.iter().map(|port| value(port.id).ok_or_else(missing)).collect()
    }

    /// Says what comes out of a layer's ports, if they are as they should be. What nobody knows may come out besides.
    fn give(&mut self, layer: &Layer, values: Vec<Value>) -> Result<()> {
        let Layer { id, name, outputs, .. } = layer;
        if outputs.len() < values.len() {
            return Err(Error::new(format!("{name} has fewer outputs than it gives")));
        }
        for (port, value) in outputs.iter().zip(values) {
            if let Value::Tensor(tensor) = value
                && port.dims != self.lowered.dims(tensor)
            {
                let (said, found) = (&port.dims, self.lowered.dims(tensor));
                return Err(Error::new(format!("{name} gives a tensor of {found:?}, not {said:?}")));
            }
            if self.values.insert((*id, port.id), value).is_some() {
                return Err(Error::new(format!("there are two layers {id}")));
            }
        }
        Ok(())
    }

    /// A value that is not without its bias any more: if no layer adds one, it has none at all.
    pub(super) fn settled(&mut self, value: &Value) -> Result<Value> {
        match value {
            Value::Unbiased(unbiased) => self.lowered.without_bias(unbiased).map(Value::Tensor),
            value => Ok(value.clone()),
        }
    }
}

impl Value {
    /// The tensor that it is, if it is one.
    pub(super) fn tensor(&self) -> Option<TensorId> {
        if let Self::Tensor(tensor) = self { Some(*tensor) } else { None }
    }
}
