//! For tests: numbers like those of a trained network, so that nothing cancels out and no norm is idle.

use burn::tensor::{Device, Tensor, TensorData};

use super::{
    Mode, Network,
    parameters::{to_vec, values},
};
use crate::{
    arch::{Arch, Computation},
    random::Random,
    weights::{Weights, fresh},
};

/// Fresh weights of `arch`, with norms that shift and scale, and a head that is sure of itself.
pub(crate) fn weights(arch: &Arch) -> Weights {
    let mut weights = fresh(&Computation::of(arch), 0);
    let norms: Vec<String> =
        weights.keys().filter_map(|name| name.strip_suffix(".running_var")).map(str::to_owned).collect();
    for norm in norms {
        for (part, low, high) in [
            ("weight", 0.8, 1.6),
            ("bias", -0.4, 0.6),
            ("running_mean", -0.2, 0.2),
            ("running_var", 0.1, 0.6),
        ] {
            let mut random = Random::new(&format!("{norm}.{part}"), &[]);
            let array = weights.get_mut(&format!("{norm}.{part}")).expect("a norm is whole");
            array.data.iter_mut().for_each(|value| *value = random.uniform(low, high) as f32);
        }
    }
    for (_, array) in weights.iter_mut().filter(|(name, _)| name.ends_with("linear.weight")) {
        array.data.iter_mut().for_each(|value| *value *= 8.0);
    }
    weights
}

/// Pixels `[3, size, size]`, from 0 to 1.
pub(crate) fn pixels(size: usize) -> Vec<f32> {
    let mut random = Random::new("pixels", &[]);
    (0..3 * size * size).map(|_| random.unit() as f32).collect()
}

/// The logits of one image.
pub(crate) fn logits(computation: Computation, weights: &Weights, pixels: &[f32], size: usize) -> Vec<f32> {
    let device = Device::flex();
    let images = Tensor::from_data(TensorData::new(pixels.to_vec(), [1, 3, size, size]), &device);
    let values = values(weights, &device);
    to_vec(Network::new(computation).forward(&values, images, &Mode::Eval).logits)
}

/// One architecture of every kind of row, each as small as it gets.
pub(crate) fn archs() -> Vec<Arch> {
    let names = ["yolo11n-cls", "yolov8n-cls", "yolo12n-cls", "yolov8-cls-resnet50", "yolo11-cls-resnet18"];
    let built_in = names.map(|name| Arch::built_in(name, 6).expect("built in"));
    let own = OWN_ARCHS.map(|(name, text)| Arch::parse(name, text, 6).expect("right"));
    built_in.into_iter().chain(own).collect()
}

const OWN_ARCHS: [(&str, &str); 6] = [
    ("own", OWN),
    ("relu", RELU),
    ("gelan", include_str!("../../tests/fixtures/blocks/gelan.yaml")),
    ("ghost", include_str!("../../tests/fixtures/blocks/ghost.yaml")),
    ("rep", include_str!("../../tests/fixtures/blocks/rep.yaml")),
    ("ten", include_str!("../../tests/fixtures/blocks/ten.yaml")),
];

/// Modules and arguments that no small built-in architecture has; the letter makes A2C2f residual.
const OWN: &str = "\
scale: l
scales: { l: [0.5, 0.25, 1024] }
backbone:
  - [-1, 1, Conv, [64, 3, 2, 1, 1, 1, false]]
  - [-1, 3, DWConv, [64, 5]]
  - [-1, 3, Bottleneck, [64, true, 2, [1, 3], 0.25]]
  - [-1, 2, C3, [128, true]]
  - [-1, 1, Conv, [128, 4, 2]]
  - [-1, 2, C3k, [128, false, 1, 0.5, 5]]
  - [-1, 2, C2f, [256, true, 2, 0.25]]
  - [-1, 2, A2C2f, [256, true, 1]]
  - [-1, 2, A2C2f, [256, false, -1]]
  - [-1, 2, C3k2, [256, true, 0.25]]
  - [9, 1, SPPF, [256, 5]]
head:
  - [-1, 1, Classify, [nc]]
";

const RELU: &str = "\
activation: nn.ReLU()
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 2, C2PSA, [16]]
head:
  - [-1, 1, Classify, [nc]]
";
