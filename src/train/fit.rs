//! The training loop.
//!
//! A micro-batch gives gradients; a few of them summed make an optimizer step; an epoch ends with the
//! validation of the average network and a checkpoint. Everything that decides the result is a
//! function of (recipe, seed, data), so a run that was stopped and resumed at any point ends with the
//! same bytes as one that was not.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Device, Gradients as Backward, Tensor},
};

use super::{
    Recipe,
    checkpoint::{Checkpoint, Position},
    ema::Ema,
    history::{Epoch, History, to_five},
    loss::cross_entropy,
    optimizer::{Gradients, Optimizer, Rates, clip_norm},
    schedule::Schedule,
};
use crate::{
    data::{
        Batch, Dataset, Split,
        loader::{Loader, Mode},
        transform::Transforms,
    },
    error::{Error, Result},
    eval::{classifier::images, metrics::Tally},
    progress::Progress,
    zoo::{
        Arch, Builder, Network, Parameters, fold,
        parameters::{self, Path as Name, to_vec},
        weights::Weights,
    },
};

/// The joint L2 norm that gradients are clipped to (section 6.6).
const CLIP: f64 = 10.0;
/// How much work at most is done twice after a crash, besides the epoch that was going on.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Decoded images are kept up to this many bytes.
const CACHE: u64 = 2 << 30;

/// What to fit, to what, and how.
pub struct Job<'a> {
    /// The network's plan.
    pub arch: &'a Arch,
    /// Weights to start from, by name; fresh ones where they lack.
    pub start: Option<&'a Weights>,
    /// What to learn.
    pub dataset: &'a Dataset,
    /// What happens to the images before the network sees them.
    pub transforms: &'a Transforms,
    /// How to learn it.
    pub recipe: &'a Recipe,
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
    /// The average network at its best epoch.
    pub best: Weights,
    /// The average network after the last epoch.
    pub last: Weights,
    /// What was measured after each epoch.
    pub history: History,
}

/// Fits a network, continuing from the checkpoint in the job's scratch folder if there is one.
///
/// # Errors
/// If an image can't be read, a checkpoint can't be written, the loss stops being a number, or the
/// user asks to stop; the checkpoint holds all work in that last case.
pub fn fit(job: &Job<'_>) -> Result<Fitted> {
    let mut fit = Fit::new(job)?;
    while fit.position.epoch < job.recipe.epochs && !fit.position.history.out_of_patience(job.recipe.patience)
    {
        fit.train_epoch()?;
        fit.close_epoch()?;
    }
    Ok(fit.finish())
}

struct Fit<'a> {
    job: &'a Job<'a>,
    schedule: Schedule,
    train: Loader,
    val: Loader,
    /// The device that records what the gradients need.
    recording: Device,
    network: Network,
    optimizer: Optimizer,
    ema: Ema,
    gradients: Gradients,
    /// Sum of this epoch's losses, `[1]`, kept on the device.
    loss: Tensor<1>,
    best: Parameters,
    position: Position,
    begun: Instant,
    saved: Instant,
}

