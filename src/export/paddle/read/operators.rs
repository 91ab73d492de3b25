//! Operations as a lowered network's operators.

use super::{
    super::program::{Attribute, Operation},
    attributes::Attributes,
    values::{Value, Values},
};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::lowered::{Constant, ConstantId, Operator, TensorId, Unbiased},
};

impl Values {
    /// The one value that comes of an operation that is not an operator by itself; none if it is.
    pub(super) fn value(
        &mut self,
        operation: &Operation,
        inputs: &[Value],
        attributes: &Attributes<'_>,
    ) -> Result<Option<Value>> {
        Ok(Some(match (operation.kind.as_str(), inputs) {
            ("p", []) => Value::Parameter(attributes.text("name")?.to_owned()),
            ("1.full_int_array", []) => {
                ["dtype", "place"].into_iter().for_each(|name| attributes.skip(name));
                Value::Wholes(attributes.wholes("value")?.to_vec())
            }
            ("1.full", []) => {
                ["dtype", "place"].into_iter().for_each(|name| attributes.skip(name));
                attributes.hold("shape", attributes.wholes("shape")? == [1])?;
                Value::Wholes(vec![attributes.whole("value")?])
            }
            ("0.combine", all) => Value::Several(all.iter().flat_map(Value::tensors).copied().collect()),
            ("1.conv2d" | "1.depthwise_conv2d", [x, Value::Parameter(weight)]) => {
                let weight = self.parameter(weight)?;
                let window = convolved(attributes, &weight.shape)?;
                self.unbiased(operation, x, weight, Some(window))?
            }
            ("1.matmul", [x, Value::Parameter(weight)]) => {
                ["transpose_x", "transpose_y"]
                    .into_iter()
                    .try_for_each(|name| attributes.must_be(name, &Attribute::Flag(false)))?;
                let matrix = Some(self.parameter(weight)?).filter(|weight| weight.shape.len() == 2);
                let weight = matrix.ok_or_else(|| unknown(operation, inputs))?.transposed();
                self.unbiased(operation, x, weight, None)?
            }
            ("1.add", [Value::Unbiased(unbiased), Value::Parameter(bias)]) => {
                let bias = self.bias(unbiased, bias)?;
                Value::Tensor(self.lowered.biased(unbiased, bias)?)
            }
            _ => return Ok(None),
        }))
    }

    /// What an operation does with those of its inputs that are tensors.
    pub(super) fn operator(
        &mut self,
        operation: &Operation,
        inputs: &[Value],
        attributes: &Attributes<'_>,
    ) -> Result<Operator> {
        Ok(match (operation.kind.as_str(), inputs) {
            ("1.silu", [Value::Tensor(_)]) => Operator::Silu,
            ("1.relu", [Value::Tensor(_)]) => Operator::Relu,
            ("1.add", [Value::Tensor(_), Value::Tensor(_)]) => Operator::Add,
            ("1.multiply", [Value::Tensor(_), Value::Parameter(factor)]) => {
                let factor = self.parameter(factor)?;
                let shape =
                    if factor.shape.iter().all(|size| *size == 1) { Vec::new() } else { factor.shape };
                Operator::Scale(self.lowered.add_constant(Constant { shape, ..factor }))
            }
            ("1.concat", [Value::Several(_), Value::Wholes(axis)]) => Operator::Concat { axis: along(axis)? },
            ("1.split", [Value::Tensor(_), Value::Wholes(parts), Value::Wholes(axis)]) => {
                Operator::Split { axis: along(axis)?, sizes: sizes(parts)? }
            }
            (
                "1.strided_slice",
                [Value::Tensor(x), Value::Wholes(first), Value::Wholes(end), Value::Wholes(steps)],
            ) => {
                attributes.hold("axes", attributes.wholes("axes")? == [2, 3] && steps[..] == [2, 2])?;
                self.every_second(*x, &sizes(first)?, &sizes(end)?)
                    .ok_or_else(|| unknown(operation, inputs))?
            }
            ("1.pool2d", [Value::Tensor(_), Value::Wholes(kernel)]) => {
                Operator::MaxPool(pooled(attributes, kernel)?)
            }
            ("1.reshape", [Value::Tensor(x), Value::Wholes(shape)]) => {
                self.lowered.reshaped(*x, shape).ok_or_else(|| unknown(operation, inputs))?
            }
            ("1.transpose", [Value::Tensor(_)]) => {
                Operator::Transpose { order: sizes(attributes.wholes("perm")?)? }
            }
            ("1.matmul", [Value::Tensor(_), Value::Tensor(_)]) => {
                let [transpose_a, transpose_b] =
                    [attributes.flag("transpose_x")?, attributes.flag("transpose_y")?];
                Operator::MatMul { transpose_a, transpose_b }
            }
            ("1.softmax", [Value::Tensor(x)]) => {
                let last = self.lowered.shape(*x).len() as i64;
                attributes.hold("axis", [-1, last].contains(&attributes.whole("axis")?))?;
                Operator::Softmax
            }
            ("1.mean", [Value::Tensor(_), Value::Wholes(axes)]) => {
                attributes.must_be("keepdim", &Attribute::Flag(false))?;
                attributes.hold("axis", axes[..] == [2, 3])?;
                Operator::GlobalAverage
            }
            _ => return Err(unknown(operation, inputs)),
        })
    }

