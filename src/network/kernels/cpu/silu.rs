//! SiLU, eight or sixteen numbers at a time.

use super::vectorized;

/// `e^x` within 2 units in the last place for -87 ≤ x ≤ 88, and the value at those bounds beyond them:
/// `2^n · e^r` with `n` the nearest whole number to `x / ln 2` and a polynomial for `e^r` (the
/// coefficients are Cephes' `expf`). Without branches and calls, so that compilers vectorise it.
#[inline(always)]
pub(in crate::network) fn exp(x: f32) -> f32 {
    /// Adding it rounds to whole numbers, which then stand in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    (p * r * r + r + 1.0) * power
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x · sigmoid(x)` (Elfwing et al., 2018).
#[inline(always)]
pub(in crate::network) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// The slope of [`silu`] at `x`.
#[inline(always)]
pub(in crate::network) fn slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

/// Adds `by` to each number.
pub(super) fn shift(numbers: &mut [f32], by: f32) {
    numbers.iter_mut().for_each(|x| *x += by);
}

/// SiLU of each number plus `by`.
pub(super) fn shifted(numbers: &mut [f32], by: f32) {
    vectorized(
        #[inline(always)]
        || numbers.iter_mut().for_each(|x| *x = silu(*x + by)),
    );
}

/// For tests: `exp` is the exponential to the last bits, and far out `silu` is zero or its argument.
#[cfg(test)]
pub(in crate::network) fn hold_to_definition(exp: fn(f32) -> f32, silu: fn(f32) -> f32) {
    for i in -87_000..88_000 {
        let x = i as f32 / 1000.0;
        let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
        assert!(((ours - exact) / exact).abs() < 3e-7, "{x}: {ours} {exact}");
    }
    assert!(exp(-1e9) > 0.0 && exp(1e9).is_finite());
    assert_eq!(silu(100.0), 100.0);
    assert!(silu(-100.0).abs() < 1e-30);
    assert!(silu(f32::NAN).is_nan());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_the_exponential_and_silu_what_it_should_be() {
        hold_to_definition(exp, silu);
    }

    #[test]
    fn the_slope_is_the_difference_quotient() {
        for i in -80..80 {
            let (x, h) = (i as f32 / 10.0, 1e-2);
            let quotient = (silu(x + h) - silu(x - h)) / (2.0 * h);
            assert!((slope(x) - quotient).abs() < 1e-4, "{x}");
        }
    }
}
