//! Batches that are made ready while the network is busy with those before them.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor};

use super::{Fit, turn::random};
use crate::{
    data::{
        Batch,
        loader::{Batches, Pixels},
        prefetch::Prefetch,
        transform::Scaling,
    },
    device::{is_cpu, is_libtorch},
    error::Result,
    eval::classifier::images,
    network::fractions,
    train::{Mix, loss::Targets},
};

/// The batches of an epoch in order, each made ready by another thread before it is asked for: as many ahead as there are
/// devices.
pub(super) struct Ahead(Prefetch<Option<Result<Ready>>>);

/// A batch that waits for the network.
pub(super) struct Ready {
    images: Images,
    /// What they show.
    targets: Targets,
    /// How many images there are.
    pub count: usize,
}

/// Images on their way to a device.
enum Images {
    /// `[batch, 3, size, size]`.
    There(Tensor<4>),
    Numbers(Batch),
    Bytes(Bytes),
}

/// Pixels that become numbers on the device.
struct Bytes {
    /// `[batch, size, size, 3]`.
    pixels: Vec<u8>,
    count: usize,
    size: usize,
    scalings: Vec<Scaling>,
}

/// How batches are made ready.
struct Maker {
    batches: Mutex<Batches>,
    /// The device of each batch, from the first that is asked for.
    devices: Vec<Device>,
    first: usize,
    mix: Mix,
    classes: usize,
    seed: u64,
    epoch: u64,
    /// What makes numbers of bytes, where those can be sent.
    scalings: Option<Vec<Scaling>>,
}

impl Fit<'_> {
    /// The batches of this epoch that are left.
    pub(super) fn ahead(&self) -> Ahead {
        let (first, epoch) = (self.position.batch, self.position.epoch as u64);
        let mix = self.input.config.mix();
        let by_bytes = is_libtorch(self.input.device) && !mix.is_on();
        let maker = Maker {
            batches: Mutex::new(self.train.epoch_from(epoch, first)),
            devices: self.turns().into_iter().flat_map(|turn| self.devices().take(turn).cloned()).collect(),
            first,
            mix,
            classes: self.input.arch.classes,
            seed: self.input.seed,
            epoch,
            scalings: by_bytes.then(|| self.input.transforms.train_scalings()).flatten(),
        };
        let (devices, last) = (self.devices().count(), self.train.batches());
        Ahead(Prefetch::new(first..last, 1, devices, move |number| maker.ready(number)))
    }
}

impl Iterator for Ahead {
    type Item = Result<Ready>;

    fn next(&mut self) -> Option<Result<Ready>> {
        self.0.next().flatten()
    }
}

impl Maker {
    /// The batch `number` of the epoch; nothing after an error.
    fn ready(&self, number: usize) -> Option<Result<Ready>> {
        let pixels = self.batches.lock().unwrap_or_else(PoisonError::into_inner).next_pixels()?;
        let device = &self.devices[number - self.first];
        Some(pixels.map(|pixels| {
            let ready = match &self.scalings {
                Some(scalings) => as_bytes(pixels, scalings.clone()),
                None => self.as_numbers(pixels, number),
            };
            // On a CPU the network's own threads do the rest: those of another thread would be too many.
            if is_cpu(device) { ready } else { ready.sent(device) }
        }))
    }

    fn as_numbers(&self, pixels: Pixels, number: usize) -> Ready {
        let mut batch = pixels.into_batch();
        let mut random = random("mix", self.seed, self.epoch, number);
        let targets = self.mix.apply(&mut batch, self.classes, &mut random);
        Ready { count: batch.len(), images: Images::Numbers(batch), targets }
    }
}

fn as_bytes(pixels: Pixels, scalings: Vec<Scaling>) -> Ready {
    let (targets, count, size) = (Targets::Classes(pixels.targets()), pixels.len(), pixels.size());
    let bytes = Bytes { pixels: pixels.into_train_bytes(), count, size, scalings };
    Ready { images: Images::Bytes(bytes), targets, count }
}

impl Ready {
    fn sent(self, device: &Device) -> Self {
        Self { images: Images::There(self.images.on(device)), ..self }
    }

    /// The images `[batch, 3, size, size]` on the device for which they were made ready, and their targets.
    pub(super) fn on(self, device: &Device) -> (Tensor<4>, Targets) {
        (self.images.on(device), self.targets)
    }
}

impl Images {
    fn on(self, device: &Device) -> Tensor<4> {
        match self {
            Self::There(images) => images,
            Self::Numbers(batch) => images(batch, device),
            Self::Bytes(bytes) => bytes.on(device),
        }
    }
}

impl Bytes {
    fn on(self, device: &Device) -> Tensor<4> {
        let Self { pixels, count, size, scalings } = self;
        let numbers = fractions(pixels, [count, size, size, 3], device).permute([0, 3, 1, 2]);
        scalings.into_iter().fold(numbers, |numbers, Scaling { mean, deviation }| {
            (numbers - of_colors(mean, device)) / of_colors(deviation, device)
        })
    }
}

/// A number for each colour, `[1, 3, 1, 1]`, that the device writes itself: nobody waits for it.
fn of_colors(numbers: [f32; 3], device: &Device) -> Tensor<4> {
    Tensor::cat(numbers.map(|number| Tensor::full([1; 4], number, device)).to_vec(), 1)
}
