//! Training, on real images with a tiny network: it learns, and however often it is stopped it ends
//! with the same bytes.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use kiln::{
    data::{
        Dataset, Split,
        folder::{self, File},
        index::{OnCorrupt, Options, build},
        transform::{CenterCrop, Resize, TrainOp, Transforms},
    },
    device,
    progress::{Progress, Stop, Update},
    train::{Decay, Fitted, Job, OptimizerKind, Recipe, fit},
    zoo::{
        Arch,
        weights::{ModelFile, Weights, to_bytes},
    },
};

/// Where the tests compute: pure Rust, or LibTorch's CPU kernels where they are built in.
const DEVICE: &str = if cfg!(feature = "libtorch") { "libtorch" } else { "cpu" };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160")
}

fn digits() -> Dataset {
    let root = root();
    let file = |path: &PathBuf| File {
        name: path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
        size: path.metadata().unwrap().len(),
        digest: path.display().to_string(),
    };
    let files: Vec<File> = folder::list(&root).unwrap().iter().map(file).collect();
    let (stop, sink) = (Stop::default(), |_: Update| ());
    let options = Options { on_corrupt: OnCorrupt::Fail, val_fraction: 0.2, seed: 0, threads: 2 };
    let (index, _) = build(&root, &files, &options, &Progress::new(&sink, &stop)).unwrap();
    assert_eq!((index.split(Split::Train).len(), index.split(Split::Val).len()), (80, 80));
    Dataset { root, index }
}

fn tiny() -> Arch {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights/yolo11n-cls-tiny.yaml");
    Arch::parse("yolo11n-cls-tiny", &std::fs::read_to_string(path).unwrap(), 10).unwrap()
}

fn recipe(epochs: usize) -> Recipe {
    Recipe {
        epochs,
        batch: 16,
        optimizer: OptimizerKind::AdamW,
        lr0: 0.005,
        momentum: 0.9,
        warmup_epochs: 1.0,
        warmup_bias_lr: 0.0,
        nominal_batch: 32,
        ..Recipe::default()
    }
}

/// One attempt; stops after `batches` progress reports of training.
fn attempt(recipe: &Recipe, scratch: &Path, threads: usize, batches: usize) -> kiln::error::Result<Fitted> {
    let transforms = Transforms { size: 32, ..Transforms::default() };
    attempt_with(&transforms, recipe, scratch, threads, batches)
}

fn attempt_with(
    transforms: &Transforms,
    recipe: &Recipe,
    scratch: &Path,
    threads: usize,
    batches: usize,
) -> kiln::error::Result<Fitted> {
    let (arch, dataset) = (tiny(), digits());
    let (stop, seen) = (Stop::default(), AtomicUsize::new(0));
    let sink = |update: Update| {
        if matches!(update, Update::Step { .. }) && seen.fetch_add(1, Ordering::SeqCst) + 1 == batches {
            stop.request();
        }
    };
    let device = device::open(DEVICE).unwrap();
    fit(&Job {
        arch: &arch,
        start: None,
        dataset: &dataset,
        transforms,
        recipe,
        seed: 3,
        device: &device,
        threads,
        cache: threads > 1,
        scratch,
        progress: Progress::new(&sink, &stop),
    })
}

fn bytes(fitted: &Fitted) -> (Vec<u8>, Vec<u8>) {
    let file = |weights: &Weights| {
        to_bytes(&ModelFile { weights: weights.clone(), ..ModelFile::default() }).unwrap()
    };
    (file(&fitted.best), file(&fitted.last))
}

fn undisturbed(recipe: &Recipe, threads: usize) -> Fitted {
    let scratch = tempfile::tempdir().unwrap();
    attempt(recipe, scratch.path(), threads, usize::MAX).unwrap()
}

/// Without augmentation even the tiny network knows 80 digits after some epochs.
fn learns(recipe: &Recipe) {
    let train = vec![TrainOp::Resize(Resize::default()), TrainOp::CenterCrop(CenterCrop::default())];
    let transforms = Transforms { size: 32, train, ..Transforms::default() };
    let scratch = tempfile::tempdir().unwrap();
    let fitted = attempt_with(&transforms, recipe, scratch.path(), 2, usize::MAX).unwrap();
    let (first, last) = (fitted.history.0.first().unwrap(), fitted.history.0.last().unwrap());
    assert_eq!(fitted.history.0.len(), recipe.epochs);
    assert!(last.train_loss < 0.7 * first.train_loss, "{} to {}", first.train_loss, last.train_loss);
    let top1 = last.scores.unwrap().top1;
    assert!(top1 > 0.3, "top-1 {top1}");
}

#[test]
fn a_network_learns() {
    learns(&recipe(30));
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() {
    let recipe = recipe(3);
    let whole = undisturbed(&recipe, 2);
    let scratch = tempfile::tempdir().unwrap();
    let mut attempts = 0;
    let pieces = loop {
        attempts += 1;
        // One batch, then two, then three: every place in an epoch is stopped at.
        match attempt(&recipe, scratch.path(), 2, attempts) {
            Ok(fitted) => break fitted,
            Err(error) => assert_eq!(error.kind(), kiln::error::ErrorKind::Interrupted, "{error}"),
        }
    };
    assert!(attempts > 3, "{attempts} attempts");
    assert!(bytes(&pieces) == bytes(&whole));
    let measured = |fitted: &Fitted| {
        fitted.history.0.iter().map(|epoch| (epoch.train_loss, epoch.scores)).collect::<Vec<_>>()
    };
    assert_eq!(measured(&pieces), measured(&whole));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let recipe = recipe(2);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(8 << 20).build().unwrap();
        pool.install(|| bytes(&undisturbed(&recipe, threads)))
    };
    assert!(of(1) == of(4));
}

#[test]
fn a_damaged_checkpoint_is_none() {
    let recipe = recipe(2);
    let whole = undisturbed(&recipe, 1);
    let scratch = tempfile::tempdir().unwrap();
    assert!(attempt(&recipe, scratch.path(), 1, 7).is_err());
    let path = scratch.path().join("checkpoint.safetensors");
    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, &kept[..kept.len() / 2]).unwrap();
    let again = attempt(&recipe, scratch.path(), 1, usize::MAX).unwrap();
    assert!(bytes(&again) == bytes(&whole));
}

#[test]
fn sgd_learns_too() {
    learns(&Recipe { optimizer: OptimizerKind::Sgd, lr0: 0.01, schedule: Decay::Cosine, ..recipe(30) });
}
