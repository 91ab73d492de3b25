//! The floating-point type that a network computes in while it is fitted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The floating-point type that a network computes in while it is fitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: every device can.
    #[default]
    Fp32,
    /// Brain float, 16 bits with the range of 32: no device can yet.
    Bf16,
    /// Half precision, 16 bits: no device can yet.
    Fp16,
}

impl Precision {
    /// As in a pipeline file: `fp32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
        }
    }
}
