//! From a pipeline file to a plan: what every command does first.

use std::{hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use kiln::{nodes::KINDS, plan::load};

fn plan(c: &mut Criterion) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/quickstart.yaml");
    c.bench_function("spec to plan: quickstart.yaml", |b| {
        b.iter(|| load(black_box(&file), KINDS).map(drop).map_err(drop).expect("the quickstart is right"));
    });
}

criterion_group!(benches, plan);
criterion_main!(benches);
