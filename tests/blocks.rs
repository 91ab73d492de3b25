//! Modules that no built-in architecture has: the reference, run on the same model YAMLs and numbers, gives the same
//! logits, parameters, layers and operations (`fixtures/blocks/make.py`).

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::{Tensor, TensorData};
use kiln::{
    arch::{Arch, Computation, Costs},
    device_name::DeviceName,
    network::{Mode, Network, parameters::to_vec},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    logits: Vec<f32>,
    parameters: u64,
    layers: usize,
    gflops: f64,
}

const SIZE: usize = 64;

/// Between -1 and 1.
fn noise(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start: u32 = name.bytes().map(u32::from).sum();
    (0..count).map(move |i| {
        let digits = (f64::from(start) + 12.9898 * i as f64).sin() * 43_758.545_3;
        2.0 * (digits - digits.floor()) - 1.0
    })
}

/// The numbers of a parameter.
fn numbers(name: &str, shape: &[usize]) -> Vec<f32> {
    let (count, fan_in) = (shape.iter().product(), shape[1..].iter().product::<usize>() as f64);
    let number = |x: f64| match name.rsplit('.').next().unwrap() {
        "running_mean" => 0.2 * x,
        "running_var" => 0.9 + 0.4 * x,
        "bias" => 0.1 + 0.5 * x,
        _ if shape.len() == 1 => 1.2 + 0.4 * x,
        _ => x * (3.0 / fan_in).sqrt(),
    };
    noise(name, count).map(|x| number(x) as f32).collect()
}

fn logits(arch: &Arch) -> Vec<f32> {
    let (computation, device) = (Computation::of(arch), kiln::device::open(DeviceName::Cpu).unwrap());
    let value = |(name, shape): (String, Vec<usize>)| {
        let numbers = numbers(&name, &shape);
        (name, Tensor::from_data(TensorData::from(&*numbers), &device))
    };
    let values = computation.shapes().into_iter().map(value).collect();
    let pixels: Vec<f32> = noise("images", 3 * SIZE * SIZE).map(|x| (x + 1.0) as f32 / 2.0).collect();
    let images = Tensor::from_data(TensorData::new(pixels, [1, 3, SIZE, SIZE]), &device);
    to_vec(Network::new(computation).forward(&values, images, &Mode::Eval).logits)
}

#[test]
fn the_references_own_runs_give_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/blocks");
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.len(), 4);
    for (name, expected) in expected {
        let text = fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        let arch = Arch::parse(&name, &text, 5).unwrap();
        let total = Costs::of(&arch, SIZE).unwrap().total;
        assert_eq!((total.parameters, total.layers), (expected.parameters, expected.layers), "{name}");
        assert!((total.gflops() - expected.gflops).abs() < 1e-6, "{name}: {}", total.gflops());
        let logits = logits(&arch);
        let off = logits.iter().zip(&expected.logits).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(logits.len() == 5 && off < 1e-3, "{name}: {logits:?}, not {:?}", expected.logits);
    }
}
