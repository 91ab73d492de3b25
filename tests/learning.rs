//! Training, on real images with a tiny network: it learns, and however often it is stopped it ends
//! with the same bytes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use burn::tensor::Device;
use kiln::{
    arch::{Arch, Computation, Role},
    data::{
        Batch, Dataset, Split, image_files,
        index::{IndexOptions, OnCorrupt, build},
        loader::{Loader, Purpose},
        source::{File, Folder},
        transform::{CenterCrop, Resize, TrainOp, Transforms},
    },
    device,
    device_name::DeviceName,
    eval::{classifier::images, metrics::cross_entropy},
    network::{
        Mode, Network,
        parameters::{to_vec, values},
    },
    progress::{Progress, Stop, Update},
    train::{BatchSize, Decay, FitInput, Fitted, OptimizerKind, TrainConfig, fit},
    weights::{self, ModelFile, Weights, fresh, to_bytes},
};

/// Where the tests compute: pure Rust, or LibTorch's CPU kernels where they are built in.
const DEVICE: DeviceName = if cfg!(feature = "libtorch") { DeviceName::LibTorch } else { DeviceName::Cpu };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist160")
}

fn digits() -> Dataset {
    let root = root();
    let file = |path: &PathBuf| File {
        name: path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
        size: path.metadata().unwrap().len(),
        digest: path.display().to_string(),
        fault: None,
    };
    let (stop, sink) = (Stop::default(), |_: Update| ());
    let files: Vec<File> = image_files::list(&root, &stop).unwrap().iter().map(file).collect();
    let options = IndexOptions { on_corrupt: OnCorrupt::Fail, val_fraction: 0.2, seed: 0 };
    let (index, _) = build(&Folder::new(&root), &files, &options, &Progress::new(&sink, &stop)).unwrap();
    assert_eq!((index.split(Split::Train).len(), index.split(Split::Val).len()), (80, 80));
    Dataset::new(Folder::new(root), index)
}

fn tiny() -> Arch {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights/yolo11n-cls-tiny.yaml");
    Arch::parse("yolo11n-cls-tiny", &std::fs::read_to_string(path).unwrap(), 10).unwrap()
}

fn config(epochs: usize) -> TrainConfig {
    TrainConfig {
        epochs: Some(epochs),
        optimizer: OptimizerKind::AdamW,
        lr0: Some(0.005),
        momentum: Some(0.9),
        warmup_epochs: 1.0,
        warmup_bias_lr: Some(0.0),
        nominal_batch: 32,
        ..TrainConfig::default()
    }
}

/// Images per micro-batch; no test asks a GPU.
fn batch(config: &TrainConfig) -> usize {
    config.batch.resolve(DEVICE, || unreachable!("no test says `auto`")).unwrap()
}

/// One attempt; stops after `batches` progress reports of training.
fn attempt(
    config: &TrainConfig,
    scratch: &Path,
    threads: usize,
    batches: usize,
) -> kiln::error::Result<Fitted> {
    let transforms = Transforms { size: 32, ..Transforms::default() };
    attempt_with(&transforms, config, scratch, threads, batches)
}

fn attempt_with(
    transforms: &Transforms,
    config: &TrainConfig,
    scratch: &Path,
    threads: usize,
    batches: usize,
) -> kiln::error::Result<Fitted> {
    attempt_on(&[device::open(DEVICE).unwrap()], transforms, config, scratch, threads, batches)
}

