//! How many epochs the hours of `time` allow: the one thing that the clock decides.

use super::Fit;

impl Fit<'_> {
    /// With a `time` budget: as many epochs as fit into it, going by those so far.
    pub(super) fn estimate_epochs(&mut self) {
        if let Some(budget) = self.budget() {
            self.position.epochs = epochs_within(budget, self.seconds(), self.position.epoch + 1);
            self.reschedule();
        }
    }

    pub(super) fn is_out_of_time(&self) -> bool {
        self.budget().is_some_and(|budget| self.seconds() >= budget)
    }

    /// The `time` budget, in seconds; none without one.
    fn budget(&self) -> Option<f64> {
        self.input.config.time.map(|hours| hours * 3600.0)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.position.seconds + self.begun.elapsed().as_secs_f64()
    }
}

/// How many epochs begin within `budget` seconds, going by the `done` ones that took `seconds`.
fn epochs_within(budget: f64, seconds: f64, done: usize) -> usize {
    ((budget / (seconds / done as f64)).ceil() as usize).max(done)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use super::*;
    use crate::{
        arch::Computation,
        data::transform::{Squash, TrainOp},
        network::layout::Layout,
        train::{
            TrainConfig,
            checkpoint::Checkpoint,
            fit::{FitInput, fit, tests::with_input},
        },
    };

    #[test]
    fn an_epoch_that_begins_within_the_budget_is_counted() {
        assert_eq!(epochs_within(10.0, 4.0, 2), 5);
        assert_eq!(epochs_within(10.1, 4.0, 2), 6);
        assert_eq!(epochs_within(1.0, 4.0, 2), 2);
    }

    #[test]
    fn the_time_of_earlier_attempts_is_spent() {
        let config = TrainConfig { time: Some(5.0), ..TrainConfig::default() };
        let scratch = tempfile::tempdir().unwrap();
        let train = || vec![TrainOp::Squash(Squash::default())];
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
