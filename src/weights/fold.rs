//! Convolutions for inference: the norm after one folded into it, and two whose sum is taken made one.

use super::{Array, Weights};
use crate::arch::{Branches, Computation, EPSILON};

/// The same weights for inference: [without norms](fold_norms), and for two convolutions that are one, the sums of
/// theirs (docs/reference.md, Folding): what [`Computation::folded`] wants.
pub fn fold_weights(computation: &Computation, weights: &Weights) -> Weights {
    merge_branches(computation, fold_norms(computation, weights))
}

/// The same weights without norms: `W' = W·γ/√(σ²+ε)` and `b' = β + (b − μ)·γ/√(σ²+ε)` for each output
/// channel, in 64 bits: what [`Computation::without_norms`] wants. A convolution whose norm is not there, or not whole,
/// stays as it is.
pub fn fold_norms(computation: &Computation, weights: &Weights) -> Weights {
    let mut folded = weights.clone();
    for convolution in computation.convolutions() {
        if let Some(norm) = &convolution.norm {
            fold_one(&mut folded, &convolution.name, norm);
        }
    }
    folded
}

/// Weights without norms, with the sums in the place of two convolutions that are one. Whether both are there is for the
/// caller to see: afterwards nothing tells it.
pub fn merge_branches(computation: &Computation, mut weights: Weights) -> Weights {
    for branches in computation.branches() {
        merge(&mut weights, &branches);
    }
    weights
}

/// Adds the smaller of two kernels to the middle of the larger, and its bias to the other's.
fn merge(weights: &mut Weights, Branches { large, small, .. }: &Branches<'_>) -> Option<()> {
    let names =
        [&small.name, &large.name].map(|name| ["weight", "bias"].map(|part| format!("{name}.{part}")));
    let [[weight, bias], [into_weight, into_bias]] = names;
    let kernels = [small.window.kernel, large.window.kernel];
    let fits = |name: &str, length: usize| weights.get(name).is_some_and(|array| array.data.len() == length);
    let planes = large.c2 * (large.c1 / large.window.groups);
    let length = |kernel: usize| planes * kernel * kernel;
    let whole = fits(&weight, length(kernels[0])) && fits(&into_weight, length(kernels[1]));
    if !(whole && fits(&bias, large.c2) && fits(&into_bias, large.c2)) {
        return None;
    }
    let (weight, bias) = (weights.remove(&weight)?, weights.remove(&bias)?);
    add_middle(&mut weights.get_mut(&into_weight)?.data, &weight.data, kernels);
    weights.get_mut(&into_bias)?.data.iter_mut().zip(bias.data).for_each(|(sum, bias)| *sum += bias);
    Some(())
}

/// Adds planes of `small`² numbers to the middles of as many of `large`².
fn add_middle(sums: &mut [f32], planes: &[f32], [small, large]: [usize; 2]) {
    let rim = (large - small) / 2;
    for (sum, plane) in sums.chunks_mut(large * large).zip(planes.chunks(small * small)) {
        for (i, number) in plane.iter().enumerate() {
            sum[(rim + i / small) * large + rim + i % small] += number;
        }
    }
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

    #[test]
    fn the_smaller_kernel_goes_to_the_middle_of_the_larger() {
        let mut sums = vec![1.0; 2 * 25];
        add_middle(&mut sums, &(1..=18).map(|i| i as f32).collect::<Vec<_>>(), [3, 5]);
        let row = |y: usize| &sums[25 + 5 * y..25 + 5 * y + 5];
        assert_eq!([row(0), row(1), row(4)], [[1.0; 5], [1.0, 11.0, 12.0, 13.0, 1.0], [1.0; 5]]);
        assert_eq!(sums[12], 6.0);
    }
}
