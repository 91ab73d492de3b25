//! In how many bits a file holds the weights.

use half::f16;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lowered::{ConstantId, Lowered, Operator};
use crate::error::{Error, Result};

/// In how many bits a file holds the weights; what is computed with them is for the program that runs it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits, as they were trained.
    #[default]
    Fp32,
    /// 16 bits: half the file, and about three digits of each weight.
    Fp16,
}

impl Precision {
    /// Whether weights stay as they were trained.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
    pub fn is_fp32(&self) -> bool {
        *self == Self::Fp32
    }
}

impl Lowered {
    /// The network with the weights of its convolutions and linear layers rounded to 16 bits. Biases and
    /// other numbers stay: they are few.
    ///
    /// # Errors
    /// If a weight is too large for 16 bits.
    pub(super) fn in_half(mut self) -> Result<Self> {
        for id in self.weights() {
            let constant = &mut self.constants[id.0];
            constant.precision = Precision::Fp16;
            constant.data.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32());
            if constant.data.iter().any(|x| x.is_infinite()) {
                let error = Error::new(format!("{} has a weight that 16 bits can't hold", constant.name));
                return Err(error.help("the largest is 65504; leave out `precision: fp16`"));
            }
        }
        Ok(self)
    }

    /// The constants that are weights of convolutions and linear layers.
    fn weights(&self) -> Vec<ConstantId> {
        let weights = self.instructions.iter().map(|instruction| match instruction.operator {
            Operator::Convolution { weight, .. } | Operator::Linear { weight, .. } => Some(weight),
            _ => None,
        });
        weights.flatten().collect()
    }
}
