//! The training loop.
//!
//! A micro-batch gives gradients; a few of them summed make an optimizer step; an epoch ends with the
//! validation of the average network and a checkpoint. Everything that decides the result is a
//! function of (configuration, seed, data), so a run that was stopped and resumed at any point ends with the
//! same bytes as one that was not. The one exception is a `time` budget, which the clock decides.

mod ahead;
mod loaders;
mod measure;
mod recovery;
mod state;
mod step;
mod time_budget;
mod turn;
mod waiting;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use burn::tensor::{Device, Tensor};

use self::loaders::{loaders, tell_fraction, tell_validation};
use super::{
    TrainConfig,
    checkpoint::{Checkpoint, Position, TrainState},
    ema::Ema,
    grad_scaler::GradScaler,
    history::{EpochRecord, History},
    loss::Loss,
    optimizer::{Optimizer, Rule},
    out_of_memory,
    schedule::Schedule,
    subset::subset,
};
use crate::{
    arch::{Arch, Computation},
    data::{Dataset, loader::Loader, transform::Transforms},
    error::{Error, Result},
    eval::classes::Hits,
    network::{Network, Parameters, layout::Layout},
    progress::Progress,
    weights::{Weights, completed},
};

/// How much work at most is done twice after a crash, besides the epoch that was going on.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// What to fit, to what, and how.
pub struct FitInput<'a> {
    /// The architecture of the network to fit.
    pub arch: &'a Arch,
    /// Weights to start from, by name; fresh ones where they lack.
    pub start: Option<&'a Weights>,
    /// The images to learn from, and those to validate on.
    pub dataset: &'a Dataset,
    /// What happens to the images before the network sees them.
    pub transforms: &'a Transforms,
    /// How to learn it.
    pub config: &'a TrainConfig,
    /// Images per micro-batch: what the configuration's `batch` comes to ([`super::BatchSize::resolve`]).
    pub batch: usize,
    /// Decides fresh weights, the order of the images and the augmentation.
    pub seed: u64,
    /// The device to compute on.
    pub device: &'a Device,
    /// Others of its kind, which help with the micro-batches of an optimizer step. They change nothing in the result.
    pub others: &'a [Device],
    /// Threads that prepare images.
    pub threads: usize,
    /// Whether to keep decoded images in memory.
    pub cache: bool,
    /// Where the checkpoint is kept, and looked for.
    pub scratch: &'a Path,
    /// Where to report to.
    pub progress: Progress<'a>,
}

/// What came of it.
pub struct Fitted {
    /// The average network, or the network itself without `ema`, at its best epoch.
    pub best: Weights,
    /// The same after the last epoch.
    pub last: Weights,
    /// The weights that `save_period` asked for: the number of the epoch, from 1, and a file in the input's
    /// scratch folder.
    pub kept: Vec<(usize, PathBuf)>,
    /// What was measured after each epoch.
    pub history: History,
    /// How many validation images of each class the best network named right.
    pub hits: Vec<Hits>,
}

/// Fits a network, continuing from the checkpoint in the input's scratch folder if there is one.
///
/// # Errors
/// If the configuration does not fit the dataset or the network, an image can't be read, a checkpoint can't be
/// written, memory runs out, the loss stops being a number for good, or the user asks to stop; the
/// checkpoint holds all work in that last case.
pub fn fit(input: &FitInput<'_>) -> Result<Fitted> {
    let mut fit = Fit::new(input)?;
    while !fit.is_done() {
        fit.train_epoch()?;
        fit.close_epoch()?;
    }
    fit.keep_end()?;
    fit.finish()
}

struct Fit<'a> {
    input: &'a FitInput<'a>,
    loss: Loss,
    train: Loader,
    val: Loader,
    schedule: Schedule,
    rule: Rule,
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    ema: Option<Ema>,
    /// Summed since the last optimizer step.
    gradient: Option<Tensor<1>>,
    /// Sum of this epoch's losses, `[1]`, kept on the device.
    losses: Tensor<1>,
    position: Position,
    /// Where the epoch began, to go back to.
    start: Option<TrainState>,
    best: Option<Parameters>,
    begun: Instant,
    saved: Instant,
}

