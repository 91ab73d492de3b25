//! A computation with its weights becomes plain operators.

mod attention;

use self::attention::attend;
use super::{
    Precision,
    lowered::{BatchDimension, Constant, ConstantId, INPUT, Lowered, Operator, TensorId},
};
use crate::{
    arch::{
        Activation,
        computation::{COLORS, Computation, Convolution, Linear, Op, Operation, Scaling, ValueId},
        sizes::sizes,
    },
    error::{Error, Result},
    weights::{Array, Weights},
};

/// The plain operators of `computation` for square images of `size` pixels, with a softmax at their end. Its norms are
/// folded into the `weights`, whatever it says of them; a message names one that could not be.
///
/// # Errors
/// If weights are missing or of a wrong shape, or the images are too small or of a size that an operation can't divide.
pub(super) fn lower(
    computation: &Computation,
    weights: Weights,
    batch: BatchDimension,
    size: usize,
) -> Result<Lowered> {
    // For its errors, which name the module as the user knows it.
    sizes(computation, size)?;
    let tensors = vec![INPUT; computation.channels.len()];
    let mut lowering = Lowering { lowered: Lowered::new(batch, COLORS, size), weights, tensors };
    for operation in &computation.operations {
        let inputs: Vec<TensorId> = operation.inputs.iter().map(|input| lowering.tensor(*input)).collect();
        let outputs = lowering.operation(operation, &inputs)?;
        for (value, tensor) in operation.outputs.iter().zip(outputs) {
            lowering.tensors[value.0] = tensor;
        }
    }
    let logits = lowering.tensor(computation.logits);
    let mut lowered = lowering.lowered;
    lowered.probabilities = lowered.push("", Operator::Softmax, &[logits])?;
    Ok(lowered)
}

/// A lowered network on its way.
struct Lowering {
    lowered: Lowered,
    /// What has not become constants yet.
    weights: Weights,
    /// The tensor of each value of the computation, by its number.
    tensors: Vec<TensorId>,
}

impl Lowering {
    fn tensor(&self, value: ValueId) -> TensorId {
        self.tensors[value.0]
    }

    /// Lowers an operation on these tensors; what it gives.
    fn operation(&mut self, operation: &Operation, inputs: &[TensorId]) -> Result<Vec<TensorId>> {
        let (at, x) = (operation.at.as_str(), inputs[0]);
        let operator = match &operation.op {
            Op::Convolution(convolution) => return Ok(vec![self.convolution(convolution, x)?]),
            Op::Attention(attention) => return attend(&mut self.lowered, at, *attention, x),
            Op::Linear(linear) => return Ok(vec![self.linear(linear, x)?]),
            Op::Dropout => return Ok(vec![x]),
            Op::Activation(activation) => activated(*activation),
            Op::Add => Operator::Add,
            Op::Concat => Operator::Concat { axis: 1 },
            Op::Split(parts) => Operator::Split { axis: 1, sizes: parts.clone() },
            Op::EverySecond { row, column } => Operator::EverySecond { row: *row, column: *column },
            Op::MaxPool(window) => Operator::MaxPool(*window),
            Op::Scale(scaling) => Operator::Scale(self.gamma(scaling)?),
            Op::GlobalAverage => Operator::GlobalAverage,
        };
        self.lowered.push_all(at, operator, inputs)
    }

    /// Takes the array `name` out of the weights.
    fn take(&mut self, name: &str) -> Result<Array> {
        self.weights.remove(name).ok_or_else(|| missing(name))
    }

    /// The parameter `name`, which must have this shape, as a constant.
    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<ConstantId> {
        let array = self.take(name)?;
        if array.shape != shape || array.data.len() != shape.iter().product::<usize>() {
            return Err(Error::new(format!("{name} has the shape {:?}, not {shape:?}", array.shape)));
        }
        Ok(self.constant(name, array.shape, array.data))
    }

    fn constant(&mut self, name: &str, shape: Vec<usize>, data: Vec<f32>) -> ConstantId {
        self.lowered.add_constant(Constant { name: name.to_owned(), shape, data, precision: Precision::Fp32 })
    }

    fn convolution(&mut self, convolution: &Convolution, x: TensorId) -> Result<TensorId> {
        let Convolution { name, c1, c2, window, activation, .. } = convolution;
        self.check_norm(convolution)?;
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        let weight = self.parameter(&weight, &[*c2, c1 / window.groups, window.kernel, window.kernel])?;
        let bias = self.parameter(&bias, &[*c2])?;
        let operator = Operator::Convolution { weight, bias, window: *window };
        let y = self.lowered.push(name, operator, &[x])?;
        let at = name.strip_suffix(".conv").unwrap_or(name);
        match activation {
            // The reference's modules have their SiLU at `act`, and torchvision's their ReLU beside the convolution.
            Some(Activation::Silu) => self.lowered.push(&format!("{at}.act"), Operator::Silu, &[y]),
            Some(Activation::Relu) => self.lowered.push(at, Operator::Relu, &[y]),
            None => Ok(y),
        }
    }

    /// Tells which part of a norm is missing, where that kept it from being folded.
    fn check_norm(&self, convolution: &Convolution) -> Result<()> {
        let Convolution { name, norm: Some(norm), .. } = convolution else { return Ok(()) };
        if self.weights.contains_key(&format!("{name}.bias")) {
            return Ok(());
        }
        let parts = ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{norm}.{part}"));
        match parts.iter().find(|part| !self.weights.contains_key(*part)) {
            Some(part) => Err(missing(part)),
            None => Ok(()),
        }
    }

    /// A layer scale's numbers, one for each channel.
    fn gamma(&mut self, Scaling { gamma, channels }: &Scaling) -> Result<ConstantId> {
        let array = self.take(gamma)?;
        if array.data.len() != *channels {
            return Err(Error::new(format!("{gamma} has {} numbers, not {channels}", array.data.len())));
        }
        Ok(self.constant(gamma, vec![*channels, 1, 1], array.data))
    }

    fn linear(&mut self, Linear { name, inputs, outputs }: &Linear, x: TensorId) -> Result<TensorId> {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        let weight = self.parameter(&weight, &[*outputs, *inputs])?;
        let bias = self.parameter(&bias, &[*outputs])?;
        self.lowered.push(name, Operator::Linear { weight, bias }, &[x])
    }
}

fn activated(activation: Activation) -> Operator {
    match activation {
        Activation::Silu => Operator::Silu,
        Activation::Relu => Operator::Relu,
    }
}

fn missing(name: &str) -> Error {
    Error::new(format!("the model has no {name}"))
}

#[cfg(test)]
mod tests;
