//! LibTorch's CPU kernels give the numbers that pure Rust gives.
#![cfg(feature = "libtorch")]

use kiln::{
    data::Batch,
    eval::Classifier,
    random::Random,
    zoo::{
        Arch, Builder, Network,
        parameters::{parameters, to_weights},
        weights::{self, ModelFile},
    },
};

#[test]
fn logits_agree_with_pure_rust() {
    let arch = Arch::built_in("yolo11n-cls", 10).unwrap();
    let device = kiln::device::open("cpu").unwrap();
    let network = Network::new(&arch, &Builder::fresh(0, &device));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let file = ModelFile {
        arch: Some(arch.text.clone()),
        arch_name: Some(arch.name.clone()),
        weights: to_weights(&parameters(&network)),
        ..ModelFile::default()
    };
    weights::write(&path, &file).unwrap();
    let mut random = Random::new("test", &[0]);
    let images = (0..4 * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    let batch = Batch { images, targets: vec![0; 4], indices: vec![0, 1, 2, 3], size: 64 };
    let logits = |device| Classifier::load(&path, device).unwrap().logits(&batch);
    let (rust, torch) = (logits("cpu"), logits("libtorch"));
    let worst = rust.iter().zip(&torch).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(rust.len() == 40 && worst < 1e-4, "off by {worst}");
}
