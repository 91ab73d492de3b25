//! Micro-batches that go through the network side by side, one on each device.
//!
//! All that an optimizer step sums up are seen by the same parameters, so that it does not matter whether one comes after
//! the other: what they say is put together in their order, and the bytes are those of one device.

use std::{panic::resume_unwind, thread};

use burn::tensor::{Device, Tensor};

use super::{Fit, FitInput, ahead::Ready};
use crate::{
    network::{
        Network, Parameters,
        gradients::{Pass, pass},
    },
    random::Random,
    train::{checkpoint::Position, dropout, grad_scaler::GradScaler, loss::Loss},
};

/// As much as a main thread has.
const STACK: usize = 8 << 20;

/// What a micro-batch says about the network.
pub(super) struct Said {
    /// `[1]`.
    pub loss: Tensor<1>,
    pub pass: Pass,
}

/// What all micro-batches of a turn share.
#[derive(Clone, Copy)]
struct Turn<'a> {
    input: &'a FitInput<'a>,
    network: &'a Network,
    parameters: &'a Parameters,
    loss: &'a Loss,
    scaler: Option<&'a GradScaler>,
    epoch: usize,
}

impl Fit<'_> {
    /// How many micro-batches each turn has that is left of the epoch.
    pub(super) fn turns(&self) -> Vec<usize> {
        let Position { step, last_opt_step, batch, .. } = self.position;
        let left = self.train.batches().saturating_sub(batch);
        self.schedule.turns(step, last_opt_step, left, self.devices().count())
    }

    /// The devices, of which each has one micro-batch of a turn, in their order.
    pub(super) fn devices(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(self.input.device).chain(self.input.others)
    }

    /// What each micro-batch says, on the first device, in their order. The first is number `position.batch` of the
    /// epoch; there are no more of them than devices.
    pub(super) fn say(&self, batches: Vec<Ready>) -> Vec<Said> {
        let turn = Turn {
            input: self.input,
            network: &self.network,
            parameters: &self.parameters,
            loss: &self.loss,
            scaler: self.position.scaler.as_ref(),
            epoch: self.position.epoch,
        };
        let mut places = self.devices().zip(self.position.batch..).zip(batches);
        let Some(((first, number), batch)) = places.next() else { return Vec::new() };
        thread::scope(|scope| {
            let others: Vec<_> = places
                .map(|((device, number), batch)| {
                    let say = move || turn.say(device, number, batch).on(turn.input.device);
                    let thread = thread::Builder::new().stack_size(STACK);
                    thread.spawn_scoped(scope, say).expect("the system can start a thread")
                })
                .collect();
            let said = turn.say(first, number, batch);
            let others =
                others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            std::iter::once(said).chain(others).collect()
        })
    }
}

impl Turn<'_> {
    /// Sends micro-batch `number` of the epoch through the network and back, on `device`.
    fn say(self, device: &Device, number: usize, batch: Ready) -> Said {
        let mask = self.dropout(number, batch.count, device);
        let (images, targets) = batch.on(device);
        let images = self.input.config.precision.of(images);
        let mut seen = None;
        let pass = pass(self.network, &self.parameters.on(device), images, mask, |logits| {
            let loss = self.loss.of(logits, &targets);
            seen = Some(loss.clone().inner());
            match self.scaler {
                Some(scaler) => scaler.scale(loss),
                None => loss,
            }
        });
        Said { loss: seen.expect("a pass asks for the loss"), pass }
    }

    /// What the head's features are multiplied by, `[batch, FEATURES]`; none without `dropout`.
    fn dropout(self, number: usize, batch: usize, device: &Device) -> Option<Tensor<2>> {
        let p = self.input.config.dropout;
        let mut random = random("dropout", self.input.seed, self.epoch as u64, number);
        (p > 0.0).then(|| dropout::mask(p, batch, &mut random, device))
    }
}

/// The random numbers of micro-batch `number` of an epoch for `purpose`.
pub(super) fn random(purpose: &str, seed: u64, epoch: u64, number: usize) -> Random {
    Random::new(purpose, &[seed, epoch, number as u64])
}

impl Said {
    /// The same on another device.
    fn on(self, device: &Device) -> Self {
        let Self { loss, pass: Pass { gradient, statistics } } = self;
        let pass = Pass { gradient: gradient.to_device(device), statistics: statistics.to_device(device) };
        Self { loss: loss.to_device(device), pass }
    }
}
