//! The network that an architecture describes.

use std::collections::BTreeMap;

use burn::{module::Module, tensor::Tensor};

use super::{Builder, layers::Layer};
use crate::arch::{self, Arch};

/// An image classifier: rows of layers, one after another.
#[derive(Module, Debug)]
pub struct Network {
    model: Vec<Layer>,
}

impl Network {
    /// The network of `arch`, its parameters from `builder`.
    pub fn new(arch: &Arch, builder: &Builder<'_>) -> Self {
        let builder = builder.at("model").activated(arch.activation);
        let rows = arch.rows.iter().enumerate();
        Self { model: rows.map(|(i, row)| Layer::new(&row.block, &builder.at(i))).collect() }
    }

    /// Names and shapes of all parameters of `arch`'s network, running statistics included.
    pub fn shapes(arch: &Arch) -> BTreeMap<String, Vec<usize>> {
        arch::shapes(arch)
    }

    /// The same after every norm was folded into the convolution before it ([`crate::weights::fold_weights`]).
    pub fn folded_shapes(arch: &Arch) -> BTreeMap<String, Vec<usize>> {
        arch::folded_shapes(arch)
    }

    /// Logits `[batch, classes]` of images `[batch, 3, height, width]`.
    ///
    /// Trains (batch statistics) if the images lie on a device that records gradients.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_masked(images, None)
    }

    /// [`Network::forward`] with the head's features multiplied by `mask` `[batch, FEATURES]`: dropout.
    pub fn forward_masked(&self, images: Tensor<4>, mask: Option<Tensor<2>>) -> Tensor<2> {
        let (head, body) = self.model.split_last().expect("an arch ends in a head");
        let features = body.iter().fold(images, |x, layer| layer.forward(x));
        match head {
            Layer::Classify(head) => head.forward(features, mask),
            _ => unreachable!("an arch ends in a Classify row"),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::{
        network::{
            parameters::{parameters, to_weights},
            test_support,
        },
        weights::{Array, Weights, fold_weights},
    };

    fn fresh(text: &str) -> Weights {
        let arch = Arch::parse("test", text, 10).unwrap();
        to_weights(&parameters(&Network::new(&arch, &Builder::fresh(3, &Device::flex()))))
    }

    /// Largest magnitude, mean, deviation, and the fourth moment over the deviation's fourth power: 3 for
    /// a normal distribution, 1.8 for a uniform one.
    fn moments(array: &Array) -> [f64; 4] {
        let (values, count) = (array.data.iter().copied().map(f64::from), array.data.len() as f64);
        let mean = values.clone().sum::<f64>() / count;
        let moment = |power| values.clone().map(|x| (x - mean).powi(power)).sum::<f64>() / count;
        let deviation = moment(2).sqrt();
        [
            values.clone().fold(0.0, |most, x| most.max(x.abs())),
            mean,
            deviation,
            moment(4) / deviation.powi(4),
        ]
    }

    fn assert_uniform(array: &Array, bound: f64) {
        let [most, mean, deviation, shape] = moments(array);
        assert!(most <= bound && most > 0.99 * bound, "{most} of {bound}");
        assert!(mean.abs() < 0.03 * bound, "{mean}");
        assert!((deviation * 3.0_f64.sqrt() / bound - 1.0).abs() < 0.03, "{deviation}");
        assert!((shape - 1.8).abs() < 0.1, "{shape}");
    }

    /// Section 2.1 of the reference page.
    #[test]
    fn fresh_networks_are_drawn_as_the_references() {
        let fresh = fresh(
            "backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, Conv, [64, 3, 1, null, 8]]\n  \
             - [-1, 1, A2C2f, [64, true, 1, true]]\nhead:\n  - [-1, 1, Classify, [nc]]\n",
        );
        assert_uniform(&fresh["model.0.conv.weight"], 1.0 / 27.0_f64.sqrt());
        assert_uniform(&fresh["model.1.conv.weight"], 1.0 / 72.0_f64.sqrt());
        assert_uniform(&fresh["model.3.conv.conv.weight"], 1.0 / 64.0_f64.sqrt());
        assert_uniform(&fresh["model.3.linear.weight"], 1.0 / 1280.0_f64.sqrt());
        let [most, ..] = moments(&fresh["model.3.linear.bias"]);
        assert!(most > 0.0 && most <= 1.0 / 1280.0_f64.sqrt());
        for (part, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            assert!(fresh[&format!("model.0.bn.{part}")].data.iter().all(|x| *x == value), "{part}");
        }
        assert!(fresh["model.2.gamma"].data.iter().all(|x| *x == 0.01));
    }

    #[test]
    fn area_attention_is_drawn_from_a_normal_distribution() {
        let fresh =
            fresh("backbone:\n  - [-1, 1, A2C2f, [128, true, 1]]\nhead:\n  - [-1, 1, Classify, [nc]]\n");
        for layer in ["attn.qkv", "attn.proj", "attn.pe", "mlp.0", "mlp.1"] {
            let [_, mean, deviation, shape] = moments(&fresh[&format!("model.0.m.0.1.{layer}.conv.weight")]);
            assert!(
                mean.abs() < 0.002 && (deviation / 0.02 - 1.0).abs() < 0.05,
                "{layer}: {mean} {deviation}"
            );
            assert!((shape - 3.0).abs() < 0.4, "{layer}: {shape}");
        }
        assert_uniform(&fresh["model.0.cv2.conv.weight"], 1.0 / 128.0_f64.sqrt());
    }

    /// PyTorch: new = 0.9 · old + 0.1 · batch, with the unbiased variance of the batch.
    #[test]
    fn running_statistics_follow_the_batch_as_pytorchs() {
        let text = "backbone:\n  - [-1, 1, Conv, [8]]\nhead:\n  - [-1, 1, Classify, [nc]]\n";
        let arch = Arch::parse("test", text, 2).unwrap();
        let device = Device::flex().autodiff();
        let network = Network::new(&arch, &Builder::fresh(0, &device));
        let pixels = test_support::pixels(2);
        let images = TensorData::new(pixels.clone(), [1, 3, 2, 2]);
        let _ = network.forward(Tensor::from_data(images, &device));
        let after = to_weights(&parameters(&network));
        for channel in 0..8 {
            let weight = &after["model.0.conv.weight"].data[3 * channel..3 * channel + 3];
            let output = |i: usize| (0..3).map(|c| f64::from(weight[c] * pixels[4 * c + i])).sum::<f64>();
            let mean = (0..4).map(output).sum::<f64>() / 4.0;
            let unbiased = (0..4).map(|i| (output(i) - mean).powi(2)).sum::<f64>() / 3.0;
            let running = |part: &str| f64::from(after[&format!("model.0.bn.{part}")].data[channel]);
            assert!((running("running_mean") - 0.1 * mean).abs() < 1e-6);
            assert!((running("running_var") - (0.9 + 0.1 * unbiased)).abs() < 1e-6);
        }
    }

    #[test]
    fn folding_changes_no_logits() {
        let pixels = test_support::pixels(64);
        for arch in test_support::archs() {
            let weights = test_support::weights(&arch);
            let folded = fold_weights(&weights);
            let shapes = folded.iter().map(|(name, array)| (name.clone(), array.shape.clone()));
            assert_eq!(Network::folded_shapes(&arch), shapes.collect(), "{}", arch.name);
            let [plain, folded] = [&weights, &folded].map(|it| test_support::logits(&arch, it, &pixels, 64));
            let largest = plain.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let off = plain.iter().zip(&folded).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(largest > 0.5 && off <= 1e-4 * largest, "{}: {off} of {largest}", arch.name);
        }
    }
}
