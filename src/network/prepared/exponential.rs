//! `e^x` and SiLU with fused multiply-adds: for inference, where every processor that runs it has them.
//!
//! Faster than the kernels' own, which must give the same without them.

/// `e^x` within 2 units in the last place for -87 ≤ x ≤ 88, and the value at those bounds beyond them: `2^n · e^r`
/// with `n` the nearest whole number to `x / ln 2` and a polynomial for `e^r` (the coefficients are Cephes' `expf`).
/// Without branches and calls, so that compilers vectorise it.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it rounds to whole numbers, which then stand in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
    let p = 1.987_569_1e-4_f32.mul_add(r, 1.398_199_9e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    p.mul_add(r, 1.0).mul_add(r, 1.0) * power
}

/// `x / (1 + e^-x)` (Elfwing et al., 2018).
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::kernels::cpu::silu::hold_to_definition;

    #[test]
    fn exp_is_the_exponential_and_silu_what_it_should_be() {
        hold_to_definition(exp, silu);
    }
}
