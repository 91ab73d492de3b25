//! LibTorch's CPU kernels give the numbers that pure Rust gives.
#![cfg(feature = "libtorch")]

use std::{collections::BTreeSet, sync::Arc};

use burn::tensor::{Device, FloatDType, Tensor, TensorData, activation::log_softmax};
use kiln::{
    arch::{Arch, Computation, FEATURES},
    data::Batch,
    device_name::DeviceName,
    eval::Classifier,
    network::{
        Network, Parameters, fractions,
        gradients::pass,
        layout::Layout,
        order::Order,
        parameters::to_vec,
        pointwise::{Formula, Number, apply},
    },
    random::Random,
    train::{
        checkpoint::{Checkpoint, Position, TrainState},
        ema::Ema,
        optimizer::{Optimizer, Rates, Rule, clip_norm},
    },
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
    let logits = |device| Classifier::load(&path, device).unwrap().logits(&batch);
    let (rust, torch) = (logits(DeviceName::Cpu), logits(DeviceName::LibTorch));
    let worst = rust.iter().zip(&torch).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(rust.len() == 40 && worst < 1e-4, "off by {worst}");
}

/// A fresh network of `arch` on a device, all but `frozen` to be learnt.
fn fresh_network(arch: &Arch, frozen: &[&str], device: &Device) -> (Network, Parameters) {
    let computation = Computation::of(arch);
    let frozen: BTreeSet<String> = frozen.iter().map(ToString::to_string).collect();
    let layout = Arc::new(Layout::new(&computation.shapes(), frozen));
    let parameters = Parameters::from_weights(layout, &fresh(&computation, 0), device);
    (Network::new(computation), parameters)
}

/// `count` noisy images of 64 x 64 pixels.
fn noise(count: usize, device: &Device) -> Tensor<4> {
    let mut random = Random::new("test", &[0]);
    let pixels: Vec<f32> = (0..count * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    Tensor::from_data(TensorData::new(pixels, [count, 3, 64, 64]), device)
}

/// Logits in training of eight noisy images, and the gradient of the loss-like sum of their squares at the first
/// convolution.
fn trained_in(dtype: FloatDType, arch: &Arch) -> [Vec<f32>; 2] {
    let device = kiln::device::open(DeviceName::LibTorch).unwrap();
    let (network, parameters) = fresh_network(arch, &[], &device);
    let mut seen = Vec::new();
    let pass = pass(&network, &parameters, noise(8, &device).cast(dtype), None, |logits| {
        seen = to_vec(logits.clone().inner());
        logits.powi_scalar(2).sum()
    });
    let first = network.computation().parameters().next().unwrap().name;
    let slot = parameters.layout.slots().iter().find(|slot| slot.name == first).unwrap();
    [seen, to_vec(pass.gradient.slice(slot.range()))]
}

/// Loss, gradient and statistics of a pass in which parts are frozen and features are dropped, of images that are
/// brighter by a factor.
fn passed(arch: &Arch, name: DeviceName, factor: f64) -> [Vec<f32>; 3] {
    let device = kiln::device::open(name).unwrap();
    let frozen = ["model.0.conv.weight", "model.0.bn.weight", "model.0.bn.bias", "model.3.bn.weight"];
    let (network, parameters) = fresh_network(arch, &frozen, &device);
    let mut random = Random::new("mask", &[]);
    let mask: Vec<f32> = (0..8 * FEATURES).map(|_| if random.chance(0.3) { 0.0 } else { 1.0 }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [8, FEATURES]), &device);
    let before = to_vec(parameters.values.clone());
    let mut seen = Vec::new();
    let pass = pass(&network, &parameters, noise(8, &device).mul_scalar(factor), Some(mask), |logits| {
        let loss = log_softmax(logits, 1).exp().neg().add_scalar(1.0).powf_scalar(1.5).sum();
        seen = to_vec(loss.clone().inner());
        loss
    });
    assert!(before == to_vec(parameters.values), "a pass writes to no parameter");
    let gradient = Order::of(&device).rows_of_vector(&parameters.layout, &to_vec(pass.gradient));
    [seen, gradient, to_vec(pass.statistics)]
}