impl<'a> Fit<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self> {
        let (train, val) = loaders(job)?;
        let (schedule, rule, decay) = job.recipe.resolve(train.len(), job.arch.classes);
        let recording = job.device.clone().autodiff();
        let optimizer = Optimizer::new(rule, decay);
        let now = Instant::now();
        let network = first_network(job, &recording);
        let start = parameters::parameters(&network);
        let mut fit = Self {
            job,
            schedule,
            train,
            val,
            recording,
            network,
            optimizer,
            ema: Ema::new(start),
            gradients: Gradients::new(),
            loss: Tensor::zeros([1], job.device),
            best: Parameters::new(),
            position: Position { moved: -1, ..Position::default() },
            begun: now,
            saved: now,
        };
        if let Some(checkpoint) = Checkpoint::load(job.scratch, job.device)? {
            fit.resume(checkpoint);
        }
        Ok(fit)
    }

    fn resume(&mut self, checkpoint: Checkpoint) {
        let Checkpoint { position, network, ema, gradients, memory, best } = checkpoint;
        let (epoch, epochs) = (position.epoch + 1, self.job.recipe.epochs);
        self.job.progress.note(format!("continues in epoch {epoch}/{epochs}, batch {}", position.batch + 1));
        self.install(&network);
        self.optimizer = self.optimizer.clone().resumed(position.optimizer_steps, memory);
        self.loss = Tensor::from_floats([position.loss], self.job.device);
        (self.ema, self.gradients, self.best, self.position) = (ema, gradients, best, position);
    }

    fn install(&mut self, parameters: &Parameters) {
        self.network = Network::new(self.job.arch, &Builder::with_values(parameters, 0, &self.recording));
    }

    fn train_epoch(&mut self) -> Result<()> {
        let epoch = self.position.epoch;
        for batch in self.train.epoch_from(epoch as u64, self.position.batch) {
            if self.job.progress.stopped() {
                self.save()?;
                return Err(Error::interrupted());
            }
            self.learn(batch?);
            self.report();
        }
        Ok(())
    }

    fn report(&self) {
        let stage = format!("epoch {}/{}", self.position.epoch + 1, self.job.recipe.epochs);
        let done = (self.position.batch * self.job.recipe.batch).min(self.train.len());
        self.job.progress.step(stage, done, self.train.len(), "images");
    }

    /// One micro-batch: forward, backward, and an optimizer step when it is time.
    fn learn(&mut self, batch: Batch) {
        let targets = batch.targets.iter().map(|&class| class as i64).collect::<Vec<_>>();
        let targets = Tensor::from_ints(targets.as_slice(), &self.recording);
        let images = Tensor::from_inner(images(batch, self.job.device));
        let loss = cross_entropy(self.network.forward(images), targets);
        self.loss = self.loss.clone() + loss.clone().inner();
        self.gather(loss.backward());
        let Position { step, moved, .. } = self.position;
        if step as isize - moved >= self.schedule.accumulation_at(step) as isize {
            self.position.moved = step as isize;
            self.move_parameters();
        }
        self.position.step += 1;
        self.position.batch += 1;
    }

    /// Adds a micro-batch's gradients to those that wait: summed, not averaged, as in the reference.
    fn gather(&mut self, backward: Backward) {
        let gradients = std::mem::take(&mut self.gradients);
        let mut gather = Gather { name: Name::default(), backward, gradients };
        self.network.visit(&mut gather);
        self.gradients = gather.gradients;
    }

    fn move_parameters(&mut self) {
        let mut gradients = std::mem::take(&mut self.gradients);
        clip_norm(&mut gradients, CLIP);
        let mut parameters = parameters::parameters(&self.network);
        self.optimizer.step(&mut parameters, gradients, self.rates());
        self.ema.update(&parameters);
        self.install(&parameters);
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
        let epoch = match self.measure() {
            Err(error) if self.job.progress.stopped() => {
                self.save()?;
                return Err(error);
            }
            epoch => epoch?,
        };
        self.job.progress.note(line(self.position.epoch + 1, self.job.recipe.epochs, &epoch));
        self.position.history.0.push(epoch);
        if self.position.history.newest_is_best() {
            self.best = self.ema.average().clone();
        }
        self.position.epoch += 1;
        self.position.batch = 0;
        self.loss = self.loss.zeros_like();
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        Ok(())
    }

    fn measure(&self) -> Result<Epoch> {
        let train_loss = f64::from(to_vec(self.loss.clone())[0]) / self.train.batches() as f64;
        if !train_loss.is_finite() {
            let epoch = self.position.epoch + 1;
            return Err(Error::new(format!("training diverged: the loss of epoch {epoch} is not a number"))
                .help("lower `lr0`, or lengthen `warmup_epochs`"));
        }
        let (top1, top5, val_loss) = self.validate()?;
        // The rates of the epoch's last micro-batch.
        let Position { step, epoch, .. } = self.position;
        let (rate, bias) = (self.schedule.rate(step - 1, epoch), self.schedule.bias_rate(step - 1, epoch));
        Ok(Epoch { seconds: self.seconds(), train_loss, top1, top5, val_loss, rates: [rate, rate, bias] })
    }

    /// Top-1, top-5 and loss of the average network.
    fn validate(&self) -> Result<(f64, f64, f64)> {
        let average = fold(self.ema.average());
        let network = Network::new(self.job.arch, &Builder::with_values(&average, 0, self.job.device));
        let mut tally = Tally::new(self.job.arch.classes);
        let mut losses = 0.0;
        for batch in self.val.epoch(0) {
            self.job.progress.check()?;
            let mut batch = batch?;
            let targets = std::mem::take(&mut batch.targets);
            let logits = to_vec(network.forward(images(batch, self.job.device)));
            tally.add_all(&logits, &targets);
            losses += mean_loss(&logits, &targets);
        }
        Ok((to_five(tally.top(1)), to_five(tally.top(5)), losses / self.val.batches() as f64))
    }

    fn seconds(&self) -> f64 {
        self.position.seconds + self.begun.elapsed().as_secs_f64()
    }

    fn save(&mut self) -> Result<()> {
        let mut position = self.position.clone();
        position.loss = to_vec(self.loss.clone())[0];
        position.seconds = self.seconds();
        position.optimizer_steps = self.optimizer.steps();
        position.updates = self.ema.updates();
        let checkpoint = Checkpoint {
            position,
            network: parameters::parameters(&self.network),
            ema: self.ema.clone(),
            gradients: self.gradients.clone(),
            memory: self.optimizer.memory().clone(),
            best: self.best.clone(),
        };
        checkpoint.save(self.job.scratch)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn finish(self) -> Fitted {
        let last = parameters::to_weights(self.ema.average());
        let best = if self.best.is_empty() { last.clone() } else { parameters::to_weights(&self.best) };
        Fitted { best, last, history: self.position.history }
    }
}

