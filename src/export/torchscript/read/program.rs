//! Statements as a lowered network's operators.

use std::collections::BTreeMap;

use super::parse::{Statement, Term};
use crate::{
    arch::Window,
    error::{Error, Result},
    export::{
        Precision,
        lowered::{Constant, ConstantId, INPUT, Lowered, Operator, TensorId},
        tensor_names::TensorNames,
        torchscript::code::{FLOAT, IMAGES},
    },
    weights::ScriptTensor,
};

/// A network on its way.
pub(super) struct Program<'a> {
    lowered: Lowered,
    /// The attributes that were not taken yet: each is taken once.
    attributes: BTreeMap<String, ScriptTensor>,
    /// The tensors by the names that the code gives them.
    tensors: TensorNames<'a>,
}

impl<'a> Program<'a> {
    /// A network that does nothing yet to its images.
    pub(super) fn new(lowered: Lowered, attributes: Vec<ScriptTensor>) -> Result<Self> {
        let attributes = attributes.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut tensors = TensorNames::default();
        tensors.name(IMAGES, INPUT)?;
        Ok(Self { lowered, attributes, tensors })
    }

    /// The network, whose probabilities the code calls `name`.
    pub(super) fn finish(self, name: &str) -> Result<Lowered> {
        let probabilities = self.tensors.tensor(name)?;
        self.lowered.giving(name, probabilities)
    }

    /// Adds what a statement says.
    pub(super) fn statement(&mut self, Statement { targets, value }: Statement<'a>) -> Result<()> {
        let at = targets[0];
        let Term::Call(function, terms) = value else { return Err(unknown(at, "what is no call")) };
        let operation = self.operation(function, &terms)?;
        let (operator, inputs) =
            operation.ok_or_else(|| unknown(at, &format!("torch.{function} of these")))?;
        let outputs = self.lowered.push_all(at, operator, &inputs)?;
        if outputs.len() != targets.len() {
            return Err(Error::new(format!("{at}: more or fewer tensors have names than there are")));
        }
        targets.into_iter().zip(outputs).try_for_each(|(name, tensor)| self.tensors.name(name, tensor))
    }

