//! Training steps of yolo11n-cls, the images already in memory: forward, cross-entropy, backward, clipping, AdamW and the
//! moving average. The twin is `step.py`.

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
        ema::Ema,
        optimizer::{Optimizer, Rates, Rule, clip_norm},
    },
    weights::fresh,
};

use super::pixels;

const CLASSES: usize = 10;
const RATES: Rates = Rates { rate: 1e-3, bias_rate: 1e-3, momentum: 0.9 };

/// Images a second.
pub(crate) fn rate(
    device: DeviceName,
    size: usize,
    batch: usize,
    seconds: f64,
) -> Result<f64, Box<dyn Error>> {
    let mut training = Training::new(&device::open(device)?, size, batch)?;
    let found = super::rate::rate(batch, seconds, || training.step());
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
    targets: Tensor<2, Int>,
    /// Summed on the device, as in training.
    losses: Tensor<1>,
}

impl Training {
    fn new(device: &Device, size: usize, batch: usize) -> Result<Self, Box<dyn Error>> {
        let computation = Computation::of(&Arch::built_in("yolo11n-cls", CLASSES)?);
        let layout = Arc::new(Layout::new(&computation.shapes(), BTreeSet::new()));
        let parameters = Parameters::from_weights(layout, &fresh(&computation, 0), device);
        let targets: Vec<i64> = (0..batch).map(|image| (image % CLASSES) as i64).collect();
        Ok(Self {
            network: Network::new(computation),
            average: Ema::new(parameters.clone()),
            parameters,
            optimizer: Optimizer::new(Rule::AdamW { beta1: 0.9 }, 5e-4),
            images: Tensor::from_data(TensorData::new(pixels(batch, size), [batch, 3, size, size]), device),
            targets: Tensor::from_data(TensorData::new(targets, [batch, 1]), device),
            losses: Tensor::zeros([1], device),
        })
    }

    fn step(&mut self) {
        let Pass { gradient, statistics } =
            pass(&self.network, &self.parameters, self.images.clone(), None, |logits| {
                let targets = Tensor::from_inner(self.targets.clone());
                let loss = log_softmax(logits, 1).gather(1, targets).mean().neg();
                self.losses = self.losses.clone() + loss.clone().inner();
                loss
            });
        self.parameters.set_statistics(statistics);
        self.optimizer.step(&mut self.parameters, clip_norm(gradient, 10.0), RATES);
        self.average.update(&self.parameters);
    }
}
