//! The training loop.
//!
//! A micro-batch gives gradients; a few of them summed make an optimizer step; an epoch ends with the
//! validation of the average network and a checkpoint. Everything that decides the result is a
//! function of (config, seed, data), so a run that was stopped and resumed at any point ends with the
//! same bytes as one that was not. The one exception is a `time` budget, which the clock decides.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use burn::tensor::{Device, Tensor};

use super::{
    TrainConfig, batch_norm_check,
    checkpoint::{Checkpoint, Position, State},
    dropout,
    ema::Ema,
    grad_scaler::Scaler,
    history::{EpochRecord, History, Scores},
    loss::Loss,
    optimizer::{Optimizer, Rates, Rule, clip_norm},
    out_of_memory,
    schedule::Schedule,
    subset::fraction,
    validate::{Validated, validate},
};
use crate::{
    arch::{Arch, Computation},
    data::{
        Batch, Dataset, Index, Sample, Split,
        loader::{Loader, Mode},
        transform::Transforms,
    },
    error::{Error, Result},
    eval::{
        classes::{Classes, Hits, shown_share},
        classifier::images,
    },
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

/// How often a run goes back and tries again when its loss is not a number, as in the reference.
const RECOVERIES: u32 = 3;
/// What the learning rate is multiplied by at each of them.
const SLOWER: f64 = 0.5;
/// How much work at most is done twice after a crash, besides the epoch that was going on.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Decoded images are kept up to this many bytes.
const CACHE: u64 = 2 << 30;

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
/// If the config does not fit the dataset or the network, an image can't be read, a checkpoint can't be
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
    start: Option<State>,
    best: Option<Parameters>,
    begun: Instant,
    saved: Instant,
}

impl<'a> Fit<'a> {
    fn new(input: &'a FitInput<'a>) -> Result<Self> {
        let config = input.config;
        let dataset = fraction(input.dataset, config.fraction);
        tell_fraction(input, &dataset);
        let frozen = config.freeze.resolve(input.arch)?;
        let loss = Loss {
            classes: input.arch.classes,
            smoothing: config.label_smoothing,
            weights: config.class_weights.resolve(&dataset.index)?,
            gamma: config.focal_gamma,
        };
        let (train, val) = loaders(input, &dataset)?;
        tell_validation(&input.dataset.index, &input.progress);
        let (schedule, rule, decay) = config.resolve(train.len(), input.arch.classes);
        let network = Network::new(Computation::of(input.arch));
        let parameters = first_parameters(input, network.computation(), frozen);
        let scaler = Scaler::of(config.precision);
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
            position: Position { last_opt_step: -1, epochs: config.epochs, scaler, ..Position::default() },
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

    fn restore(&mut self, state: State) {
        let State { position, parameters, ema, gradient, moments } = state;
        self.optimizer.resume(position.optimizer_steps, moments);
        self.losses = Tensor::from_floats([position.loss], self.input.device);
        (self.parameters, self.ema, self.gradient, self.position) = (parameters, ema, gradient, position);
        self.reschedule();
    }

    fn state(&self) -> State {
        let mut position = self.position.clone();
        position.optimizer_steps = self.optimizer.steps();
        position.updates = self.ema.as_ref().map_or(0, Ema::updates);
        State {
            position,
            parameters: self.parameters.clone(),
            ema: self.ema.clone(),
            gradient: self.gradient.clone(),
            moments: self.optimizer.moments().to_vec(),
        }
    }

    /// The schedule for as many epochs and recoveries as there are by now.
    fn reschedule(&mut self) {
        let (schedule, _, _) = self.input.config.resolve(self.train.len(), self.input.arch.classes);
        let slowed = schedule.slowed(SLOWER.powi(self.position.recoveries as i32));
        self.schedule = Schedule { epochs: self.position.epochs, ..slowed };
    }

    fn is_done(&self) -> bool {
        let Position { epoch, epochs, out_of_time, ref history, .. } = self.position;
        let tired = epoch
            .checked_sub(1)
            .is_some_and(|last| history.out_of_patience(last, self.input.config.patience));
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
        let done = (self.position.batch * self.input.config.batch).min(self.train.len());
        self.input.progress.step(stage, done, self.train.len(), "images");
    }

    fn train_step_guarded(&mut self, batch: Batch) -> Result<()> {
        out_of_memory::guard(batch.len(), batch.size, || self.train_step(batch))
    }

    /// One micro-batch: forward, backward, and an optimizer step when it is time.
    fn train_step(&mut self, mut batch: Batch) {
        let targets =
            self.input.config.mix.apply(&mut batch, self.input.arch.classes, &mut self.random("mix"));
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
            self.position.out_of_time = self.is_spent();
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
            let rates = self.rates();
            self.optimizer.step(&mut self.parameters, gradient, rates);
        }
        if let Some(ema) = &mut self.ema {
            ema.update(&self.parameters);
        }
    }