    /// The operator that a function of PyTorch's is, and what it takes; none if it is not known.
    fn operation(&mut self, function: &str, terms: &[Term<'a>]) -> Result<Option<(Operator, Vec<TensorId>)>> {
        let operator = match (function, terms) {
            ("conv2d", [_, weight, bias, stride, pad, dilation, groups]) => {
                self.convolution([weight, bias], [stride, pad, dilation, groups])?
            }
            ("linear", [_, weight, bias]) => {
                Some(Operator::Linear { weight: self.constant(weight)?, bias: self.constant(bias)? })
            }
            ("mul", [_, factor]) => Some(Operator::Scale(self.constant(factor)?)),
            ("matmul", [a, b]) => return self.product(a, b).map(Some),
            ("add", [a, b]) => return Ok(Some((Operator::Add, vec![self.tensor(a)?, self.tensor(b)?]))),
            ("cat", [Term::List(parts), axis]) => {
                let parts: Result<_> = parts.iter().map(|part| self.tensor(part)).collect();
                return Ok(index(axis).map(|axis| Operator::Concat { axis }).zip(Some(parts?)));
            }
            ("slice", [Term::Call("slice", rows), columns @ ..]) => return self.every_second(rows, columns),
            _ => without_constants(function, terms),
        };
        let x = terms.first().map(|x| self.tensor(x)).transpose()?;
        Ok(operator.zip(x.map(|x| vec![x])))
    }

    fn convolution(&mut self, constants: [&Term<'_>; 2], window: [&Term<'_>; 4]) -> Result<Option<Operator>> {
        let [weight, bias] = constants;
        let (weight, bias) = (self.constant(weight)?, self.constant(bias)?);
        let [stride, pad, dilation, groups] = window;
        let kernel = self.lowered.constant(weight).shape.last().copied();
        let sizes = (kernel, stride.square(), pad.square(), dilation.square(), index(groups));
        let (Some(kernel), Some(stride), Some(pad), Some(1), Some(groups)) = sizes else { return Ok(None) };
        let window = Window { kernel, stride, groups };
        Ok((pad == kernel / 2).then_some(Operator::Convolution { weight, bias, window }))
    }

    fn product(&self, a: &Term<'_>, b: &Term<'_>) -> Result<(Operator, Vec<TensorId>)> {
        let factor = |term| match term {
            &Term::Call("transpose", ref terms) => match &terms[..] {
                [x, Term::Int(-2), Term::Int(-1)] => Ok((self.tensor(x)?, true)),
                _ => Err(unknown("torch.matmul", "torch.transpose of other dimensions than the last")),
            },
            term => Ok((self.tensor(term)?, false)),
        };
        let ((a, transpose_a), (b, transpose_b)) = (factor(a)?, factor(b)?);
        Ok((Operator::MatMul { transpose_a, transpose_b }, vec![a, b]))
    }

    /// Every second pixel of every second row.
    fn every_second(
        &self,
        rows: &[Term<'_>],
        columns: &[Term<'_>],
    ) -> Result<Option<(Operator, Vec<TensorId>)>> {
        match (rows, columns) {
            (
                [x, Term::Int(2), row, Term::Name("None"), Term::Int(2)],
                [Term::Int(3), column, Term::Name("None"), Term::Int(2)],
            ) => {
                let from = index(row).zip(index(column));
                let operator = from.map(|(row, column)| Operator::EverySecond { row, column });
                Ok(operator.zip(Some(vec![self.tensor(x)?])))
            }
            _ => Ok(None),
        }
    }

    fn tensor(&self, term: &Term<'_>) -> Result<TensorId> {
        let Term::Name(name) = term else { return Err(Error::new("a tensor has no name")) };
        self.tensors.tensor(name)
    }

    /// An attribute, which may be made one of 32-bit numbers, becomes a constant of the network.
    fn constant(&mut self, term: &Term<'_>) -> Result<ConstantId> {
        let name = match term {
            Term::Attribute(name) => name,
            Term::Call("to", terms) => match &terms[..] {
                [Term::Attribute(name), Term::Int(FLOAT)] => name,
                _ => return Err(unknown("torch.to", "other numbers than those of 32 bits")),
            },
            _ => return Err(Error::new("weights are no attribute of the program")),
        };
        let tensor = self.attributes.remove(*name);
        let tensor = tensor.ok_or_else(|| Error::new(format!("there is no {name}, or it is used twice")))?;
        let ScriptTensor { name, array, half } = tensor;
        let precision = if half { Precision::Fp16 } else { Precision::Fp32 };
        Ok(self.lowered.add_constant(Constant { name, shape: array.shape, data: array.data, precision }))
    }
}

/// An operator that needs nothing but a tensor and numbers.
fn without_constants(function: &str, terms: &[Term<'_>]) -> Option<Operator> {
    Some(match (function, terms) {
        ("silu", [_]) => Operator::Silu,
        ("relu", [_]) => Operator::Relu,
        ("softmax", [_, Term::Int(-1)]) => Operator::Softmax,
        ("mean", [_, axes]) if axes.ints()? == [2, 3] => Operator::GlobalAverage,
        ("permute", [_, order]) => Operator::Transpose { order: order.sizes()? },
        ("split_with_sizes", [_, sizes, axis]) => {
            Operator::Split { axis: index(axis)?, sizes: sizes.sizes()? }
        }
        ("reshape", [_, shape]) => reshape(&shape.ints()?)?,
        ("max_pool2d", [_, kernel, stride, pad, dilation, Term::Name("False")]) => {
            let kernel = kernel.square()?;
            let window = Window::square(kernel).stride(stride.square()?);
            let plain = pad.square()? == kernel / 2 && dilation.square()? == 1;
            plain.then_some(Operator::MaxPool(window))?
        }
        _ => return None,
    })
}

/// Another shape behind the batch's dimension, which is what is left.
fn reshape(sizes: &[i64]) -> Option<Operator> {
    let [-1, shape @ ..] = sizes else { return None };
    shape.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<_>>().map(Operator::Reshape)
}

fn index(term: &Term<'_>) -> Option<usize> {
    if let Term::Int(int) = term { usize::try_from(*int).ok() } else { None }
}

fn unknown(at: &str, what: &str) -> Error {
    Error::new(format!("{at}: Kiln doesn't know {what}"))
}
