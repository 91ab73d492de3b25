//! Micro-batches that go through the network side by side, one on each device.
//!
//! All that an optimizer step sums up are seen by the same parameters, so that it does not matter whether one comes after
//! the other: what they say is put together in their order, and the bytes are those of one device.

use std::{panic::resume_unwind, thread};

use burn::tensor::{Device, Tensor};

use super::{Fit, FitInput};
use crate::{
    data::Batch,
    eval::classifier::images,
    network::{
        Network, Parameters,
        gradients::{Pass, pass},
    },
    random::Random,
    train::{dropout, grad_scaler::GradScaler, loss::Loss},
};

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
    /// What each micro-batch says, on the first device, in their order. The first is number `position.batch` of the
    /// epoch; there are no more of them than devices.
    pub(super) fn say(&self, batches: Vec<Batch>) -> Vec<Said> {
        let turn = Turn {
            input: self.input,
            network: &self.network,
            parameters: &self.parameters,
            loss: &self.loss,
            scaler: self.position.scaler.as_ref(),
            epoch: self.position.epoch,
        };
        let devices = std::iter::once(self.input.device).chain(self.input.others);
        let mut places = devices.zip(self.position.batch..).zip(batches);
        let Some(((first, number), batch)) = places.next() else { return Vec::new() };
        thread::scope(|scope| {
            let others: Vec<_> = places
                .map(|((device, number), batch)| {
                    scope.spawn(move || turn.say(device, number, batch).on(turn.input.device))
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
    fn say(self, device: &Device, number: usize, mut batch: Batch) -> Said {
        let FitInput { config, arch, .. } = self.input;
        let targets = config.mix().apply(&mut batch, arch.classes, &mut self.random("mix", number));
        let mask = self.dropout(number, batch.len(), device);
        let images = config.precision.of(images(batch, device));
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

    /// The random numbers of a micro-batch for `purpose`.
    fn random(self, purpose: &str, number: usize) -> Random {
        Random::new(purpose, &[self.input.seed, self.epoch as u64, number as u64])
    }

    /// What the head's features are multiplied by, `[batch, FEATURES]`; none without `dropout`.
    fn dropout(self, number: usize, batch: usize, device: &Device) -> Option<Tensor<2>> {
        let p = self.input.config.dropout;
        (p > 0.0).then(|| dropout::mask(p, batch, &mut self.random("dropout", number), device))
    }
}

impl Said {
    /// The same on another device.
    fn on(self, device: &Device) -> Self {
        let Self { loss, pass: Pass { gradient, statistics } } = self;
        let pass = Pass { gradient: gradient.to_device(device), statistics: statistics.to_device(device) };
        Self { loss: loss.to_device(device), pass }
    }
}
