//! Training steps, the images already in memory: forward, cross-entropy, backward, clipping, AdamW and the moving
//! average. The twin is `step.py`.

use std::{collections::BTreeSet, error::Error, sync::Arc};

use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};
use kiln::{
    arch::{Arch, Computation},
    device,
    device_name::DeviceName,
    network::{
        Network, Parameters,
        gradients::{Pass, pass},
        layout::Layout,
        parameters::to_vec,
    },
    train::{
        Precision,
        ema::Ema,
        optimizer::{Optimizer, Rates, Rule, clip_norm},
    },
    weights::fresh,
};

use super::pixels;

const CLASSES: usize = 10;
const RATES: Rates = Rates { rate: 1e-3, bias_rate: 1e-3, momentum: 0.9 };

/// What is trained.
pub(crate) struct Work<'a> {
    size: usize,
    batch: usize,
    arch: &'a str,
    precision: Precision,
}

impl<'a> Work<'a> {
    /// Training of yolo11n-cls in 32 bits, unless `how` names another architecture and another precision.
    pub(crate) fn new(size: usize, batch: usize, how: &[&'a str]) -> Result<Self, Box<dyn Error>> {
        let arch = how.first().copied().unwrap_or("yolo11n-cls");
        let precision = match how.get(1) {
            Some(name) => serde_json::from_value((*name).into())?,
            None => Precision::Fp32,
        };
        Ok(Self { size, batch, arch, precision })
    }
}

/// Images a second.
pub(crate) fn rate(device: DeviceName, work: Work<'_>, seconds: f64) -> Result<f64, Box<dyn Error>> {
    let mut training = Training::new(&device::open(device)?, &work)?;
    let found = super::rate::rate(work.batch, seconds, || training.step());
    let losses = to_vec(training.losses);
    if losses.iter().all(|loss| loss.is_finite()) {
        Ok(found)
    } else {
        Err("the loss is not a number".into())
    }
}

struct Training {
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    average: Ema,
    images: Tensor<4>,
    precision: Precision,
    targets: Tensor<2, Int>,
    /// Summed on the device, as in training.
    losses: Tensor<1>,
}

impl Training {
    fn new(device: &Device, work: &Work<'_>) -> Result<Self, Box<dyn Error>> {
        let (size, batch) = (work.size, work.batch);
        let computation = Computation::of(&Arch::built_in(work.arch, CLASSES)?);
        let layout = Arc::new(Layout::new(&computation.shapes(), BTreeSet::new()));
        let parameters = Parameters::from_weights(layout, &fresh(&computation, 0), device);
        let targets: Vec<i64> = (0..batch).map(|image| (image % CLASSES) as i64).collect();
        Ok(Self {
            network: Network::new(computation),
            average: Ema::new(parameters.clone()),
            parameters,
            optimizer: Optimizer::new(Rule::AdamW { beta1: 0.9 }, 5e-4),
            images: Tensor::from_data(TensorData::new(pixels(batch, size), [batch, 3, size, size]), device),
            precision: work.precision,
            targets: Tensor::from_data(TensorData::new(targets, [batch, 1]), device),
            losses: Tensor::zeros([1], device),
        })
    }

    fn step(&mut self) {
        let Pass { gradient, statistics } =
            pass(&self.network, &self.parameters, self.precision.of(self.images.clone()), None, |logits| {
                let targets = Tensor::from_inner(self.targets.clone());
                let loss = log_softmax(logits, 1).gather(1, targets).mean().neg();
                self.losses = self.losses.clone() + loss.clone().inner();
                loss
            });
        self.parameters.follow(statistics);
        self.optimizer.step(&mut self.parameters, clip_norm(gradient, 10.0), RATES);
        self.average.update(&self.parameters);
    }
}
