//! A network's forward pass, and the same with gradients: yolo11n-cls, 16 images of 64×64 pixels.

use std::collections::BTreeSet;

use burn::tensor::{Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use kiln::{
    arch::{Arch, Computation},
    device,
    device_name::DeviceName,
    network::{Mode, Network, Values, parameters::values},
    random::Random,
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
    let (plain, folded) = (on_device(&weights), on_device(&fold_weights(&computation, &weights)));
    let record = |(name, values): (&String, &Tensor<1>)| {
        (name.clone(), Tensor::from_inner(values.clone()).require_grad())
    };
    let leaves: Values = plain.iter().map(record).collect();
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
    group.bench_function("forward and backward", |b| {
        let mode = Mode::Train { mask: None, frozen: &BTreeSet::new() };
        pool.install(|| {
            b.iter(|| {
                let images = Tensor::from_inner(Tensor::from_data(images(), &device));
                network.forward(&leaves, images, &mode).logits.mean().backward()
            });
        });
    });
    group.finish();
}

criterion_group!(benches, network);
criterion_main!(benches);
