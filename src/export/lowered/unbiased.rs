//! What many formats have as two operations: a convolution or a linear layer, and the sum with its bias.

use super::{Constant, ConstantId, Lowered, Operator, TensorId};
use crate::{arch::Window, error::Result, export::Precision};

/// A convolution, or a linear layer if there is no window, whose bias a reader does not know yet.
#[derive(Debug, Clone)]
pub(in crate::export) struct Unbiased {
    /// What the file calls it.
    pub(in crate::export) at: String,
    /// What it takes.
    pub(in crate::export) x: TensorId,
    /// `[channels out, channels in / groups, kernel, kernel]` or `[numbers out, numbers in]`
    pub(in crate::export) weight: ConstantId,
    /// Kernel, stride and groups.
    pub(in crate::export) window: Option<Window>,
}

impl Lowered {
    /// The shape of a bias as it is added to what a convolution or a linear layer gives, without the batch.
    pub(in crate::export) fn bias_shape(&self, unbiased: &Unbiased) -> Vec<usize> {
        let outputs = self.constant(unbiased.weight).shape.iter().take(1).copied();
        let behind: &[usize] = if unbiased.window.is_some() { &[1, 1] } else { &[] };
        outputs.chain(behind.iter().copied()).collect()
    }

    /// Adds what had no bias yet, with this one, `[outputs]`.
    ///
    /// # Errors
    /// If the numbers don't fit what it takes.
    pub(in crate::export) fn biased(&mut self, unbiased: &Unbiased, bias: ConstantId) -> Result<TensorId> {
        let Unbiased { at, x, weight, window } = unbiased;
        let operator = match *window {
            Some(window) => Operator::Convolution { weight: *weight, bias, window },
            None => Operator::Linear { weight: *weight, bias },
        };
        self.push(at, operator, &[*x])
    }

    /// Adds what has no bias at all. Its weight is not empty.
    ///
    /// # Errors
    /// If its numbers don't fit what it takes.
    pub(in crate::export) fn without_bias(&mut self, unbiased: &Unbiased) -> Result<TensorId> {
        let outputs = self.constant(unbiased.weight).shape[0];
        let (name, data) = (format!("{}.bias", unbiased.at), vec![0.0; outputs]);
        let bias = Constant { name, shape: vec![outputs], data, precision: Precision::Fp32 };
        let bias = self.add_constant(bias);
        self.biased(unbiased, bias)
    }
}
