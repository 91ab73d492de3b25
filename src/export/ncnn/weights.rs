//! The weights beside the layers, one after another in the layers' order. Nothing there says whose they are.

use half::f16;

use crate::export::{Precision, lowered::Constant};

/// What stands before weights of 32 bits.
pub(super) const FULL: [u8; 4] = [0; 4];
/// What stands before weights of 16 bits.
pub(super) const HALF: [u8; 4] = 0x0130_6B47_u32.to_le_bytes();
/// Weights end at a multiple of so many bytes.
pub(super) const ALIGNMENT: usize = 4;

/// The bytes of weights, and before them of how many bits they are.
pub(super) fn weights(constant: &Constant) -> Vec<u8> {
    match constant.precision {
        Precision::Fp32 => [&FULL[..], &numbers(constant)].concat(),
        Precision::Fp16 => {
            let halves = constant.data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes());
            let mut bytes: Vec<u8> = HALF.into_iter().chain(halves).collect();
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
            bytes
        }
    }
}

/// The bytes of other numbers, which are always of 32 bits.
pub(super) fn numbers(constant: &Constant) -> Vec<u8> {
    constant.data.iter().flat_map(|x| x.to_le_bytes()).collect()
}
