//! A network's forward pass, and the same with gradients: yolo11n-cls, 16 images of 64×64 pixels.

use burn::tensor::{Tensor, TensorData};
use criterion::{Criterion, criterion_group, criterion_main};
use kiln::{
    arch::Arch,
    device,
    device_name::DeviceName,
    network::{
        Builder, Network,
        parameters::{from_weights, parameters, to_weights},
    },
    random::Random,
    weights::fold_weights,
};

fn images() -> TensorData {
    let mut random = Random::new("bench", &[0]);
    let pixels: Vec<f32> = (0..16 * 3 * 64 * 64).map(|_| random.unit() as f32).collect();
    TensorData::new(pixels, [16, 3, 64, 64])
}

fn network(c: &mut Criterion) {
    let device = device::open(DeviceName::Cpu).expect("always there");
    let arch = Arch::built_in("yolo11n-cls", 10).expect("built in");
    let fresh = Network::new(&arch, &Builder::fresh(0, &device));
    let folded = from_weights(&fold_weights(&to_weights(&parameters(&fresh))), &device);
    let folded = Network::new(&arch, &Builder::with_values(&folded, 0, &device));
    let recording = device.clone().autodiff();
    let training = Network::new(&arch, &Builder::fresh(0, &recording));
    let pool = rayon::ThreadPoolBuilder::new().stack_size(8 << 20).build().expect("threads");
    let mut group = c.benchmark_group("yolo11n-cls, 16 images of 64x64");
    group.sample_size(10);
    let mut forward = |name: &str, network: &Network| {
        group.bench_function(name, |b| {
            pool.install(|| b.iter(|| network.forward(Tensor::from_data(images(), &device)).into_data()));
        });
    };
    forward("forward", &fresh);
    forward("forward, norms folded", &folded);
    group.bench_function("forward and backward", |b| {
        pool.install(|| {
            b.iter(|| {
                let images = Tensor::from_inner(Tensor::from_data(images(), &device));
                training.forward(images).mean().backward()
            });
        });
    });
    group.finish();
}

criterion_group!(benches, network);
criterion_main!(benches);
