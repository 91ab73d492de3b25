//! The training loop.
//!
//! A micro-batch gives gradients; a few of them summed make an optimizer step; an epoch ends with the
//! validation of the average network and a checkpoint. Everything that decides the result is a
//! function of (configuration, seed, data), so a run that was stopped and resumed at any point ends with the
//! same bytes as one that was not. The one exception is a `time` budget, which the clock decides.

mod loaders;
mod recovery;
mod time_budget;

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
    dropout,
    ema::Ema,
    grad_scaler::GradScaler,
    history::{EpochRecord, History},
    loss::Loss,
    optimizer::{Optimizer, Rates, Rule, clip_norm},
    out_of_memory,
    schedule::Schedule,
    subset::subset,
    validate::{Validated, validate},
};
use crate::{
    arch::{Arch, Computation},
    data::{Batch, Dataset, loader::Loader, transform::Transforms},
    error::{Error, Result},
    eval::{classes::Hits, classifier::images},
    network::{
        Network, Parameters,
        gradients::{Pass, pass},
        layout::Layout,
        parameters::to_vec,
    },
    progress::Progress,
    random::Random,
    weights::{self, ModelFile, Weights, completed},
};

/// How much work at most is done twice after a crash, besides the epoch that was going on.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// What to fit, to what, and how.
pub struct FitInput<'a> {
    /// The network's plan.
    pub arch: &'a Arch,
    /// Weights to start from, by name; fresh ones where they lack.
    pub start: Option<&'a Weights>,
    /// What to learn.
    pub dataset: &'a Dataset,
    /// What happens to the images before the network sees them.
    pub transforms: &'a Transforms,
    /// How to learn it.
    pub config: &'a TrainConfig,
    /// Images per micro-batch: what the configuration's `batch` comes to ([`super::BatchSize::resolve`]).
    pub batch: usize,
    /// Decides fresh weights, the order of the images and the augmentation.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
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
            position: Position { last_opt_step: -1, epochs: config.epochs(), scaler, ..Position::default() },
            start: None,
            best: None,
            begun: now,
            saved: now,
        };
        if let Some(checkpoint) = Checkpoint::load(input.scratch, &fit.parameters.layout, input.device)? {
            fit.resume(checkpoint);
        }
        Ok(fit)
    }

    fn resume(&mut self, checkpoint: Checkpoint) {
        let Position { epoch, epochs, batch, .. } = checkpoint.now.position;
        self.input.progress.note(format!("continues in epoch {}/{epochs}, batch {}", epoch + 1, batch + 1));
        (self.start, self.best) = (checkpoint.start, checkpoint.best);
        self.restore(checkpoint.now);
    }

    fn restore(&mut self, state: TrainState) {
        let TrainState { position, parameters, ema, gradient, moments } = state;
        self.optimizer.resume(position.optimizer_steps, moments);
        self.losses = Tensor::from_floats([position.loss], self.input.device);
        (self.parameters, self.ema, self.gradient, self.position) = (parameters, ema, gradient, position);
        self.reschedule();
    }

    fn state(&self) -> TrainState {
        let mut position = self.position.clone();
        position.optimizer_steps = self.optimizer.steps();
        position.updates = self.ema.as_ref().map_or(0, Ema::updates);
        TrainState {
            position,
            parameters: self.parameters.clone(),
            ema: self.ema.clone(),
            gradient: self.gradient.clone(),
            moments: self.optimizer.moments().to_vec(),
        }
    }

    fn is_done(&self) -> bool {
        let Position { epoch, epochs, out_of_time, ref history, .. } = self.position;
        let tired = epoch
            .checked_sub(1)
            .is_some_and(|last| history.out_of_patience(last, self.input.config.patience()));
        out_of_time || epoch >= epochs || tired
    }

    fn train_epoch(&mut self) -> Result<()> {
        let epoch = self.position.epoch;
        if self.position.batch == 0 {
            self.start = Some(self.state());
        }
        for batch in self.train.epoch_from(epoch as u64, self.position.batch) {
            if self.input.progress.stopped() {
                self.save()?;
                return Err(Error::interrupted());
            }
            if self.position.out_of_time {
                break;
            }
            self.train_step_guarded(batch?)?;
            self.report();
        }
        Ok(())
    }

    fn report(&self) {
        let stage = format!("epoch {}/{}", self.position.epoch + 1, self.position.epochs);
        let done = (self.position.batch * self.input.batch).min(self.train.len());
        self.input.progress.step(stage, done, self.train.len(), "images");
    }

    fn train_step_guarded(&mut self, batch: Batch) -> Result<()> {
        out_of_memory::guard(batch.len(), batch.size, || self.train_step(batch))
    }

    /// One micro-batch: forward, backward, and an optimizer step when it is time.
    fn train_step(&mut self, mut batch: Batch) {
        let targets =
            self.input.config.mix().apply(&mut batch, self.input.arch.classes, &mut self.random("mix"));
        let mask = self.dropout(batch.len());
        let images = self.input.config.precision.of(images(batch, self.input.device));
        let Pass { gradient, statistics } = pass(&self.network, &self.parameters, images, mask, |logits| {
            let loss = self.loss.of(logits, &targets);
            self.losses = self.losses.clone() + loss.clone().inner();
            match &self.position.scaler {
                Some(scaler) => scaler.scale(loss),
                None => loss,
            }
        });
        self.parameters.set_statistics(statistics);
        self.gradient = Some(summed(self.gradient.take(), gradient));
        let Position { step, last_opt_step, .. } = self.position;
        if step as isize - last_opt_step >= self.schedule.accumulation_at(step) as isize {
            self.position.last_opt_step = step as isize;
            self.optimizer_step();
            self.position.out_of_time = self.is_out_of_time();
        }
        self.position.step += 1;
        self.position.batch += 1;
    }

    /// The random numbers of this micro-batch for `purpose`.
    fn random(&self, purpose: &str) -> Random {
        let Position { epoch, batch, .. } = self.position;
        Random::new(purpose, &[self.input.seed, epoch as u64, batch as u64])
    }

    fn dropout(&self, batch: usize) -> Option<Tensor<2>> {
        let p = self.input.config.dropout;
        (p > 0.0).then(|| dropout::mask(p, batch, &mut self.random("dropout"), self.input.device))
    }

    fn optimizer_step(&mut self) {
        let Some(mut gradient) = self.gradient.take() else { return };
        let mut usable = true;
        if let Some(scaler) = &mut self.position.scaler {
            (gradient, usable) = scaler.unscale(gradient);
        }
        if self.input.config.clip > 0.0 {
            gradient = clip_norm(gradient, self.input.config.clip);
        }
        if usable {
            let rates = self.learning_rates();
            self.optimizer.step(&mut self.parameters, gradient, rates);
        }
        if let Some(ema) = &mut self.ema {
            ema.update(&self.parameters);
        }
    }

    fn learning_rates(&self) -> Rates {
        let Position { step, epoch, .. } = self.position;
        Rates {
            rate: self.schedule.rate(step, epoch),
            bias_rate: self.schedule.bias_rate(step, epoch),
            momentum: self.schedule.momentum(step),
        }
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

    /// What was measured in this epoch, and the images of each class that were named right if it was validated; nothing
    /// if a loss is not a number.
    fn measure(&self) -> Result<Option<(EpochRecord, Vec<Hits>)>> {
        let train_loss = f64::from(to_vec(self.losses.clone())[0]) / self.position.batch as f64;
        if !train_loss.is_finite() {
            return Ok(None);
        }
        let (scores, hits) = match self.is_validated() {
            true => match self.validate()? {
                None => return Ok(None),
                Some(Validated { scores, hits }) => (Some(scores), hits),
            },
            false => (None, Vec::new()),
        };
        // The rates of the epoch's last micro-batch.
        let Position { step, epoch, .. } = self.position;
        let rates = self.schedule.groups(step - 1, epoch, self.rule == Rule::MuSgd);
        Ok(Some((EpochRecord { seconds: self.seconds(), train_loss, scores, rates }, hits)))
    }

    /// Whether it is this epoch's turn, or the run may end with it.
    fn is_validated(&self) -> bool {
        let (val_period, patience) = (self.input.config.val_period, self.input.config.patience());
        let Position { epoch, epochs, out_of_time, ref history, .. } = self.position;
        let turn = val_period > 0 && (epoch + 1).is_multiple_of(val_period);
        turn || out_of_time || epoch + 1 >= epochs || history.out_of_patience(epoch, patience)
    }

    fn validate(&self) -> Result<Option<Validated>> {
        let FitInput { device, progress, .. } = self.input;
        validate(self.network.computation(), &self.candidate().to_weights(), &self.val, device, progress)
    }

    /// What is validated and kept: the average, or the network itself.
    fn candidate(&self) -> Parameters {
        self.ema.as_ref().map_or(&self.parameters, Ema::average).clone()
    }

    /// Writes the weights of this epoch if `save_period` asks for them.
    fn keep(&self) -> Result<()> {
        let epoch = self.position.epoch;
        let period = self.input.config.save_period;
        if period == 0 || !epoch.is_multiple_of(period) {
            return Ok(());
        }
        let weights = self.candidate().to_weights();
        weights::write(&self.kept(epoch), &ModelFile { weights, ..ModelFile::default() })
    }

    fn kept(&self, epoch: usize) -> PathBuf {
        self.input.scratch.join(format!("epoch{epoch}.safetensors"))
    }

    fn save(&mut self) -> Result<()> {
        let mut now = self.state();
        now.position.loss = to_vec(self.losses.clone())[0];
        now.position.seconds = self.seconds();
        let start = self.start.clone().filter(|_| now.position.batch > 0);
        Checkpoint { now, start, best: self.best.clone() }.save(self.input.scratch)?;
        self.saved = Instant::now();
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
        let last = self.candidate().to_weights();
        let best = self.best.as_ref().map_or_else(|| last.clone(), Parameters::to_weights);
        let period = self.input.config.save_period;
        let epochs = (1..=self.position.epoch).filter(|epoch| period > 0 && epoch.is_multiple_of(period));
        let kept = epochs.map(|epoch| (epoch, self.kept(epoch))).collect();
        let Position { history, hits, .. } = self.position;
        Ok(Fitted { best, last, kept, history, hits })
    }
}