    /// The parameter of this name. Each is taken once.
    fn parameter(&mut self, name: &str) -> Result<Constant> {
        let parameter = self.parameters.remove(name);
        parameter.ok_or_else(|| Error::new(format!("the parameter {name} is not there, or taken twice")))
    }

    fn unbiased(
        &mut self,
        operation: &Operation,
        x: &Value,
        weight: Constant,
        window: Option<Window>,
    ) -> Result<Value> {
        let x = self.settled(x)?;
        let (&[x], false) = (x.tensors(), weight.shape.is_empty()) else {
            return Err(unknown(operation, std::slice::from_ref(&x)));
        };
        let at = weight.name.strip_suffix(".weight").unwrap_or(&weight.name).to_owned();
        Ok(Value::Unbiased(Unbiased { at, x, weight: self.lowered.add_constant(weight), window }))
    }

    /// A bias: one number for each place along the second dimension.
    fn bias(&mut self, unbiased: &Unbiased, name: &str) -> Result<ConstantId> {
        let (bias, shape) = (self.parameter(name)?, self.lowered.bias_shape(unbiased));
        if bias.shape != shape && bias.shape != [&[1], &shape[..]].concat() {
            return Err(Error::new(format!("{}: Kiln doesn't know a bias of {:?}", unbiased.at, bias.shape)));
        }
        Ok(self.lowered.add_constant(Constant { shape: shape[..1].to_vec(), ..bias }))
    }

    /// Every second pixel of every second row, from these first ones to these ends.
    fn every_second(&self, x: TensorId, first: &[usize], end: &[usize]) -> Option<Operator> {
        let (&[row, column], sides) = (first, self.lowered.shape(x).get(1..)?) else { return None };
        let to_the_end = end.len() == sides.len() && end.iter().zip(sides).all(|(end, side)| end >= side);
        to_the_end.then_some(Operator::EverySecond { row, column })
    }
}

/// The window of a convolution with a weight of this shape.
fn convolved(attributes: &Attributes<'_>, weight: &[usize]) -> Result<Window> {
    attributes.hold("dilations", attributes.wholes("dilations")? == [1, 1])?;
    let groups = usize::try_from(attributes.whole("groups")?);
    attributes.hold("groups", groups.is_ok())?;
    let kernel = weight.get(2..).unwrap_or_default().iter().map(|size| *size as i64).collect::<Vec<_>>();
    Ok(window(attributes, &kernel)?.groups(groups.unwrap_or(1)))
}

/// The window of a pooling that takes the maximum.
fn pooled(attributes: &Attributes<'_>, kernel: &[i64]) -> Result<Window> {
    attributes.must_say("pooling_type", "max")?;
    attributes.must_be("exclusive", &Attribute::Flag(true))?;
    for name in ["ceil_mode", "global_pooling", "adaptive"] {
        attributes.must_be(name, &Attribute::Flag(false))?;
    }
    window(attributes, kernel)
}

/// The window of this kernel.
///
/// # Errors
/// If it is not square, or padded otherwise than by half of it.
fn window(attributes: &Attributes<'_>, kernel: &[i64]) -> Result<Window> {
    attributes.must_say("data_format", "NCHW")?;
    attributes.must_say("padding_algorithm", "EXPLICIT")?;
    let kernel = square(attributes, "kernel", kernel)?;
    let stride = square(attributes, "strides", attributes.wholes("strides")?)?;
    attributes.hold("paddings", attributes.wholes("paddings")? == [kernel as i64 / 2; 2])?;
    Ok(Window { kernel, stride, groups: 1 })
}

/// The side of a square.
fn square(attributes: &Attributes<'_>, name: &str, sides: &[i64]) -> Result<usize> {
    match *sides {
        [height, width] if height == width && width > 0 => Ok(width as usize),
        _ => attributes.hold(name, false).map(|()| 1),
    }
}

/// The axis that an operation works along, which is not the batch.
fn along(axis: &[i64]) -> Result<usize> {
    match sizes(axis)?[..] {
        [axis] if axis > 0 => Ok(axis),
        _ => Err(Error::new(format!("Kiln doesn't know operations along {axis:?}"))),
    }
}

fn sizes(numbers: &[i64]) -> Result<Vec<usize>> {
    let sizes = numbers.iter().map(|number| usize::try_from(*number).ok()).collect();
    Option::ok_or_else(sizes, || Error::new(format!("{numbers:?} are no sizes")))
}

fn unknown(Operation { kind, outputs, .. }: &Operation, inputs: &[Value]) -> Error {
    let (made, count) = (outputs.first().map(|output| output.id).unwrap_or_default(), inputs.len());
    Error::new(format!("Kiln doesn't know {kind} of such {count} inputs, which gives the value {made}"))
}
