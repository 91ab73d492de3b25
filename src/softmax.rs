//! Logits to probabilities, the one way that results are written.

/// Probabilities of one image's classes: `exp(x - max) / sum`, computed in `f64`.
///
/// `logits`: `[classes]`, finite.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let powers: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_known_logits() {
        // exp(0) : exp(ln 3) = 1 : 3.
        assert_eq!(softmax(&[0.0, 3_f32.ln()]), [0.25, 0.75]);
        assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(softmax(&[-1000.0, 0.0]), [0.0, 1.0]);
    }
}