    fn rates(&self) -> Rates {
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
        self.input.progress.note(line(self.position.epoch + 1, self.position.epochs, &epoch, self.val.len()));
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
        let TrainConfig { val_period, patience, .. } = *self.input.config;
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

    /// Goes back to the start of the epoch, to do it again at a lower rate: at the same one, it would end the
    /// same way.
    fn recover(&mut self) -> Result<()> {
        let (epoch, recoveries) = (self.position.epoch + 1, self.position.recoveries + 1);
        let Some(start) = self.start.clone().filter(|_| recoveries <= RECOVERIES) else {
            return Err(Error::new(format!("training diverged: the loss of epoch {epoch} is not a number"))
                .help("lower `lr0` (with an optimizer of your choice, e.g. `adamw`: `auto` takes none), or raise `warmup_epochs`"));
        };
        self.input.progress.warn(format!(
            "the loss of epoch {epoch} is not a number; the epoch is done again, from here on at half the learning rate"
        ));
        let seconds = self.position.seconds;
        self.restore(start);
        (self.position.recoveries, self.position.seconds) = (recoveries, seconds);
        self.reschedule();
        Ok(())
    }

    /// With a `time` budget: as many epochs as fit into it, going by those so far.
    fn estimate_epochs(&mut self) {
        if let Some(budget) = self.budget() {
            self.position.epochs = epochs_within(budget, self.seconds(), self.position.epoch + 1);
            self.reschedule();
        }
    }

    fn is_spent(&self) -> bool {
        self.budget().is_some_and(|budget| self.seconds() >= budget)
    }

    /// In seconds.
    fn budget(&self) -> Option<f64> {
        self.input.config.time.map(|hours| hours * 3600.0)
    }

    fn seconds(&self) -> f64 {
        self.position.seconds + self.begun.elapsed().as_secs_f64()
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
            let epochs = match self.input.config.patience {
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

/// How many epochs begin within `budget` seconds, going by the `done` ones that took `seconds`.
fn epochs_within(budget: f64, seconds: f64, done: usize) -> usize {
    ((budget / (seconds / done as f64)).ceil() as usize).max(done)
}

/// Says how many images a `fraction` leaves, and whether classes go with the others.
fn tell_fraction(input: &FitInput<'_>, part: &Dataset) {
    let (all, used) = (&input.dataset.index, &part.index.train);
    if used.len() == all.train.len() {
        return;
    }
    input.progress.note(format!("learns from {} of {} images", used.len(), all.train.len()));
    let classes =
        |samples: &[Sample]| samples.iter().map(|sample| sample.class).collect::<BTreeSet<_>>().len();
    let (left, there) = (classes(used), classes(&all.train));
    if left < there {
        input.progress.warn(format!("`fraction` leaves images of only {left} of the {there} classes"));
    }
}

/// Says what the scores of all epochs rest on.
fn tell_validation(index: &Index, progress: &Progress<'_>) {
    let split = validates(index);
    if split == Split::Test {
        progress.warn("the dataset has no val images; its test images choose the best epoch");
    }
    let hits = index.counts(split).into_iter().map(|images| Hits { images: images as u64, right: 0 });
    let hits: Vec<Hits> = hits.collect();
    progress.note(format!("validates on {}", Classes::new(&index.classes, &hits).ground()));
}

/// The split whose images choose the best epoch.
fn validates(index: &Index) -> Split {
    if index.val.is_empty() { Split::Test } else { Split::Val }
}

fn loaders(input: &FitInput<'_>, dataset: &Dataset) -> Result<(Loader, Loader)> {
    let index = &dataset.index;
    if index.train.is_empty() {
        return Err(Error::new("the dataset has no training images"));
    }
    let split = validates(index);
    if index.split(split).is_empty() {
        return Err(Error::new("the dataset has no images to validate on").help(
            "add a val folder; or use class folders without splits, with at least two images each, and a `val_fraction` above 0",
        ));
    }
    let batch = input.config.batch;
    batch_norm_check::check(input.arch, index.train.len(), batch, input.transforms.size)?;
    let cache = if input.cache { CACHE } else { 0 };
    let make = |split, mode, batch| {
        Loader::new(dataset, split, input.transforms, mode, batch, input.threads).with_cache(cache)
    };
    Ok((make(Split::Train, Mode::Train { seed: input.seed }, batch), make(split, Mode::Eval, 2 * batch)))
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

/// An epoch as people read it; `images` is how many validate.
fn line(epoch: usize, epochs: usize, measured: &EpochRecord, images: usize) -> String {
    let mut line = format!("epoch {epoch}/{epochs}  train loss {:.4}", measured.train_loss);
    let share = |share| shown_share(share, images as u64);
    if let Some(Scores { top1, top5, loss }) = measured.scores {
        line.push_str(&format!("  val loss {loss:.4}  top-1 {}", share(top1)));
        line.extend(top5.map(|top5| format!("  top-5 {}", share(top5))));
    }
    line
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::{
        data::{
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

    /// Gives `work` a input of `config` on a tiny network and a few pictures; it is asked to stop after `reports`.
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
    fn an_epoch_reads_like_this() {
        let epoch = |scores| EpochRecord { seconds: 1.0, train_loss: 2.32871, scores, rates: Vec::new() };
        let scores = Scores { top1: 0.9213, top5: Some(0.999_99), loss: 0.774_62 };
        let few = Scores { top5: None, ..scores };
        let lines = [None, Some(scores), Some(few)].map(|scores| line(3, 100, &epoch(scores), 10_000));
        insta::assert_snapshot!(lines.join("\n"), @r"
        epoch 3/100  train loss 2.3287
        epoch 3/100  train loss 2.3287  val loss 0.7746  top-1 0.9213  top-5 0.9999
        epoch 3/100  train loss 2.3287  val loss 0.7746  top-1 0.9213
        ");
    }

    #[test]
    fn what_validates_is_told_and_test_images_are_warned_of() {
        let sample =
            |class| Sample { location: Location::File(String::new()), class, size: 1, digest: String::new() };
        let classes = ["ant", "bee"].map(ToOwned::to_owned).to_vec();
        let mut index = Index { classes, val: [0, 1, 1].map(sample).to_vec(), ..Index::default() };
        let told = |index: &Index| {
            let said = Mutex::new(Vec::new());
            let sink = |update| said.lock().unwrap().push(update);
            tell_validation(index, &Progress::new(&sink, &Stop::default()));
            said.into_inner().unwrap()
        };
        let note =
            "validates on 3 images of 2 classes: bee 2, ant 1; the largest class alone gives top-1 0.667";
        assert_eq!(told(&index), [Update::Note(note.into())]);
        std::mem::swap(&mut index.val, &mut index.test);
        let warning = "the dataset has no val images; its test images choose the best epoch";
        assert_eq!(told(&index), [Update::Warning(warning.into()), Update::Note(note.into())]);
    }

    #[test]
    fn an_epoch_that_begins_within_the_budget_is_counted() {
        assert_eq!(epochs_within(10.0, 4.0, 2), 5);
        assert_eq!(epochs_within(10.1, 4.0, 2), 6);
        assert_eq!(epochs_within(1.0, 4.0, 2), 2);
    }

    #[test]
    fn a_clip_of_zero_clips_nothing() {
        let last = |clip| {
            let config = TrainConfig { clip, batch: 2, epochs: 1, ..TrainConfig::default() };
            let scratch = tempfile::tempdir().unwrap();
            with_input(&config, vec![TrainOp::Squash(Default::default())], scratch.path(), usize::MAX, fit)
                .unwrap()
                .last
        };
        assert!(last(0.0) == last(1e9));
        assert!(last(0.0) != last(1e-3));
    }

    #[test]
    fn the_time_of_earlier_attempts_is_spent() {
        let config = TrainConfig { batch: 2, time: Some(5.0), ..TrainConfig::default() };
        let scratch = tempfile::tempdir().unwrap();
        let train = || vec![TrainOp::Squash(Default::default())];
        assert!(with_input(&config, train(), scratch.path(), 1, fit).is_err());
        let load = |input: &FitInput<'_>| {
            let layout = Layout::new(&Computation::of(input.arch).shapes(), BTreeSet::new());
            Checkpoint::load(scratch.path(), &Arc::new(layout), input.device).unwrap().unwrap()
        };
        let mut checkpoint = with_input(&config, train(), scratch.path(), 0, load);
        assert!(checkpoint.now.position.seconds > 0.0);
        checkpoint.now.position.seconds = 5.0 * 3600.0;
        checkpoint.save(scratch.path()).unwrap();
        let fitted = with_input(&config, train(), scratch.path(), usize::MAX, fit).unwrap();
        let seconds: Vec<f64> = fitted.history.0.iter().map(|epoch| epoch.seconds).collect();
        assert!(matches!(seconds[..], [only] if (18_000.0..18_600.0).contains(&only)), "{seconds:?}");
    }
}
