//! One micro-batch: forward, backward, and an optimizer step when it is time.

use burn::tensor::Tensor;

use super::Fit;
use crate::{
    data::Batch,
    error::Result,
    eval::classifier::images,
    network::{
        gradients::{Pass, pass},
        pointwise::sum,
    },
    random::Random,
    train::{
        checkpoint::Position,
        dropout,
        optimizer::{Rates, clip_norm},
        out_of_memory,
    },
};

impl Fit<'_> {
    /// One micro-batch; running out of memory is an error that says what to lower.
    pub(super) fn train_step_guarded(&mut self, batch: Batch) -> Result<()> {
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

    /// What the head's features are multiplied by, `[batch, FEATURES]`; none without `dropout`.
    fn dropout(&self, batch: usize) -> Option<Tensor<2>> {
        let p = self.input.config.dropout;
        (p > 0.0).then(|| dropout::mask(p, batch, &mut self.random("dropout"), self.input.device))
    }

    /// Moves the parameters by the gradient that was summed, and the average after them.
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
}

/// A micro-batch's gradient and those that wait: summed, not averaged, as in the reference.
fn summed(waiting: Option<Tensor<1>>, gradient: Tensor<1>) -> Tensor<1> {
    match waiting {
        Some(waiting) => sum(waiting, gradient),
        None => gradient,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::{
        data::transform::{Squash, TrainOp},
        network::parameters::to_vec,
        train::{
            TrainConfig,
            fit::{fit, tests::with_input},
        },
    };

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
            with_input(&config, vec![TrainOp::Squash(Squash::default())], scratch.path(), usize::MAX, fit)
                .unwrap()
                .last
        };
        assert!(last(0.0) == last(1e9));
        assert!(last(0.0) != last(1e-3));
    }
}
