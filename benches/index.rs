//! Hashing a folder of 10,000 small files, never seen before and unchanged.

use std::{fs, path::PathBuf};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kiln::store::stat::StatIndex;

fn index(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |i: usize| folder.path().join(format!("{i:05}.bin"));
    let paths: Vec<PathBuf> = (0..10_000).map(path).collect();
    for (i, path) in paths.iter().enumerate() {
        fs::write(path, i.to_le_bytes().repeat(128)).expect("a file of 1 KiB");
    }
    // A file changed less than two seconds ago is not trusted by its signature alone.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let fresh = || StatIndex::open(folder.path().join("none"), "bench");
    let mut group = c.benchmark_group("index of 10,000 files of 1 KiB");
    group.sample_size(10);
    group.bench_function("cold", |b| {
        b.iter_batched(
            fresh,
            |index| index.look_all(&paths).map_err(drop).expect("readable"),
            BatchSize::PerIteration,
        );
    });
    let warm = fresh();
    warm.look_all(&paths).map_err(drop).expect("readable");
    group.bench_function("warm", |b| b.iter(|| warm.look_all(&paths).map_err(drop).expect("readable")));
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
