//! Operators on single numbers, and products.

use super::{
    super::schema::{self, options},
    operator::Operator,
    reader::{Given, Reader},
};
use crate::{
    error::Result,
    export::{
        channels_last::Seen,
        lowered::{Constant, Operator as Plain},
    },
};

/// Fields that say which activation is part of an operator.
const ACTIVATION: usize = 0;
const CONCATENATIONS_ACTIVATION: usize = 1;
/// Whether the rows of a linear layer keep their other dimensions.
const KEEPS_DIMENSIONS: usize = 2;

impl Reader<'_> {
    /// Adds an operator that is one of ours, on nothing but tensors.
    pub(super) fn plain(&mut self, operator: &Operator<'_>) -> Result<Seen> {
        let plain = match (operator.kind, operator.inputs.len()) {
            (schema::RELU, 1) => Plain::Relu,
            (schema::ADD, 2) => {
                operator.must_be_alone(ACTIVATION)?;
                Plain::Add
            }
            (schema::CONCATENATION, 1..) => {
                operator.must_be_alone(CONCATENATIONS_ACTIVATION)?;
                let axis = usize::try_from(operator.number(options::CONCATENATION_AXIS, 0_i32)?);
                operator.hold("axis", axis.is_ok())?;
                Plain::Concat { axis: axis.unwrap_or(0) }
            }
            (schema::BATCH_MATMUL, 2) => Plain::MatMul {
                transpose_a: operator.holds(options::TRANSPOSE_A)?,
                transpose_b: operator.holds(options::TRANSPOSE_B)?,
            },
            (schema::SOFTMAX, 1) => {
                operator.hold("beta", operator.number(options::SOFTMAX_BETA, 0.0_f32)? == 1.0)?;
                Plain::Softmax
            }
            _ => return operator.unknown("number of inputs"),
        };
        let inputs: Result<Vec<Seen>> = operator.inputs.iter().map(|input| self.tensor(*input)).collect();
        self.push(operator, plain, &inputs?)
    }

    /// A tensor times its own sigmoid, or times a constant.
    pub(super) fn product(&mut self, operator: &Operator<'_>, [a, b]: [i32; 2]) -> Result<Seen> {
        operator.must_be_alone(ACTIVATION)?;
        match (self.given(a), self.given(b)) {
            (Some(Given::Tensor(x)), Some(Given::Gate(of)))
            | (Some(Given::Gate(of)), Some(Given::Tensor(x)))
                if x == of =>
            {
                self.push(operator, Plain::Silu, &[x])
            }
            (Some(Given::Tensor(x)), None) => self.scaled(operator, x, b),
            (None, Some(Given::Tensor(x))) => self.scaled(operator, x, a),
            _ => operator.unknown("product of tensors"),
        }
    }

    /// A tensor times one number, or times one for each of the last axis, which are the channels.
    fn scaled(&mut self, operator: &Operator<'_>, x: Seen, factor: i32) -> Result<Seen> {
        let factor = self.tensors.floats(factor)?;
        let shape = match factor.data.len() {
            1 => Vec::new(),
            channels => vec![channels, 1, 1],
        };
        let along = factor.shape.iter().rev().skip(1).all(|size| *size == 1);
        operator.hold("factor", along)?;
        let factor = self.restored.add_constant(Constant { shape, ..factor });
        self.push(operator, Plain::Scale(factor), &[x])
    }

    pub(super) fn linear(&mut self, operator: &Operator<'_>, [x, weight, bias]: [i32; 3]) -> Result<Seen> {
        operator.must_be_alone(ACTIVATION)?;
        operator.hold("shape", !operator.holds(KEEPS_DIMENSIONS)?)?;
        let x = self.tensor(x)?;
        let (weight, bias) = (self.constant(weight)?, self.constant(bias)?);
        let [weight, bias] = [weight, bias].map(|constant| self.restored.add_constant(constant));
        self.push(operator, Plain::Linear { weight, bias }, &[x])
    }

    /// The numbers of a tensor that is known beforehand, or was widened.
    pub(super) fn constant(&mut self, number: i32) -> Result<Constant> {
        let number = match self.given(number) {
            Some(Given::Widened(of)) => of,
            _ => number,
        };
        self.tensors.floats(number)
    }
}
