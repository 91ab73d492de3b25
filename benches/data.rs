//! The eval chain and the train chain on a photograph-sized image, and an epoch of small images.

use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use image::{Rgb, RgbImage};
use kiln::{
    data::{
        Dataset, Index, Sample, Split,
        decode::decode,
        loader::{Loader, Purpose},
        resample::{Interpolation, resize},
        source::{Folder, Location},
        transform::Transforms,
    },
    random::Random,
};

/// 500 x 375, with structure at every scale.
fn photograph() -> RgbImage {
    RgbImage::from_fn(500, 375, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, (x * 3 + y * 5) as u8]))
}

fn chains(c: &mut Criterion) {
    let transforms = Transforms::default();
    let mut out = Vec::new();
    c.bench_function("eval chain, 500x375 to 224", |b| {
        b.iter_batched(
            photograph,
            |image| {
                out.clear();
                transforms.apply_eval(image, &mut out).unwrap();
            },
            BatchSize::LargeInput,
        );
    });
    let mut index = 0;
    c.bench_function("train chain, 500x375 to 224", |b| {
        b.iter_batched(
            photograph,
            |image| {
                index += 1;
                out.clear();
                transforms.apply_train(image, &mut Random::new("augment", &[0, 0, index]), &mut out).unwrap();
            },
            BatchSize::LargeInput,
        );
    });
    c.bench_function("bicubic resize, 500x375 to 299x224", |b| {
        let cubic = |image| resize(&image, 299, 224, Interpolation::Bicubic);
        b.iter_batched(photograph, cubic, BatchSize::LargeInput);
    });
}

fn decoding(c: &mut Criterion) {
    let digit = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160/train/0/00000.png");
    c.bench_function("decode, 28x28 png", |b| b.iter(|| decode(&digit).unwrap()));
    let photo = std::env::temp_dir().join(format!("kiln-bench-{}.jpg", std::process::id()));
    photograph().save(&photo).unwrap();
    c.bench_function("decode, 500x375 jpeg", |b| b.iter(|| decode(&photo).unwrap()));
    std::fs::remove_file(photo).unwrap();
}

/// The 80 training digits.
fn digits() -> Dataset {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160");
    let sample = |class: usize, i: usize| {
        let path = format!("train/{class}/{i:05}.png");
        let size = std::fs::metadata(root.join(&path)).unwrap().len();
        Sample { location: Location::File(path), class, size, digest: String::new() }
    };
    let train = (0..10).flat_map(|class| (0..8).map(move |i| (class, i)));
    let train = train.map(|(class, i)| sample(class, i)).collect();
    Dataset::new(Folder::new(root), Index { train, ..Index::default() })
}

fn loading(c: &mut Criterion) {
    let transforms = Transforms { size: 64, ..Transforms::default() };
    let purpose = Purpose::Train { seed: 0 };
    let loader = Loader::new(&digits(), Split::Train, &transforms, purpose, 16, 2);
    let cached = loader_with_cache(&transforms, purpose);
    let mut epoch = 0;
    for (name, loader) in [("read", &loader), ("cached", &cached)] {
        c.bench_function(&format!("train epoch, 80 digits at 64, {name}"), |b| {
            b.iter(|| {
                epoch += 1;
                loader.epoch(epoch).map(|batch| batch.unwrap().len()).sum::<usize>()
            });
        });
    }
}

fn loader_with_cache(transforms: &Transforms, purpose: Purpose) -> Loader {
    Loader::new(&digits(), Split::Train, transforms, purpose, 16, 2).with_cache(1 << 20)
}

criterion_group!(benches, chains, decoding, loading);
criterion_main!(benches);