fn attempt_on(
    devices: &[Device],
    transforms: &Transforms,
    config: &TrainConfig,
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
    fit(&FitInput {
        arch: &arch,
        start: None,
        dataset: &dataset,
        transforms,
        config,
        batch: batch(config),
        seed: 3,
        device: &devices[0],
        others: &devices[1..],
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

fn undisturbed(config: &TrainConfig, threads: usize) -> Fitted {
    let scratch = tempfile::tempdir().unwrap();
    attempt(config, scratch.path(), threads, usize::MAX).unwrap()
}

/// Without augmentation even the tiny network knows 80 digits after some epochs.
fn learns(config: &TrainConfig) {
    let train = vec![TrainOp::Resize(Resize::default()), TrainOp::CenterCrop(CenterCrop::default())];
    let transforms = Transforms { size: 32, train, ..Transforms::default() };
    let scratch = tempfile::tempdir().unwrap();
    let fitted = attempt_with(&transforms, config, scratch.path(), 2, usize::MAX).unwrap();
    let (first, last) = (fitted.history.0.first().unwrap(), fitted.history.0.last().unwrap());
    assert_eq!(fitted.history.0.len(), config.epochs());
    assert!(last.train_loss < 0.7 * first.train_loss, "{} to {}", first.train_loss, last.train_loss);
    let top1 = last.scores.unwrap().top1;
    assert!(top1 > 0.3, "top-1 {top1}");
}

#[test]
fn a_network_learns() {
    learns(&config(30));
}

/// Stops after one batch, goes on for two, then for three, and so on: every place in an epoch is stopped at.
/// Also says how many attempts that took.
fn in_pieces(config: &TrainConfig) -> (Fitted, usize) {
    let scratch = tempfile::tempdir().unwrap();
    for attempts in 1.. {
        match attempt(config, scratch.path(), 2, attempts) {
            Ok(fitted) => return (fitted, attempts),
            Err(error) => assert_eq!(error.kind(), kiln::error::ErrorKind::Interrupted, "{error}"),
        }
    }
    unreachable!("some attempt is the last")
}

/// However often it is stopped, training ends with the same bytes and measurements.
fn resumes_exactly(config: &TrainConfig) {
    let whole = undisturbed(config, 2);
    let (pieces, attempts) = in_pieces(config);
    assert!(attempts > 2, "{attempts} attempts");
    assert!(bytes(&pieces) == bytes(&whole), "{:?}", config.optimizer);
    let measured = |fitted: &Fitted| {
        fitted.history.0.iter().map(|epoch| (epoch.train_loss, epoch.scores)).collect::<Vec<_>>()
    };
    assert_eq!(measured(&pieces), measured(&whole), "{:?}", config.optimizer);
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() {
    resumes_exactly(&config(3));
}

/// Two epochs of two batches.
fn short() -> TrainConfig {
    TrainConfig { fraction: 32.0, ..config(2) }
}

#[test]
fn every_optimizer_resumes_exactly() {
    use OptimizerKind::{Adam, Adamax, MuSgd, NAdam, RAdam, RmsProp, Sgd};
    for optimizer in [Sgd, MuSgd, Adam, Adamax, NAdam, RAdam, RmsProp] {
        resumes_exactly(&TrainConfig { optimizer, nominal_batch: 16, ..short() });
    }
}

#[test]
fn random_parts_of_a_recipe_resume_exactly() {
    let random = TrainConfig {
        mixup: 0.5,
        cutmix: 0.5,
        dropout: 0.3,
        label_smoothing: 0.1,
        focal_gamma: 1.0,
        ..short()
    };
    resumes_exactly(&random);
    resumes_exactly(&TrainConfig {
        ema: false,
        freeze: 2,
        val_period: 0,
        schedule: Decay::OneCycle,
        ..random
    });
}

/// Only LibTorch has 16 bits.
#[test]
#[cfg(feature = "libtorch")]
fn mixed_precision_learns_and_resumes_exactly() {
    use kiln::train::Precision::{Bf16, Fp16};
    let plain = bytes(&undisturbed(&short(), 2));
    for precision in [Bf16, Fp16] {
        learns(&TrainConfig { precision, ..config(30) });
        let config = TrainConfig { precision, ..short() };
        assert!(bytes(&undisturbed(&config, 2)) != plain, "{precision:?} computes as fp32");
        resumes_exactly(&config);
    }
}

/// The micro-batches of a step go through the network on two devices at once, or three.
#[test]
#[cfg(feature = "libtorch")]
fn several_devices_give_the_bytes_of_one() {
    let transforms = Transforms { size: 32, ..Transforms::default() };
    // Five batches an epoch and three a step: turns end with steps, and with epochs.
    let config = TrainConfig { nominal_batch: 48, mixup: 0.5, dropout: 0.2, warmup_epochs: 0.5, ..config(3) };
    let device = device::open(DEVICE).unwrap();
    let on = |count: usize, scratch: &Path, turns| {
        attempt_on(&vec![device.clone(); count], &transforms, &config, scratch, 2, turns)
    };
    let fresh = || tempfile::tempdir().unwrap();
    let one = bytes(&on(1, fresh().path(), usize::MAX).unwrap());
    assert!(on(1, fresh().path(), 15).is_err(), "every one of 15 batches is a turn");
    for count in [2, 3] {
        let whole = on(count, fresh().path(), 15).unwrap();
        assert!(bytes(&whole) == one, "{count}");
    }
    let scratch = fresh();
    let pieces = (2..).find_map(|turns| on(2, scratch.path(), turns).ok()).unwrap();
    assert!(bytes(&pieces) == one, "in pieces");
}

/// A batch that may be mixed goes as numbers, even if no number drawn is so small.
#[test]
#[cfg(feature = "libtorch")]
fn images_that_go_as_bytes_are_those_that_go_as_numbers() {
    use kiln::data::transform::{HorizontalFlip, Normalize, RandomErasing, RandomResizedCrop};
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let train = vec![
        TrainOp::RandomResizedCrop(RandomResizedCrop::default()),
        TrainOp::HorizontalFlip(HorizontalFlip::default()),
        TrainOp::RandomErasing(RandomErasing::default()),
        TrainOp::Normalize(Normalize { mean, std }),
    ];
    let transforms = Transforms { size: 32, train, ..Transforms::default() };
    assert!(transforms.train_scalings().is_some_and(|scalings| scalings.len() == 1));
    let trained = |mixup| {
        let scratch = tempfile::tempdir().unwrap();
        let config = TrainConfig { mixup, ..short() };
        bytes(&attempt_with(&transforms, &config, scratch.path(), 2, usize::MAX).unwrap())
    };
    assert!(trained(0.0) == trained(1e-300));
}

/// A rate so high that some loss is not a number, but none is at half or a quarter of it. Only the last layer
/// learns: all before it makes numbers of ordinary size.
fn reckless(scratch: &Path) -> Option<TrainConfig> {
    let names = ["conv", "bn", "attn"].map(ToOwned::to_owned).to_vec();
    let recipes = (0..12).map(|doubled| TrainConfig {
        lr0: Some(1e36 * 2.0_f64.powi(doubled)),
        weight_decay: 0.0,
        freeze_names: names.clone(),
        ema: false,
        nominal_batch: 16,
        fraction: 48.0,
        ..config(1)
    });
    let mut recipes = recipes.filter(|config| {
        let folder = scratch.join(format!("{:e}", config.lr0()));
        std::fs::create_dir(&folder).unwrap();
        let (result, warnings) = warned(config, &folder);
        result.is_ok() && warnings.iter().any(|line| line.contains("at half the learning rate"))
    });
    recipes.next()
}

/// What training warned of.
fn warned(config: &TrainConfig, scratch: &Path) -> (kiln::error::Result<Fitted>, Vec<String>) {
    let (fitted, said) = said(config, scratch);
    let warning = |update| if let Update::Warning(line) = update { Some(line) } else { None };
    (fitted, said.into_iter().filter_map(warning).collect())
}

/// What training said.
fn said(config: &TrainConfig, scratch: &Path) -> (kiln::error::Result<Fitted>, Vec<Update>) {
    let (arch, dataset, stop) = (tiny(), digits(), Stop::default());
    let said = std::sync::Mutex::new(Vec::new());
    let sink = |update: Update| said.lock().unwrap().push(update);
    let fitted = fit(&FitInput {
        arch: &arch,
        start: None,
        dataset: &dataset,
        transforms: &Transforms { size: 32, ..Transforms::default() },
        config,
        batch: batch(config),
        seed: 3,
        device: &device::open(DEVICE).unwrap(),
        others: &[],
        threads: 2,
        cache: false,
        scratch,
        progress: Progress::new(&sink, &stop),
    });
    (fitted, said.into_inner().unwrap())
}

#[test]
fn a_loss_that_is_no_number_sends_the_run_back_at_half_the_rate() {
    let scratch = tempfile::tempdir().unwrap();
    let config = reckless(scratch.path()).expect("some rate is just too high");
    let fitted = undisturbed(&config, 2);
    assert!(fitted.history.0.iter().all(|epoch| epoch.train_loss.is_finite() && epoch.scores.is_some()));
    assert!(fitted.last.values().all(|array| array.data.iter().all(|value| value.is_finite())));
    let last = fitted.history.0.last().unwrap().rates[0];
    let factor = last / config.lr0();
    assert!([0.5, 0.25, 0.125].iter().any(|half| (factor - half).abs() < 1e-9), "{factor}");
    resumes_exactly(&config);
}

#[test]
fn training_that_diverges_for_good_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let (result, warnings) = warned(&TrainConfig { lr0: Some(1e38), ..short() }, scratch.path());
    let error = result.err().unwrap();
    assert!(error.to_string().starts_with("training diverged: the loss of epoch"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("lr0")));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
}

#[test]
fn what_is_frozen_stays_as_it_was() {
    let freeze_names = vec!["model.9.cv1.bn".into()];
    let fitted = undisturbed(&TrainConfig { freeze: 3, freeze_names, weight_decay: 0.1, ..short() }, 1);
    let before = fresh(&Computation::of(&tiny()), 3);
    let (mut still, mut moved) = (0, 0);
    for (name, array) in &fitted.last {
        let rows = ["model.0.", "model.1.", "model.2.", "model.9.cv1.bn."];
        if rows.iter().any(|row| name.starts_with(row)) {
            assert!(array == &before[name], "{name} moved");
            still += 1;
        } else {
            moved += usize::from(array != &before[name]);
        }
    }
    assert!(still > 10 && moved + still == fitted.last.len(), "{still} stayed, {moved} moved");
    assert!(fitted.last.keys().any(|name| Role::of(name, 1) == Role::Statistic));
}

#[test]
fn a_time_budget_ends_training_and_its_last_epoch_is_validated() {
    let config = TrainConfig { time: Some(1e-9), val_period: 0, nominal_batch: 16, ..config(100) };
    let fitted = undisturbed(&config, 2);
    assert_eq!(fitted.history.0.len(), 1);
    assert!(fitted.history.0[0].scores.is_some());
}

#[test]
fn epochs_are_validated_and_kept_when_it_is_their_turn() {
    let scratch = tempfile::tempdir().unwrap();
    let config = TrainConfig { val_period: 2, save_period: 2, fraction: 16.0, ..config(5) };
    let fitted = attempt(&config, scratch.path(), 1, usize::MAX).unwrap();
    let validated: Vec<bool> = fitted.history.0.iter().map(|epoch| epoch.scores.is_some()).collect();
    assert_eq!(validated, [false, true, false, true, true]);
    let kept: Vec<usize> = fitted.kept.iter().map(|(epoch, _)| *epoch).collect();
    assert_eq!(kept, [2, 4]);
    let fourth = weights::read(&fitted.kept[1].1).unwrap().weights;
    assert!(fourth != fitted.last && fourth.keys().eq(fitted.last.keys()));
}

/// A network that stands still: nothing decays, and no rate is above 0.
fn still(epochs: usize) -> TrainConfig {
    TrainConfig { lr0: Some(0.0), weight_decay: 0.0, ema: false, ..config(epochs) }
}

/// The last batch of the epoch has 16 images instead of 32, and counts as much as each of the others.
#[test]
fn the_loss_of_an_epoch_is_the_mean_of_its_batches() {
    let train = vec![TrainOp::Resize(Resize::default()), TrainOp::CenterCrop(CenterCrop::default())];
    let transforms = Transforms { size: 32, train, ..Transforms::default() };
    let (scratch, config) =
        (tempfile::tempdir().unwrap(), TrainConfig { batch: BatchSize::Images(32), ..still(1) });
    let fitted = attempt_with(&transforms, &config, scratch.path(), 1, usize::MAX).unwrap();
    let (device, network) = (device::open(DEVICE).unwrap(), Network::new(Computation::of(&tiny())));
    let values = values(&fresh(network.computation(), 3), &device);
    let pass = Mode::Train { mask: None, frozen: &BTreeSet::new() };
    let mean = |mut batch: Batch| {
        let targets = std::mem::take(&mut batch.targets);
        let logits = to_vec(network.forward(&values, images(batch, &device), &pass).logits);
        let losses = logits.chunks_exact(10).zip(&targets).map(|(row, &class)| cross_entropy(row, class));
        losses.sum::<f64>() / targets.len() as f64
    };
    let loader = Loader::new(&digits(), Split::Train, &transforms, Purpose::Train { seed: 3 }, 32, 1);
    let means: Vec<f64> = loader.epoch(0).map(|batch| mean(batch.unwrap())).collect();
    let expected = means.iter().sum::<f64>() / means.len() as f64;
    let loss = fitted.history.0[0].train_loss;
    assert!(means.len() == 3 && (loss - expected).abs() < 1e-4, "{loss}, not {expected}: {means:?}");
}

#[test]
fn the_best_epoch_is_kept_where_it_is_not_the_last() {
    let recipes = [0.02, 0.05, 0.1, 0.2].map(|lr0| TrainConfig { lr0: Some(lr0), ema: false, ..config(6) });
    let fitted = recipes
        .iter()
        .map(|config| undisturbed(config, 2))
        .find(|fitted| fitted.history.best().unwrap() + 1 < fitted.history.0.len());
    let fitted = fitted.expect("some rate is too high to get better all the time");
    assert!(fitted.best != fitted.last);
    let best = fitted.history.0[fitted.history.best().unwrap()].scores.unwrap();
    let right: u64 = fitted.hits.iter().map(|hits| hits.right).sum();
    assert_eq!((right as f64 / 80.0, fitted.hits.len()), (best.top1, 10));
}

#[test]
fn the_epoch_in_which_patience_ends_is_validated_and_told() {
    let scratch = tempfile::tempdir().unwrap();
    let names = ["conv", "bn"].map(ToOwned::to_owned).to_vec();
    let config = TrainConfig { patience: Some(1), val_period: 3, freeze_names: names, ..still(9) };
    let (fitted, said) = said(&TrainConfig { fraction: 8.0, ..config }, scratch.path());
    let history = fitted.unwrap().history.0;
    let validated: Vec<bool> = history.iter().map(|epoch| epoch.scores.is_some()).collect();
    assert_eq!(validated, [false, false, true, true]);
    let end = "stopped after epoch 4: no improvement in 1 epoch";
    assert!(said.contains(&Update::Note(end.into())), "{said:?}");
    // Of 80 images in the order of classes, eight that are spread evenly miss two of ten classes.
    assert!(said.contains(&Update::Note("learns from 8 of 80 images".into())), "{said:?}");
    let missing = "`fraction` leaves images of only 8 of the 10 classes";
    assert!(said.contains(&Update::Warning(missing.into())), "{said:?}");
}

#[test]
fn an_epoch_has_the_rates_of_its_last_batch() {
    // Five batches of warm-up, of which the last of the first epoch is the fifth: four fifths of the way.
    let fitted = undisturbed(&config(2), 2);
    assert!((fitted.history.0[0].rates[0] - 0.8 * 0.005).abs() < 1e-9, "{:?}", fitted.history.0[0].rates);
}

#[test]
fn a_lonely_last_image_is_refused_where_it_can_not_be_normalised() {
    let scratch = tempfile::tempdir().unwrap();
    let error =
        attempt(&TrainConfig { fraction: 33.0, ..config(1) }, scratch.path(), 1, usize::MAX).err().unwrap();
    assert!(error.to_string().starts_with("33 training images in batches of 16 leave one"), "{error}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let config = config(2);
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(8 << 20).build().unwrap();
        pool.install(|| bytes(&undisturbed(&config, threads)))
    };
    assert!(of(1) == of(4));
}

#[test]
fn a_damaged_checkpoint_is_none() {
    let config = config(2);
    let whole = undisturbed(&config, 1);
    let scratch = tempfile::tempdir().unwrap();
    assert!(attempt(&config, scratch.path(), 1, 7).is_err());
    let path = scratch.path().join("checkpoint.safetensors");
    let kept = std::fs::read(&path).unwrap();
    std::fs::write(&path, &kept[..kept.len() / 2]).unwrap();
    let again = attempt(&config, scratch.path(), 1, usize::MAX).unwrap();
    assert!(bytes(&again) == bytes(&whole));
}

#[test]
fn sgd_learns_too() {
    learns(&TrainConfig {
        optimizer: OptimizerKind::Sgd,
        lr0: Some(0.01),
        schedule: Decay::Cosine,
        ..config(30)
    });
}
