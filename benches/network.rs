//! A network's forward pass, the same with gradients, and an optimizer step: yolo11n-cls, 16 images of 64×64 pixels.

use std::{collections::BTreeSet, sync::Arc};

use burn::tensor::{Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use kiln::{
    arch::{Arch, Computation},
    device,
    device_name::DeviceName,
    network::{
        Inference, Mode, Network, Parameters, Values,
        gradients::{Pass, pass},
        layout::Layout,
        parameters::values,
    },
    random::Random,
    train::{
        ema::Ema,
        optimizer::{Optimizer, Rates, Rule, clip_norm},
    },
    weights::{fold_weights, fresh},
};

fn images() -> TensorData {
    let mut random = Random::new("bench", &[0]);
    let pixels: Vec<f32> = (0..16 * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    TensorData::new(pixels, [16, 3, 64, 64])
}

fn network(c: &mut Criterion) {
    let device = device::open(DeviceName::Cpu).expect("always there");
    let computation = Computation::of(&Arch::built_in("yolo11n-cls", 10).expect("built in"));
    let weights = fresh(&computation, 0);
    let on_device = |weights| values(weights, &device);
    let folded_weights = fold_weights(&computation, &weights);
    let (plain, folded) = (on_device(&weights), on_device(&folded_weights));
    let inference = Inference::new(computation.folded(), &folded_weights, &device);
    let layout = Arc::new(Layout::new(&computation.shapes(), BTreeSet::new()));
    let parameters = Parameters::from_weights(layout, &weights, &device);
    let (folded_network, network) = (Network::new(computation.folded()), Network::new(computation));
    let pool = rayon::ThreadPoolBuilder::new().stack_size(8 << 20).build().expect("threads");
    let mut group = c.benchmark_group("yolo11n-cls, 16 images of 64x64");
    group.sample_size(10);
    let mut forward = |name: &str, network: &Network, values: &Values| {
        let pass =
            || network.forward(values, Tensor::from_data(images(), &device), &Mode::Eval).logits.into_data();
        group.bench_function(name, |b| pool.install(|| b.iter(pass)));
    };
    forward("forward", &network, &plain);
    forward("forward, norms folded", &folded_network, &folded);
    let pixels = images().try_to_vec::<f32>().expect("in 32 bits");
    let infer = || inference.logits(&pixels, 64);
    group.bench_function("inference", |b| pool.install(|| b.iter(infer)));
    let images = Tensor::from_data(images(), &device);
    let pass = || pass(&network, &parameters, images.clone(), None, Tensor::mean);
    group.bench_function("forward and backward", |b| pool.install(|| b.iter(pass)));
    group.bench_function("optimizer step", |b| {
        let Pass { gradient, .. } = pool.install(pass);
        let (mut optimizer, mut moved) =
            (Optimizer::new(Rule::AdamW { beta1: 0.9 }, 0.0005), parameters.clone());
        let mut ema = Ema::new(parameters.clone());
        let mut step = || {
            let rates = Rates { rate: 1e-3, bias_rate: 1e-3, momentum: 0.9 };
            optimizer.step(&mut moved, clip_norm(gradient.clone(), 10.0), rates);
            ema.update(&moved);
        };
        pool.install(|| b.iter(&mut step));
    });
    group.finish();
}

criterion_group!(benches, network);
criterion_main!(benches);
