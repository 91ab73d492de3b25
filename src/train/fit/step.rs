//! Micro-batches: forward, backward, and an optimizer step when it is time.

use burn::tensor::Tensor;

use super::{Fit, ahead::Ready, turn::Said};
use crate::{
    network::{gradients::Pass, pointwise::sum},
    train::optimizer::{Rates, clip_norm},
};

impl Fit<'_> {
    /// The micro-batches of a turn: forward, backward, and an optimizer step when it is time.
    pub(super) fn train_step(&mut self, turn: Vec<Ready>) {
        let said = self.say(turn);
        let batches = said.len();
        said.into_iter().for_each(|said| self.hear(said));
        self.position.step += batches;
        self.position.batch += batches;
        let last = self.position.step - 1;
        if self.schedule.is_due(last, self.position.last_opt_step) {
            self.position.last_opt_step = last as isize;
            self.optimizer_step(last);
            self.position.out_of_time = self.is_out_of_time();
        }
    }

    /// Adds what a micro-batch says to what those before it said.
    fn hear(&mut self, Said { loss, pass: Pass { gradient, statistics } }: Said) {
        self.losses = self.losses.clone() + loss;
        self.parameters.follow(statistics);
        self.gradient = Some(summed(self.gradient.take(), gradient));
    }

    /// Moves the parameters by the gradient that was summed up to micro-batch `step`, and the average after them.
    fn optimizer_step(&mut self, step: usize) {
        let Some(mut gradient) = self.gradient.take() else { return };
        let mut usable = true;
        if let Some(scaler) = &mut self.position.scaler {
            (gradient, usable) = scaler.unscale(gradient);
        }
        if self.input.config.clip > 0.0 {
            gradient = clip_norm(gradient, self.input.config.clip);
        }
        if usable {
            let rates = self.learning_rates(step);
            self.optimizer.step(&mut self.parameters, gradient, rates);
        }
        if let Some(ema) = &mut self.ema {
            ema.update(&self.parameters);
        }
    }

    fn learning_rates(&self, step: usize) -> Rates {
        let epoch = self.position.epoch;
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
