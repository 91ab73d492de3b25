//! Dropout in the head (Srivastava et al., 2014).

use burn::tensor::{Device, Tensor};

use crate::{arch::FEATURES, network::upload, random::Random};

/// What the head's features `[batch, FEATURES]` are multiplied by: 0 with probability `p`, else `1 / (1 - p)`.
///
/// Drawn from a stream of its own and not by the device's generator, so that every backend drops the same,
/// and a resumed run too.
pub(super) fn mask(p: f64, batch: usize, random: &mut Random, device: &Device) -> Tensor<2> {
    let kept = (1.0 / (1.0 - p)) as f32;
    let draw = |_| if random.chance(p) { 0.0 } else { kept };
    let mask: Vec<f32> = (0..batch * FEATURES).map(draw).collect();
    upload(mask, [batch, FEATURES], device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parameters::to_vec;

    #[test]
    fn the_mean_is_kept() {
        let mask = to_vec(mask(0.3, 16, &mut Random::new("test", &[0]), &Device::flex()));
        let dropped = mask.iter().filter(|&&factor| factor == 0.0).count() as f64 / mask.len() as f64;
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((dropped - 0.3).abs() < 0.01, "{dropped}");
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