/// Those of the weights to start from where they fit, fresh ones elsewhere.
fn first_parameters(input: &FitInput<'_>, computation: &Computation, frozen: BTreeSet<String>) -> Parameters {
    let none = Weights::new();
    let weights = completed(computation, input.start.unwrap_or(&none), input.seed);
    let layout = Arc::new(Layout::new(&computation.shapes(), frozen));
    Parameters::from_weights(layout, &weights, input.device)
}

/// A micro-batch's gradient and those that wait: summed, not averaged, as in the reference.
fn summed(waiting: Option<Tensor<1>>, gradient: Tensor<1>) -> Tensor<1> {
    match waiting {
        Some(waiting) => waiting + gradient,
        None => gradient,
    }
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
            threads: 1,
            cache: false,
            scratch,
            progress: Progress::new(&sink, &stop),
        })
    }

    #[test]
    fn gradients_of_micro_batches_are_summed() {
        let gradient = |values: [f32; 2]| Tensor::from_floats(values, &Device::flex());
        let first = summed(None, gradient([1.0, 2.0]));
        assert_eq!(to_vec(first.clone()), [1.0, 2.0]);
        assert_eq!(to_vec(summed(Some(first), gradient([3.0, -5.0]))), [4.0, -3.0]);
    }

    #[test]
    fn a_clip_of_zero_clips_nothing() {
        let last = |clip| {
            let config = TrainConfig { clip, epochs: Some(1), ..TrainConfig::default() };
            let scratch = tempfile::tempdir().unwrap();
            with_input(&config, vec![TrainOp::Squash(Default::default())], scratch.path(), usize::MAX, fit)
                .unwrap()
                .last
        };
        assert!(last(0.0) == last(1e9));
        assert!(last(0.0) != last(1e-3));
    }
}