#[test]
fn a_pass_by_libtorchs_autograd_gives_what_pure_rust_gives() {
    let text = include_str!("fixtures/weights/yolo11n-cls-tiny.yaml");
    let mut archs = vec![Arch::parse("tiny", text, 10).unwrap()];
    archs.extend(["yolo12n-cls", "yolo11-cls-resnet18"].map(|name| Arch::built_in(name, 10).unwrap()));
    for arch in archs {
        let rust = passed(&arch, DeviceName::Cpu, 1.0);
        // A ReLU or a maximum that is nearly undecided falls as rounding has it, and takes 1 % of the gradient along:
        // of three passes whose images differ by rounding, one must fall as the CPU's did.
        let off = [1.0, 1.0 + 2e-7, 1.0 - 2e-7]
            .map(|factor| furthest(&arch, &rust, &passed(&arch, DeviceName::LibTorch, factor)));
        assert!(off.iter().any(|off| *off <= 1e-4), "{} {off:?}", arch.name);
    }
}

/// How far loss, gradient or statistics are from the others, in shares of their largest number.
fn furthest(arch: &Arch, ours: &[Vec<f32>; 3], theirs: &[Vec<f32>; 3]) -> f32 {
    let share = |(ours, theirs): (&Vec<f32>, &Vec<f32>)| {
        let largest = ours.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(ours.len() == theirs.len() && largest > 0.0, "{}", arch.name);
        ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
    };
    ours.iter().zip(theirs).map(share).fold(0.0, f32::max)
}

