//! Layers as a lowered network's operators.

use super::{
    super::ir::Layer,
    constants::Place,
    data::Data,
    layers::{Layers, Value},
    windows::window,
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::lowered::{ConstantId, Operator, TensorId, Unbiased},
};

impl Layers<'_> {
    /// What comes out of a layer that is not an operator by itself; none if it is.
    pub(super) fn value(
        &mut self,
        layer: &Layer,
        inputs: &[Value],
        data: &Data<'_>,
    ) -> Result<Option<Value>> {
        Ok(Some(match (layer.kind.as_str(), layer.version.as_str(), inputs) {
            ("Const", "opset1", []) => Value::Constant(Place::of(&layer.name, data)?),
            ("ShapeOf", "opset1" | "opset3", [Value::Tensor(x)]) => {
                data.must_be("output_type", "i64")?;
                Value::Sizes(self.lowered.dims(*x))
            }
            ("ReduceMean", "opset1", [x, Value::Constant(axes)]) => self.average(layer, x, axes, data)?,
            ("Convert", "opset1", [Value::Constant(place)]) => {
                data.hold("destination_type", data.text("destination_type") == Some("f32"))?;
                Value::Constant(place.clone())
            }
            ("Convolution", "opset1", [x, Value::Constant(weight)]) => {
                let window = window(data, weight.shape.get(2..).unwrap_or_default())?;
                self.unbiased(layer, x, weight, weight.shape.clone(), Some(window))?
            }
            ("GroupConvolution", "opset1", [x, Value::Constant(weight)]) => {
                self.grouped(layer, x, weight, data)?
            }
            ("MatMul", "opset1", [x, Value::Constant(weight)]) => {
                data.must_be("transpose_a", "false")?;
                data.hold("transpose_b", data.flag("transpose_b")?)?;
                self.unbiased(layer, x, weight, weight.shape.clone(), None)?
            }
            ("Add", "opset1", [Value::Unbiased(unbiased), Value::Constant(bias)]) => {
                data.must_be("auto_broadcast", "numpy")?;
                let bias = self.bias(unbiased, bias)?;
                Value::Tensor(self.lowered.biased(unbiased, bias)?)
            }
            _ => return Ok(None),
        }))
    }

    /// What a layer does with those of its inputs that are tensors.
    pub(super) fn operator(&mut self, layer: &Layer, inputs: &[Value], data: &Data<'_>) -> Result<Operator> {
        Ok(match (layer.kind.as_str(), layer.version.as_str(), inputs) {
            ("Add", "opset1", [Value::Tensor(_), Value::Tensor(_)]) => {
                data.must_be("auto_broadcast", "numpy")?;
                Operator::Add
            }
            ("Multiply", "opset1", [Value::Tensor(_), Value::Constant(factor)]) => {
                data.must_be("auto_broadcast", "numpy")?;
                Operator::Scale(self.factor(factor)?)
            }
            ("Swish", "opset4", [Value::Tensor(_)]) => Operator::Silu,
            ("ReLU", "opset1", [Value::Tensor(_)]) => Operator::Relu,
            ("Concat", "opset1", all) if all.iter().all(|value| value.tensor().is_some()) => {
                Operator::Concat { axis: axis(data, data.whole("axis")?)? }
            }
            (
                "VariadicSplit",
                "opset1",
                [Value::Tensor(_), Value::Constant(along), Value::Constant(sizes)],
            ) => {
                let along = self.constants.whole(along)?;
                data.hold("axis", along.len() == 1)?;
                Operator::Split { axis: axis(data, along[0])?, sizes: self.constants.sizes(sizes)? }
            }
            ("Slice", "opset8", [Value::Tensor(x), places @ ..]) => self.every_second(layer, *x, places)?,
            ("MaxPool", "opset1" | "opset8", [Value::Tensor(_)]) => Operator::MaxPool(pooled(data)?),
            ("Reshape", "opset1", [Value::Tensor(x), shape]) => self.reshape(*x, shape, data)?,
            ("Transpose", "opset1", [Value::Tensor(_), Value::Constant(order)]) => {
                Operator::Transpose { order: self.constants.sizes(order)? }
            }
            ("MatMul", "opset1", [Value::Tensor(_), Value::Tensor(_)]) => {
                let [transpose_a, transpose_b] = [data.flag("transpose_a")?, data.flag("transpose_b")?];
                Operator::MatMul { transpose_a, transpose_b }
            }
            ("SoftMax" | "Softmax", "opset1" | "opset8", [Value::Tensor(x)]) => {
                let (last, axis) = (self.lowered.shape(*x).len() as i64, data.whole("axis")?);
                data.hold("axis", [-1, last].contains(&axis))?;
                Operator::Softmax
            }
            _ => return Err(unknown(layer, inputs)),
        })
    }

    /// Floats of a constant in this shape become one of the network's.
    fn floats(&mut self, place: &Place, shape: Vec<usize>) -> Result<ConstantId> {
        let constant = self.constants.floats(place, shape)?;
        Ok(self.lowered.add_constant(constant))
    }

    /// A convolution whose weight has its groups in front.
    fn grouped(&mut self, layer: &Layer, x: &Value, weight: &Place, data: &Data<'_>) -> Result<Value> {
        let [groups, channels, rest @ ..] = &weight.shape[..] else {
            return Err(unknown(layer, std::slice::from_ref(x)));
        };
        let window = window(data, rest.get(1..).unwrap_or_default())?.groups(*groups);
        let shape = [&[groups.saturating_mul(*channels)], rest].concat();
        self.unbiased(layer, x, weight, shape, Some(window))
    }

    /// A convolution, or a linear layer, with a weight in this shape.
    fn unbiased(
        &mut self,
        layer: &Layer,
        x: &Value,
        weight: &Place,
        shape: Vec<usize>,
        window: Option<Window>,
    ) -> Result<Value> {
        let unknown = || unknown(layer, std::slice::from_ref(x));
        let x = self.settled(x)?.tensor().filter(|_| !shape.is_empty()).ok_or_else(unknown)?;
        let weight = self.floats(weight, shape)?;
        Ok(Value::Unbiased(Unbiased { at: layer.name.clone(), x, weight, window }))
    }

    /// A bias: one number for each place along the second dimension.
    fn bias(&mut self, unbiased: &Unbiased, bias: &Place) -> Result<ConstantId> {
        let shape = self.lowered.bias_shape(unbiased);
        if bias.shape != shape && bias.shape != [&[1], &shape[..]].concat() {
            return Err(Error::new(format!("{}: Kiln doesn't know a bias of {:?}", unbiased.at, bias.shape)));
        }
        self.floats(bias, shape[..1].to_vec())
    }

    /// What a tensor is multiplied by: one number, or one for each channel.
    fn factor(&mut self, factor: &Place) -> Result<ConstantId> {
        let shape = match factor.shape[..] {
            [1, ref rest @ ..] if rest.len() == 3 => rest.to_vec(),
            _ => factor.shape.clone(),
        };
        let shape = if shape.iter().all(|size| *size == 1) { Vec::new() } else { shape };
        self.floats(factor, shape)
    }

    /// The mean of each channel, behind which two sizes of 1 may stay.
    fn average(&mut self, layer: &Layer, x: &Value, axes: &Place, data: &Data<'_>) -> Result<Value> {
        data.hold("axes", self.constants.whole(axes)? == [2, 3])?;
        let x = self.settled(x)?.tensor().ok_or_else(|| unknown(layer, std::slice::from_ref(x)))?;
        let means = self.lowered.push(&layer.name, Operator::GlobalAverage, &[x])?;
        if !data.flag("keep_dims")? {
            return Ok(Value::Tensor(means));
        }
        let shape = [self.lowered.shape(means), &[1, 1]].concat();
        self.lowered.push(&layer.name, Operator::Reshape(shape), &[means]).map(Value::Tensor)
    }

    /// Every second pixel of every second row, by where that begins and ends, in which steps and along which axes.
    fn every_second(&mut self, layer: &Layer, x: TensorId, places: &[Value]) -> Result<Operator> {
        let [Value::Constant(first), Value::Constant(end), Value::Constant(steps), Value::Constant(axes)] =
            places
        else {
            return Err(unknown(layer, places));
        };
        let (end, sides) = (self.constants.sizes(end)?, self.lowered.shape(x).get(1..).unwrap_or_default());
        let to_the_end = end.len() == sides.len() && end.iter().zip(sides).all(|(end, side)| end >= side);
        match (
            &self.constants.sizes(first)?[..],
            &self.constants.whole(steps)?[..],
            &self.constants.whole(axes)?[..],
        ) {
            (&[row, column], [2, 2], [2, 3]) if to_the_end => Ok(Operator::EverySecond { row, column }),
            _ => Err(Error::new(format!("{}: Kiln doesn't know Slice with such places", layer.name))),
        }
    }

    /// Another shape: 0 is a size that stays, and -1 what is left.
    fn reshape(&mut self, x: TensorId, shape: &Value, data: &Data<'_>) -> Result<Operator> {
        let wanted = match shape {
            Value::Constant(place) => self.constants.whole(place)?,
            Value::Sizes(sizes) => sizes.clone(),
            Value::Tensor(_) | Value::Unbiased(_) => {
                return Err(Error::new("Kiln can't tell a shape beforehand"));
            }
        };
        let stays = data.flag("special_zero")? || !wanted.contains(&0);
        data.hold("special_zero", stays)?;
        let reshaped = self.lowered.reshaped(x, &wanted);
        reshaped.ok_or_else(|| Error::new(format!("Kiln can't tell which shape {wanted:?} is")))
    }
}

/// The axis that a layer works along, which is not the batch.
fn axis(data: &Data<'_>, axis: i64) -> Result<usize> {
    let found = usize::try_from(axis).ok().filter(|axis| *axis > 0);
    data.hold("axis", found.is_some()).map(|()| found.unwrap_or(1))
}

/// The window of a pooling. The places of the maxima, which its newer version gives as well, are nobody's.
fn pooled(data: &Data<'_>) -> Result<Window> {
    data.must_be("rounding_type", "floor")?;
    data.must_be("index_element_type", "i64")?;
    data.must_be("axis", "0")?;
    window(data, &data.sizes("kernel")?)
}

fn unknown(layer: &Layer, inputs: &[Value]) -> Error {
    let Layer { name, kind, version, .. } = layer;
    Error::new(format!("{name}: Kiln doesn't know {kind} of {version} and {} inputs", inputs.len()))
}