impl<'a> Fit<'a> {
    fn new(input: &'a FitInput<'a>) -> Result<Self> {
        let config = input.config;
        let dataset = subset(input.dataset, config.fraction);
        tell_fraction(input, &dataset);
        let frozen = config.frozen().resolve(input.arch)?;
        let loss = Loss {
            classes: input.arch.classes,
            smoothing: config.label_smoothing,
            weights: config.class_weights().resolve(&dataset.index)?,
            gamma: config.focal_gamma,
        };
        let (train, val) = loaders(input, &dataset)?;
        tell_validation(&input.dataset.index, &input.progress);
        let (schedule, rule, decay) = config.resolve(input.batch, train.len(), input.arch.classes);
        let terms = terms(&schedule, rule, decay);
        let network = Network::new(Computation::of(input.arch));
        let parameters = first_parameters(input, network.computation(), frozen);
        let scaler = GradScaler::of(config.precision);
        let now = Instant::now();
        let mut fit = Self {
            input,
            loss,
            train,
            val,
            schedule,
            rule,
            network,
            ema: config.ema.then(|| Ema::new(parameters.clone())),
            parameters,
            optimizer: Optimizer::new(rule, decay),
            gradient: None,
            losses: Tensor::zeros([1], input.device),
            position: Position {
                last_opt_step: -1,
                epochs: config.epochs(),
                terms,
                scaler,
                ..Position::default()
            },
            start: None,
            best: None,
            begun: now,
            saved: now,
        };
        if let Some(checkpoint) = Checkpoint::load(input.scratch, &fit.parameters.layout, input.device)? {
            fit.resume_if_it_fits(checkpoint);
        }
        Ok(fit)
    }

    fn is_done(&self) -> bool {
        let Position { epoch, epochs, out_of_time, ref history, .. } = self.position;
        let tired = epoch
            .checked_sub(1)
            .is_some_and(|last| history.out_of_patience(last, self.input.config.patience()));
        out_of_time || epoch >= epochs || tired
    }

    fn train_epoch(&mut self) -> Result<()> {
        if self.position.batch == 0 {
            self.start = Some(self.state());
        }
        let (turns, mut batches) = (self.turns(), self.ahead());
        for turn in turns {
            if self.input.progress.stopped() {
                self.save()?;
                return Err(Error::interrupted());
            }
            if self.position.out_of_time {
                break;
            }
            let (batch, size) = (self.input.batch, self.input.transforms.size);
            let next = || batches.by_ref().take(turn).collect::<Result<Vec<_>>>();
            let turn = self.awaited(|| out_of_memory::guard(batch, size, next))??;
            out_of_memory::guard(batch, size, || self.train_step(turn))?;
            self.report();
        }
        Ok(())
    }

    fn report(&self) {
        let stage = format!("epoch {}/{}", self.position.epoch + 1, self.position.epochs);
        let done = (self.position.batch * self.input.batch).min(self.train.len());
        self.input.progress.step(stage, done, self.train.len(), "images");
    }

    fn close_epoch(&mut self) -> Result<()> {
        self.estimate_epochs();
        match self.measure() {
            Err(error) if self.input.progress.stopped() => {
                self.save()?;
                Err(error)
            }
            Err(error) => Err(error),
            Ok(Some((epoch, hits))) => self.record(epoch, hits),
            Ok(None) => self.recover(),
        }
    }

    fn record(&mut self, epoch: EpochRecord, hits: Vec<Hits>) -> Result<()> {
        let Position { epoch: number, epochs, .. } = self.position;
        self.input.progress.note(epoch.line(number + 1, epochs, self.val.len()));
        self.position.history.0.push(epoch);
        if self.position.history.newest_is_best() {
            self.best = Some(self.candidate());
            self.position.hits = hits;
        }
        self.position.epoch += 1;
        (self.position.batch, self.position.loss) = (0, 0.0);
        self.losses = self.losses.zeros_like();
        self.keep()?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        Ok(())
    }