/// The cosine of the angle between two vectors.
fn likeness(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn every_family_trains_in_16_bits() {
    // A fresh network of fifty layers makes much of rounding, and that depends on how many threads share a sum.
    kiln::device::limit_threads(1);
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

/// Uses every operation of a number, and has the vectors change places.
struct Everything;

impl Formula<2, 1> for Everything {
    fn of<N: Number>(&self, [a, b]: [N; 2], [c]: [N; 1]) -> [N; 2] {
        let larger = a.clone().max_pair(b.clone()).mul_scalar(0.3).add_scalar(0.1);
        let quotient = (b - c.clone()) / (a.clone().abs().sqrt().add_scalar(1e-1));
        let [a, quotient] = [a.mean_with(c.clone(), 0.9), quotient.approach(c, 0.2)];
        [quotient + larger.div_scalar(0.7), a]
    }
}

fn uniform(name: &str, count: usize, device: &Device) -> Tensor<1> {
    let mut random = Random::new(name, &[]);
    let numbers: Vec<f32> = (0..count).map(|_| random.uniform(-1.0, 1.0) as f32).collect();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}

fn assert_close(ours: &[f32], theirs: &[f32], limit: f32, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
    assert!(worst < limit, "{what}: off by {worst}");
}

#[test]
fn formulas_give_what_pure_rust_gives_and_leave_what_others_hold() {
    const COUNT: usize = 100_003;
    let both = [DeviceName::Cpu, DeviceName::LibTorch].map(|name| {
        let device = kiln::device::open(name).unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| uniform(name, COUNT, &device));
        let held = a.clone();
        let formulas = [(3..70_000, Everything), (70_001..COUNT, Everything)];
        let [a, b] = apply(&formulas, [a, b], [c.clone()]);
        assert!(to_vec(held) == to_vec(uniform("a", COUNT, &device)));
        assert!(to_vec(c) == to_vec(uniform("c", COUNT, &device)));
        [to_vec(a), to_vec(b)]
    });
    assert_close(&both[1][0], &both[0][0], 1e-5, "first");
    assert_close(&both[1][1], &both[0][1], 1e-5, "second");
}

#[test]
fn every_optimizer_steps_as_on_pure_rust() {
    let arch = Arch::parse("tiny", include_str!("fixtures/weights/yolo11n-cls-tiny.yaml"), 3).unwrap();
    let beta1 = 0.9;
    let rules = [Rule::Sgd, Rule::MuSgd, Rule::Adam { beta1 }, Rule::AdamW { beta1 }, Rule::Adamax { beta1 }];
    for rule in rules.into_iter().chain([Rule::NAdam { beta1 }, Rule::RAdam { beta1 }, Rule::RmsProp]) {
        let [rust, torch] = [DeviceName::Cpu, DeviceName::LibTorch].map(|name| {
            let device = kiln::device::open(name).unwrap();
            let (_, mut parameters) = fresh_network(&arch, &[], &device);
            let mut optimizer = Optimizer::new(rule, 0.01);
            for step in ["first", "second", "third"] {
                let rows = to_vec(uniform(step, parameters.layout.learnt().len(), &Device::flex()));
                let kept = Order::of(&device).kept_vector(&parameters.layout, &rows);
                let gradient = Tensor::from_floats(kept.as_slice(), &device);
                let rates = Rates { rate: 0.01, bias_rate: 0.02, momentum: 0.8 };
                optimizer.step(&mut parameters, clip_norm(gradient, 10.0), rates);
            }
            parameters.to_weights().into_values().flat_map(|array| array.data).collect::<Vec<_>>()
        });
        // It divides by the root of what it takes away from, which magnifies the rounding where that is nearly nothing:
        // off by 2.2e-5 on a processor without AVX-512.
        let limit = if matches!(rule, Rule::RmsProp) { 1e-4 } else { 1e-5 };
        assert_close(&torch, &rust, limit, &format!("{rule:?}"));
    }
}

#[test]
fn another_device_goes_on_with_a_checkpoint() {
    let arch = Arch::parse("tiny", include_str!("fixtures/weights/yolo11n-cls-tiny.yaml"), 3).unwrap();
    let [rust, torch] = [DeviceName::Cpu, DeviceName::LibTorch].map(|name| kiln::device::open(name).unwrap());
    let (_, parameters) = fresh_network(&arch, &[], &torch);
    let (layout, weights) = (parameters.layout.clone(), parameters.to_weights());
    // The values stand for a gradient too: it begins as they do.
    let gradient = parameters.values.clone().slice(layout.learnt());
    let now = TrainState {
        position: Position::default(),
        ema: Some(Ema::new(parameters.clone())),
        gradient: Some(gradient.clone()),
        moments: vec![gradient],
        parameters,
    };
    let folder = tempfile::tempdir().unwrap();
    Checkpoint { now, start: None, best: None }.save(folder.path()).unwrap();
    let loaded = |device| Checkpoint::load(folder.path(), &layout, device).unwrap().unwrap().now;
    for device in [&rust, &torch] {
        let TrainState { parameters, ema, gradient, moments, .. } = loaded(device);
        assert!(parameters.to_weights() == weights);
        assert!(ema.unwrap().average().to_weights() == weights);
        let values = to_vec(parameters.values.slice(layout.learnt()));
        assert!(to_vec(gradient.unwrap()) == values && to_vec(moments[0].clone()) == values);
    }
    let kernels = |device| to_vec(loaded(device).parameters.values);
    assert!(kernels(&rust) != kernels(&torch), "each has an order of its own");
}

#[test]
fn bytes_become_the_same_numbers_on_both() {
    let fractions = |name| {
        let bytes: Vec<u8> = (0..40_000_u32).map(|i| (i * i) as u8).collect();
        to_vec(fractions(bytes, [100, 400], &kiln::device::open(name).unwrap()))
    };
    assert!(fractions(DeviceName::LibTorch) == fractions(DeviceName::Cpu));
}

#[test]
fn an_exception_is_an_error_of_one_line() {
    let product = || {
        Ok(tch::Tensor::zeros([2, 3], tch::kind::FLOAT_CPU)
            .matmul(&tch::Tensor::ones([2, 3], tch::kind::FLOAT_CPU)))
    };
    let error = kiln::device::guard(product).unwrap_err();
    insta::assert_snapshot!(error, @"LibTorch gave up: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)");
}
