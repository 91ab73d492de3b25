//! BatchNorm folded into the convolution before it: inference makes one pass instead of two.

use super::{Array, Weights};
use crate::arch::{Computation, EPSILON};

/// The same weights without norms: `W' = W·γ/√(σ²+ε)` and `b' = β + (b − μ)·γ/√(σ²+ε)` for each output
/// channel, in 64 bits (docs/reference.md, Folding): what [`Computation::folded`] wants. A convolution whose
/// norm is not there, or not whole, stays as it is.
pub fn fold_weights(computation: &Computation, weights: &Weights) -> Weights {
    let mut folded = weights.clone();
    for convolution in computation.convolutions() {
        if let Some(norm) = &convolution.norm {
            fold_one(&mut folded, &convolution.name, norm);
        }
    }
    folded
}

fn fold_one(weights: &mut Weights, conv: &str, norm: &str) -> Option<()> {
    let name = |part: &str| format!("{conv}.{part}");
    let channels = *weights.get(&name("weight"))?.shape.first()?;
    let parts = ["weight", "bias", "running_mean", "running_var"];
    let [gamma, beta, mean, variance] =
        parts.map(|part| vector(weights, &format!("{norm}.{part}"), channels));
    let (gamma, beta, mean, variance) = (gamma?, beta?, mean?, variance?);
    let bias = vector(weights, &name("bias"), channels).unwrap_or_else(|| vec![0.0; channels]);
    let scale: Vec<f64> = (0..channels).map(|c| gamma[c] / (variance[c] + EPSILON).sqrt()).collect();
    let shift = (0..channels).map(|c| (beta[c] + (bias[c] - mean[c]) * scale[c]) as f32).collect();
    let weight = weights.get_mut(&name("weight"))?;
    scale_rows(&mut weight.data, &scale);
    weights.insert(name("bias"), Array { shape: vec![channels], data: shift });
    parts.iter().for_each(|part| _ = weights.remove(&format!("{norm}.{part}")));
    Some(())
}

/// The numbers of an array of this length, in 64 bits.
fn vector(weights: &Weights, name: &str, length: usize) -> Option<Vec<f64>> {
    let array = weights.get(name).filter(|array| array.data.len() == length)?;
    Some(array.data.iter().copied().map(f64::from).collect())
}

/// Multiplies each of `scale`'s equal parts of `values` by its number.
fn scale_rows(values: &mut [f32], scale: &[f64]) {
    let length = (values.len() / scale.len().max(1)).max(1);
    for (row, scale) in values.chunks_mut(length).zip(scale) {
        row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    fn weights(entries: &[(&str, &[usize], &[f32])]) -> Weights {
        let array = |shape: &[usize], data: &[f32]| Array { shape: shape.to_vec(), data: data.to_vec() };
        entries.iter().map(|(name, shape, data)| ((*name).to_owned(), array(shape, data))).collect()
    }

    /// A convolution of two channels, one each, and its norm.
    fn block() -> Weights {
        weights(&[
            ("model.0.conv.weight", &[2, 1, 1, 1], &[2.0, -1.0]),
            ("model.0.bn.weight", &[2], &[3.0, 0.5]),
            ("model.0.bn.bias", &[2], &[1.0, -1.0]),
            ("model.0.bn.running_mean", &[2], &[4.0, 2.0]),
            ("model.0.bn.running_var", &[2], &[4.0, 0.25]),
        ])
    }

    fn fold(weights: &Weights) -> Weights {
        let text = "backbone: [[-1, 1, Conv, [8]]]\nhead: [[-1, 1, Classify, [nc]]]";
        fold_weights(&Computation::of(&Arch::parse("test", text, 2).unwrap()), weights)
    }

    #[test]
    fn a_folded_block_gives_what_convolution_and_norm_gave() {
        let block = block();
        let folded = fold(&block);
        assert_eq!(folded.keys().collect::<Vec<_>>(), ["model.0.conv.bias", "model.0.conv.weight"]);
        for (c, x) in [(0, 1.5_f32), (1, -2.0)] {
            let of = |part: &str| block[&format!("model.0.bn.{part}")].data[c];
            let convolved = block["model.0.conv.weight"].data[c] * x;
            let deviation = (of("running_var") + 1e-5).sqrt();
            let expected = (convolved - of("running_mean")) / deviation * of("weight") + of("bias");
            let given = folded["model.0.conv.weight"].data[c] * x + folded["model.0.conv.bias"].data[c];
            assert!((given - expected).abs() < 1e-5, "{given} {expected}");
        }
    }

    #[test]
    fn what_was_folded_or_lacks_a_part_stays() {
        let once = fold(&block());
        assert_eq!(fold(&once), once);
        let mut damaged = block();
        damaged.remove("model.0.bn.bias");
        assert_eq!(fold(&damaged), damaged);
    }
}