    /// Says so where patience was what ended training.
    fn tell_end(&self) {
        let Position { epoch, epochs, out_of_time, .. } = self.position;
        if !out_of_time && epoch < epochs {
            let epochs = match self.input.config.patience() {
                1 => "1 epoch".to_owned(),
                patience => format!("{patience} epochs"),
            };
            self.input.progress.note(format!("stopped after epoch {epoch}: no improvement in {epochs}"));
        }
    }

    fn finish(self) -> Result<Fitted> {
        self.tell_end();
        self.tell_waiting();
        let last = self.candidate().to_weights();
        let best = self.best.as_ref().map_or_else(|| last.clone(), Parameters::to_weights);
        let period = self.input.config.save_period;
        let epochs = (1..=self.position.epoch).filter(|epoch| period > 0 && epoch.is_multiple_of(period));
        let kept = epochs.map(|epoch| (epoch, self.kept(epoch))).collect();
        let Position { history, hits, .. } = self.position;
        Ok(Fitted { best, last, kept, history, hits })
    }
}

/// The schedule but for its length, and the optimizer, in words.
fn terms(schedule: &Schedule, rule: Rule, decay: f64) -> String {
    format!("{:?} {rule:?} {decay:?}", Schedule { epochs: 0, ..schedule.clone() })
}

/// Those of the weights to start from where they fit, fresh ones elsewhere.
fn first_parameters(input: &FitInput<'_>, computation: &Computation, frozen: BTreeSet<String>) -> Parameters {
    let none = Weights::new();
    let weights = completed(computation, input.start.unwrap_or(&none), input.seed);
    let layout = Arc::new(Layout::new(&computation.shapes(), frozen));
    Parameters::from_weights(layout, &weights, input.device)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        data::{
            Index, Sample,
            source::{Folder, Location},
            transform::TrainOp,
        },
        progress::{Stop, Update},
    };

    /// Four pictures of two classes to learn, and four to validate on.
    fn pictures(folder: &Path) -> Dataset {
        let sample = |split: &str, i: usize| {
            let path = format!("{split}{i}.png");
            let pixel = |x, y| Rgb([(x * 8) as u8, (y * 8) as u8, (i * 60) as u8]);
            RgbImage::from_fn(32, 32, pixel).save(folder.join(&path)).unwrap();
            let size = std::fs::metadata(folder.join(&path)).unwrap().len();
            Sample { location: Location::File(path), class: i % 2, size, digest: String::new() }
        };
        let split = |name| (0..4).map(|i| sample(name, i)).collect();
        let classes = ["ant", "bee"].map(ToOwned::to_owned).to_vec();
        let index = Index { classes, train: split("train"), val: split("val"), ..Index::default() };
        Dataset::new(Folder::new(folder), index)
    }

    /// Gives `work` an input of `config` on a tiny network and a few pictures; it is asked to stop after `reports`.
    pub(in crate::train) fn with_input<T>(
        config: &TrainConfig,
        train: Vec<TrainOp>,
        scratch: &Path,
        reports: usize,
        work: impl FnOnce(&FitInput<'_>) -> T,
    ) -> T {
        let yaml = include_str!("../../tests/fixtures/weights/yolo11n-cls-tiny.yaml");
        let (folder, stop, seen) = (tempfile::tempdir().unwrap(), Stop::default(), Mutex::new(0));
        let sink = |update| {
            if matches!(update, Update::Step { .. }) {
                *seen.lock().unwrap() += 1;
                if *seen.lock().unwrap() == reports {
                    stop.request();
                }
            }
        };
        work(&FitInput {
            arch: &Arch::parse("tiny", yaml, 2).unwrap(),
            start: None,
            dataset: &pictures(folder.path()),
            transforms: &Transforms { size: 32, train, ..Transforms::default() },
            config,
            batch: 2,
            seed: 3,
            device: &Device::flex(),
            others: &[],
            threads: 1,
            cache: false,
            scratch,
            progress: Progress::new(&sink, &stop),
        })
    }
}
