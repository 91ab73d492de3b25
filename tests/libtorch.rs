//! LibTorch's CPU kernels give the numbers that pure Rust gives.
#![cfg(feature = "libtorch")]

use std::collections::BTreeSet;

use burn::tensor::{FloatDType, Tensor, TensorData};
use kiln::{
    arch::{Arch, Computation},
    data::Batch,
    device_name::DeviceName,
    eval::Classifier,
    network::{Mode, Network, Values, parameters::values},
    random::Random,
    weights::{self, ModelFile, fresh},
};

#[test]
fn logits_agree_with_pure_rust() {
    let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let file = ModelFile {
        arch: Some(arch.text.clone()),
        arch_name: Some(arch.name.clone()),
        weights: fresh(&Computation::of(&arch), 0),
        ..ModelFile::default()
    };
    weights::write(&path, &file).unwrap();
    let mut random = Random::new("test", &[0]);
    let images = (0..4 * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    let batch = Batch { images, targets: vec![0; 4], indices: vec![0, 1, 2, 3], size: 64 };
    let logits = |device| Classifier::load(&path, device).unwrap().logits(batch.clone());
    let (rust, torch) = (logits(DeviceName::Cpu), logits(DeviceName::LibTorch));
    let worst = rust.iter().zip(&torch).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(rust.len() == 40 && worst < 1e-4, "off by {worst}");
}

/// Logits in training of eight noisy images of 64 x 64 pixels, and the gradient of the loss-like sum of their
/// squares at the first convolution.
fn trained_in(dtype: FloatDType, arch: &Arch) -> [Vec<f32>; 2] {
    let device = kiln::device::open(DeviceName::LibTorch).unwrap();
    let network = Network::new(Computation::of(arch));
    let leaf = |values: Tensor<1>| Tensor::from_inner(values).require_grad();
    let values = values(&fresh(network.computation(), 0), &device);
    let leaves: Values = values.into_iter().map(|(name, values)| (name, leaf(values))).collect();
    let mut random = Random::new("test", &[0]);
    let pixels: Vec<f32> = (0..8 * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    let images = Tensor::<4>::from_data(TensorData::new(pixels, [8, 3, 64, 64]), &device.autodiff());
    let mode = Mode::Train { mask: None, frozen: &BTreeSet::new() };
    let logits = network.forward(&leaves, images.cast(dtype), &mode).logits;
    let gradients = logits.clone().powi_scalar(2).sum().backward();
    let first = network.computation().parameters().next().unwrap().name;
    let gradient = leaves[&first].grad(&gradients).unwrap();
    [logits.into_data().try_to_vec().unwrap(), gradient.into_data().try_to_vec().unwrap()]
}

/// The cosine of the angle between two vectors.
fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn every_family_trains_in_16_bits() {
    let families = [
        "yolov8n-cls",
        "yolo11n-cls",
        "yolo12n-cls",
        "yolo26n-cls",
        "yolov8-cls-resnet50",
        "yolo11-cls-resnet18",
    ];
    for name in families {
        let arch = Arch::built_in(name, 10).unwrap();
        let exact = trained_in(FloatDType::F32, &arch);
        for (dtype, least) in [(FloatDType::F16, [0.99, 0.9]), (FloatDType::BF16, [0.95, 0.5])] {
            let rough = trained_in(dtype, &arch);
            let like = [0, 1].map(|i| likeness(&exact[i], &rough[i]));
            assert!(
                rough[0] != exact[0] && like[0] > least[0] && like[1] > least[1],
                "{name} {dtype:?} {like:?}"
            );
        }
    }
}
