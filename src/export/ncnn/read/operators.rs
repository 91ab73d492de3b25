//! Layers as a lowered network's operators. Their axes don't count the batch.

use super::{
    super::permutation,
    layers::Layers,
    line::Line,
    windows::{convolved, pooled},
};
use crate::{
    error::{Error, Result},
    export::{
        Precision,
        lowered::{Constant, Operator, TensorId},
    },
};

impl Layers<'_> {
    /// What a layer does with its tensors.
    pub(super) fn operator(&mut self, line: &Line<'_>, inputs: &[TensorId]) -> Result<Operator> {
        Ok(match (line.kind, inputs) {
            ("Convolution", [x]) => self.convolution(line, *x, 1)?,
            ("ConvolutionDepthWise", [x]) => self.convolution(line, *x, line.size(7, 1)?)?,
            ("InnerProduct", [x]) => self.linear(line, *x)?,
            ("Swish", [_]) => Operator::Silu,
            ("ReLU", [_]) => Operator::Relu,
            ("BinaryOp", [_, _]) => {
                line.must_be(0, 0)?;
                line.must_be(1, 0)?;
                Operator::Add
            }
            ("BinaryOp", [_]) => self.times(line)?,
            ("Scale", [_]) => self.scale(line)?,
            ("Concat", [_, ..]) => Operator::Concat { axis: axis(line, 0)? },
            ("Slice", [_]) => Operator::Split { axis: axis(line, 1)?, sizes: line.sizes(0)? },
            ("Pooling", [_]) => pooling(line)?,
            ("Reshape", [_]) => Operator::Reshape(shape(line)?),
            ("Permute", [x]) => {
                let order = permutation::order(line.size(0, 0)?, self.lowered.shape(*x).len());
                line.hold(0, order.is_some())?;
                let axes = order.iter().flatten().map(|axis| axis + 1);
                Operator::Transpose { order: [0].into_iter().chain(axes).collect() }
            }
            ("MatMul", [_, _]) => {
                let transposed = line.size(0, 0)?;
                line.hold(0, transposed < 2)?;
                Operator::MatMul { transpose_a: false, transpose_b: transposed == 1 }
            }
            ("Softmax", [x]) => {
                line.hold(0, axis(line, 0)? == self.lowered.shape(*x).len())?;
                line.hold(1, line.size(1, 0)? == 1)?;
                Operator::Softmax
            }
            (kind, _) => {
                let (name, count) = (line.name, inputs.len());
                return Err(Error::new(format!("{name}: Kiln doesn't know {kind} of {count} inputs")));
            }
        })
    }

    /// A convolution of a map of channels that are a multiple of `groups`.
    fn convolution(&mut self, line: &Line<'_>, x: TensorId, groups: usize) -> Result<Operator> {
        let (window, outputs) = (convolved(line)?.groups(groups), line.size(0, 0)?);
        let channels = self
            .lowered
            .shape(x)
            .first()
            .and_then(|channels| channels.checked_div(groups))
            .unwrap_or_default();
        let shape = vec![outputs, channels, window.kernel, window.kernel];
        let weight = self.weight(line, shape, 6)?;
        let bias = self.bias(line, outputs, 5)?;
        let [weight, bias] = [weight, bias].map(|constant| self.lowered.add_constant(constant));
        Ok(Operator::Convolution { weight, bias, window })
    }

    fn linear(&mut self, line: &Line<'_>, x: TensorId) -> Result<Operator> {
        let outputs = line.size(0, 0)?;
        let inputs = self.lowered.shape(x).iter().product();
        let weight = self.weight(line, vec![outputs, inputs], 2)?;
        let bias = self.bias(line, outputs, 1)?;
        let [weight, bias] = [weight, bias].map(|constant| self.lowered.add_constant(constant));
        Ok(Operator::Linear { weight, bias })
    }

    /// The next weights; the parameter of this number says how many they are.
    fn weight(&mut self, line: &Line<'_>, shape: Vec<usize>, number: i32) -> Result<Constant> {
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
        let said = line.size(number, 0)?;
        line.hold(number, said > 0 && count == Some(said))?;
        self.weights.weights(line.name, shape)
    }

    /// The next numbers; none if the parameter of this number says so.
    fn bias(&mut self, line: &Line<'_>, outputs: usize, number: i32) -> Result<Constant> {
        let has = line.size(number, 0)?;
        line.hold(number, has < 2)?;
        if has == 1 {
            return self.weights.numbers(line.name, vec![outputs]);
        }
        let (name, data) = (format!("{}.bias", line.name), vec![0.0; outputs]);
        Ok(Constant { name, shape: vec![outputs], data, precision: Precision::Fp32 })
    }

    /// All numbers times one.
    fn times(&mut self, line: &Line<'_>) -> Result<Operator> {
        line.hold(0, line.size(0, 0)? == 2)?;
        line.hold(1, line.size(1, 0)? == 1)?;
        let (name, data) = (format!("{}.scale", line.name), vec![line.float(2)?]);
        let factor = Constant { name, shape: Vec::new(), data, precision: Precision::Fp32 };
        Ok(Operator::Scale(self.lowered.add_constant(factor)))
    }

    /// Each channel times a number of its own.
    fn scale(&mut self, line: &Line<'_>) -> Result<Operator> {
        line.must_be(1, 0)?;
        let factors = self.weights.numbers(line.name, vec![line.size(0, 0)?, 1, 1])?;
        Ok(Operator::Scale(self.lowered.add_constant(factors)))
    }
}

/// The maximum in a window, or the mean of all.
fn pooling(line: &Line<'_>) -> Result<Operator> {
    match line.size(0, 0)? {
        0 => {
            line.must_be(4, 0)?;
            pooled(line).map(Operator::MaxPool)
        }
        kind => {
            line.hold(0, kind == 1)?;
            line.hold(4, line.size(4, 0)? == 1)?;
            Ok(Operator::GlobalAverage)
        }
    }
}

/// The axis that a layer works along, the batch counted.
fn axis(line: &Line<'_>, number: i32) -> Result<usize> {
    let axis = line.size(number, 0)?.checked_add(1);
    line.hold(number, axis.is_some()).map(|()| axis.unwrap_or(1))
}

/// Another shape, which the text has from the innermost size: width, height, depth, channels.
fn shape(line: &Line<'_>) -> Result<Vec<usize>> {
    let sizes =
        [2, 11, 1, 0].into_iter().map(|number| line.size(number, usize::MAX)).collect::<Result<Vec<_>>>()?;
    Ok(sizes.into_iter().filter(|size| *size != usize::MAX).collect())
}
