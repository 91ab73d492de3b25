//! BatchNorm folded into the convolution before it: inference needs one pass instead of two.

use crate::{
    error::{Error, Result},
    zoo::{
        layers::EPSILON,
        weights::{Array, Weights},
    },
};

/// A convolution with a bias, ready for inference.
pub struct Folded {
    /// `[out, in / groups, kernel, kernel]`.
    pub weight: Array,
    /// `[out]`.
    pub bias: Vec<f32>,
}

/// Folds the block at `prefix`: `W' = W·γ/√(σ²+ε)` and `b' = β + (b − μ)·γ/√(σ²+ε)` for each output
/// channel, in 64 bits (section 2.2 of the reference page). A block that was folded before stays as
/// it is.
///
/// # Errors
/// If a part of the block is missing, or of another shape than the convolution wants.
pub fn fold(weights: &Weights, prefix: &str) -> Result<Folded> {
    let weight = find(weights, &format!("{prefix}.conv.weight"))?;
    let [channels, ..] = weight.shape[..] else {
        return Err(Error::new(format!("{prefix}.conv.weight is a single number")));
    };
    let bias = match weights.get(&format!("{prefix}.conv.bias")) {
        Some(_) => vector(weights, &format!("{prefix}.conv.bias"), channels)?,
        None => vec![0.0; channels],
    };
    if !weights.contains_key(&format!("{prefix}.bn.weight"))
        && weights.contains_key(&format!("{prefix}.conv.bias"))
    {
        return Ok(Folded { weight: weight.clone(), bias });
    }
    let norm = |part: &str| vector(weights, &format!("{prefix}.bn.{part}"), channels);
    let (gamma, beta, mean, variance) =
        (norm("weight")?, norm("bias")?, norm("running_mean")?, norm("running_var")?);
    let scale: Vec<f64> = gamma
        .iter()
        .zip(&variance)
        .map(|(gamma, var)| f64::from(*gamma) / (f64::from(*var) + EPSILON).sqrt())
        .collect();
    let shift = |c: usize| f64::from(beta[c]) + (f64::from(bias[c]) - f64::from(mean[c])) * scale[c];
    let rows = weight.data.chunks(weight.data.len().div_ceil(channels.max(1)).max(1));
    let data =
        rows.zip(&scale).flat_map(|(row, scale)| row.iter().map(move |w| (f64::from(*w) * scale) as f32));
    let data = data.collect();
    let bias = (0..channels).map(|c| shift(c) as f32).collect();
    Ok(Folded { weight: Array { shape: weight.shape.clone(), data }, bias })
}

/// The array `name`.
///
/// # Errors
/// If there is none.
pub fn find<'a>(weights: &'a Weights, name: &str) -> Result<&'a Array> {
    weights.get(name).ok_or_else(|| Error::new(format!("the model has no {name}")))
}

/// The `length` numbers of the array `name`.
///
/// # Errors
/// If there is none, or it has another length.
pub fn vector(weights: &Weights, name: &str, length: usize) -> Result<Vec<f32>> {
    let array = find(weights, name)?;
    if array.data.len() == length {
        return Ok(array.data.clone());
    }
    Err(Error::new(format!("{name} has {} numbers, not {length}", array.data.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(entries: &[(&str, &[usize], &[f32])]) -> Weights {
        let array = |shape: &[usize], data: &[f32]| Array { shape: shape.to_vec(), data: data.to_vec() };
        entries.iter().map(|(name, shape, data)| ((*name).to_owned(), array(shape, data))).collect()
    }

    #[test]
    fn a_folded_block_gives_what_convolution_and_norm_gave() {
        let mut block = weights(&[
            ("a.conv.weight", &[2, 1, 1, 1], &[2.0, -1.0]),
            ("a.bn.weight", &[2], &[3.0, 0.5]),
            ("a.bn.bias", &[2], &[1.0, -1.0]),
            ("a.bn.running_mean", &[2], &[4.0, 2.0]),
            ("a.bn.running_var", &[2], &[4.0, 0.25]),
        ]);
        let folded = fold(&block, "a").unwrap();
        for (c, x) in [(0, 1.5_f32), (1, -2.0)] {
            let of = |part: &str| block[&format!("a.bn.{part}")].data[c];
            let convolved = block["a.conv.weight"].data[c] * x;
            let deviation = (of("running_var") + 1e-5).sqrt();
            let expected = (convolved - of("running_mean")) / deviation * of("weight") + of("bias");
            let given = folded.weight.data[c] * x + folded.bias[c];
            assert!((given - expected).abs() < 1e-5, "{given} {expected}");
        }
        block.remove("a.bn.running_var");
        assert_eq!(fold(&block, "a").err().unwrap().to_string(), "the model has no a.bn.running_var");
    }

    #[test]
    fn a_block_that_was_folded_stays() {
        let block = weights(&[("a.conv.weight", &[1, 1, 1, 1], &[2.0]), ("a.conv.bias", &[1], &[3.0])]);
        let folded = fold(&block, "a").unwrap();
        assert_eq!((folded.weight.data, folded.bias), (vec![2.0], vec![3.0]));
    }
}
