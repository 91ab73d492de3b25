//! The floating-point type that a network computes in while it is fitted.

use burn::tensor::{FloatDType, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The floating-point type that a network computes in while it is fitted.
///
/// With 16 bits it is mixed precision (Micikevicius et al., 2018): parameters, norms, loss and optimizer stay in
/// 32.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: every device can.
    #[default]
    Fp32,
    /// Brain float, 16 bits with the range of 32: on LibTorch's devices, `libtorch` and `cuda:N`.
    Bf16,
    /// Half precision, 16 bits with a small range, so that the loss is scaled: on LibTorch's devices,
    /// `libtorch` and `cuda:N`.
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

    /// Images in this type; the network computes in the type of its images.
    pub fn of(self, images: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Fp32 => images,
            Self::Bf16 => images.cast(FloatDType::BF16),
            Self::Fp16 => images.cast(FloatDType::F16),
        }
    }
}