fn loaders(job: &Job<'_>) -> Result<(Loader, Loader)> {
    let index = &job.dataset.index;
    if index.train.is_empty() {
        return Err(Error::new("the dataset has no training images"));
    }
    let split = if index.val.is_empty() { Split::Test } else { Split::Val };
    if index.split(split).is_empty() {
        return Err(Error::new("the dataset has no images to validate on").help(
            "add a val folder, or leave out the train folder so that a part of the images is held out",
        ));
    }
    let cache = if job.cache { CACHE } else { 0 };
    let make = |split, mode, batch| {
        Loader::new(job.dataset, split, job.transforms, mode, batch, job.threads).with_cache(cache)
    };
    let batch = job.recipe.batch;
    Ok((make(Split::Train, Mode::Train { seed: job.seed }, batch), make(split, Mode::Eval, 2 * batch)))
}

fn first_network(job: &Job<'_>, device: &Device) -> Network {
    match job.start {
        Some(weights) => {
            let values = parameters::from_weights(weights, job.device);
            Network::new(job.arch, &Builder::with_values(&values, job.seed, device))
        }
        None => Network::new(job.arch, &Builder::fresh(job.seed, device)),
    }
}

fn mean_loss(logits: &[f32], targets: &[usize]) -> f64 {
    let rows = logits.chunks_exact(logits.len() / targets.len());
    let sum: f64 =
        rows.zip(targets).map(|(row, &target)| crate::eval::metrics::cross_entropy(row, target)).sum();
    sum / targets.len() as f64
}

fn line(epoch: usize, epochs: usize, measured: &Epoch) -> String {
    let Epoch { train_loss, top1, top5, val_loss, .. } = measured;
    format!(
        "epoch {epoch}/{epochs}  train loss {train_loss:.4}  val loss {val_loss:.4}  top-1 {top1:.4}  top-5 {top5:.4}"
    )
}

struct Gather {
    name: Name,
    backward: Backward,
    gradients: Gradients,
}

impl ModuleVisitor for Gather {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.name.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.name.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let Some(gradient) = tensor.grad(&self.backward) else { return };
        let gradient = gradient.reshape([tensor.dims().iter().product::<usize>()]);
        let name = self.name.name();
        let sum = match self.gradients.remove(&name) {
            Some(waiting) => waiting + gradient,
            None => gradient,
        };
        self.gradients.insert(name, sum);
    }
}
