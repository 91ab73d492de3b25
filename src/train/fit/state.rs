//! What a run leaves on the disk while it goes on: its state, to go on from, and the weights that `save_period` asks for.

use std::{path::PathBuf, time::Instant};

use burn::tensor::Tensor;

use super::Fit;
use crate::{
    error::Result,
    network::parameters::to_vec,
    train::{
        checkpoint::{Checkpoint, Position, TrainState},
        ema::Ema,
    },
    weights::{self, ModelFile},
};

impl Fit<'_> {
    /// Goes on from a checkpoint: of this run, or of a shorter one that did the same up to there.
    pub(super) fn resume_if_it_fits(&mut self, checkpoint: Checkpoint) {
        let Position { epochs, ref terms, .. } = checkpoint.now.position;
        let own = self.input.config.time.is_some() || epochs == self.position.epochs;
        if own || *terms == self.position.terms {
            self.resume(checkpoint);
        } else {
            self.input.progress.note(format!(
                "begins anew: a run of {epochs} epochs has another optimizer, other rates or larger steps with so many images"
            ));
        }
    }

    fn resume(&mut self, checkpoint: Checkpoint) {
        let length = self.position.epochs;
        (self.start, self.best) = (checkpoint.start, checkpoint.best);
        self.restore(checkpoint.now);
        if self.input.config.time.is_none() {
            self.position.epochs = length;
            self.reschedule();
        }
        if !self.is_done() {
            let Position { epoch, epochs, batch, .. } = self.position;
            let note = format!("continues in epoch {}/{epochs}, batch {}", epoch + 1, batch + 1);
            self.input.progress.note(note);
        }
    }

    /// Writes where the run ended, if a longer one can go on from there.
    pub(super) fn keep_end(&mut self) -> Result<()> {
        let epochs = self.position.epochs as u64;
        if self.input.config.time.is_some() || self.input.config.goes_on_from(epochs).is_err() {
            return Ok(());
        }
        self.save()
    }

    /// Takes a state that [`Self::state`] gave.
    pub(super) fn restore(&mut self, state: TrainState) {
        let TrainState { position, parameters, ema, gradient, moments } = state;
        self.optimizer.resume(position.optimizer_steps, moments);
        self.losses = Tensor::from_floats([position.loss], self.input.device);
        (self.parameters, self.ema, self.gradient, self.position) = (parameters, ema, gradient, position);
        self.reschedule();
    }

    /// All that decides how the run goes on.
    pub(super) fn state(&self) -> TrainState {
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

    /// Writes a checkpoint.
    pub(super) fn save(&mut self) -> Result<()> {
        let mut now = self.state();
        now.position.loss = to_vec(self.losses.clone())[0];
        now.position.seconds = self.seconds();
        let start = self.start.clone().filter(|_| now.position.batch > 0);
        Checkpoint { now, start, best: self.best.clone() }.save(self.input.scratch)?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Writes the weights of this epoch if `save_period` asks for them.
    pub(super) fn keep(&self) -> Result<()> {
        let epoch = self.position.epoch;
        let period = self.input.config.save_period;
        if period == 0 || !epoch.is_multiple_of(period) {
            return Ok(());
        }
        let weights = self.candidate().to_weights();
        weights::write(&self.kept(epoch), &ModelFile { weights, ..ModelFile::default() })
    }

    /// Where the weights after `epoch` epochs are kept.
    pub(super) fn kept(&self, epoch: usize) -> PathBuf {
        self.input.scratch.join(format!("epoch{epoch}.safetensors"))
    }
}
