//! What changes while training goes on, as pure functions of where it is (docs/reference.md, Schedules).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the learning rate falls from its first value to its last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// On a straight line.
    #[default]
    Linear,
    /// On half a cosine.
    Cosine,
    /// In steps: times `step_gamma` after every `step_size` epochs, as PyTorch's StepLR.
    Step,
    /// It rises from 1/25 of `lr0` to `lr0` over the first 30 % of the run, then falls to `lrf` of `lr0`, on
    /// half a cosine each, batch by batch, as PyTorch's OneCycleLR (Smith and Topin, 2018).
    OneCycle,
}

/// The part of a one-cycle run in which the rate rises.
const RISE: f64 = 0.3;
/// How far below its peak a one-cycle run begins.
const BELOW: f64 = 25.0;

/// The rates of a run, given where it is.
///
/// `step` counts micro-batches from the start of the run, `epoch` from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// How many epochs the run has.
    pub epochs: usize,
    /// Micro-batches of an epoch.
    pub batches: usize,
    /// The shape of the fall.
    pub decay: Decay,
    /// The first learning rate, from which it falls.
    pub lr0: f64,
    /// Last learning rate, as a fraction of the first.
    pub lrf: f64,
    /// Epochs between the falls of [`Decay::Step`].
    pub step_size: usize,
    /// What the rate is multiplied by at each of them.
    pub step_gamma: f64,
    /// Micro-batches of warm-up; 0 for none.
    pub warmup: usize,
    /// Where the biases' rate starts in warm-up; the others start at 0.
    pub warmup_bias_lr: f64,
    /// Where momentum starts in warm-up.
    pub warmup_momentum: f64,
    /// The momentum after warm-up, for the rest of the run.
    pub momentum: f64,
    /// Micro-batches of one optimizer step, after warm-up.
    pub accumulate: usize,
}

impl Schedule {
    /// Micro-batches of a warm-up of `epochs` epochs (may be a fraction) in a run of `total` epochs.
    pub fn warmup_batches(epochs: f64, total: usize, batches: usize) -> usize {
        let epochs = epochs.min(total.saturating_sub(1) as f64);
        (epochs * batches as f64).round_ties_even() as usize
    }

    /// Micro-batches of one optimizer step, so that it sees about `nominal` images.
    pub fn accumulation(nominal: usize, batch: usize) -> usize {
        ((nominal as f64 / batch as f64).round_ties_even() as usize).max(1)
    }

    /// The learning rate of weights and norms.
    pub fn rate(&self, step: usize, epoch: usize) -> f64 {
        self.ramp(step, 0.0, self.settled_rate(step, epoch))
    }

    /// The learning rate of biases.
    pub fn bias_rate(&self, step: usize, epoch: usize) -> f64 {
        self.ramp(step, self.warmup_bias_lr, self.settled_rate(step, epoch))
    }

    /// The momentum of optimizers that have one to warm up.
    pub fn momentum(&self, step: usize) -> f64 {
        self.ramp(step, self.warmup_momentum, self.momentum)
    }

    /// The rates of the groups of parameters that `metrics.csv` has: weights, norms, biases. With MuSGD the
    /// reference has eight: those three and what Muon moves, each twice, the first time for parameters at
    /// three times the rate, of which a classifier has none.
    pub fn groups(&self, step: usize, epoch: usize, musgd: bool) -> Vec<f64> {
        let (rate, bias) = (self.rate(step, epoch), self.bias_rate(step, epoch));
        if !musgd {
            return vec![rate, rate, bias];
        }
        let fast = Self { lr0: 3.0 * self.lr0, ..self.clone() };
        let (fast_rate, fast_bias) = (fast.rate(step, epoch), fast.bias_rate(step, epoch));
        vec![fast_rate, rate, fast_rate, rate, fast_bias, bias, fast_rate, rate]
    }

    /// The same, all rates times `factor`.
    #[must_use]
    pub fn slowed(self, factor: f64) -> Self {
        Self { lr0: self.lr0 * factor, warmup_bias_lr: self.warmup_bias_lr * factor, ..self }
    }

    /// Micro-batches that the next optimizer step waits for.
    pub fn accumulation_at(&self, step: usize) -> usize {
        (self.ramp(step, 1.0, self.accumulate as f64).round_ties_even() as usize).max(1)
    }

    /// Whether an optimizer step comes after micro-batch `step`; the last one came after `last_opt_step`.
    pub fn is_due(&self, step: usize, last_opt_step: isize) -> bool {
        step as isize - last_opt_step >= self.accumulation_at(step) as isize
    }

    /// The `left` micro-batches from `step` on in turns, by how many each has: at most `most`, and all of a turn see the
    /// same parameters, so that an optimizer step comes after its last one or after none.
    pub fn turns(
        &self,
        mut step: usize,
        mut last_opt_step: isize,
        mut left: usize,
        most: usize,
    ) -> Vec<usize> {
        let mut turns = Vec::new();
        while left > 0 {
            let most = most.min(left);
            let turn = (1..most).find(|count| self.is_due(step + count - 1, last_opt_step)).unwrap_or(most);
            (step, left) = (step + turn, left - turn);
            if self.is_due(step - 1, last_opt_step) {
                last_opt_step = step as isize - 1;
            }
            turns.push(turn);
        }
        turns
    }

    /// The rate without warm-up: constant within an epoch, except in a one-cycle run.
    fn settled_rate(&self, step: usize, epoch: usize) -> f64 {
        let done = epoch as f64 / self.epochs as f64;
        let factor = match self.decay {
            Decay::Linear => (1.0 - done).max(0.0) * (1.0 - self.lrf) + self.lrf,
            Decay::Cosine => between(1.0, self.lrf, done),
            Decay::Step => self.step_gamma.powi((epoch / self.step_size) as i32),
            Decay::OneCycle => self.cycle(step),
        };
        self.lr0 * factor
    }

    /// The rate of a one-cycle run, as a part of its peak.
    fn cycle(&self, step: usize) -> f64 {
        let (step, total) = (step as f64, (self.epochs * self.batches) as f64);
        let (peak, last) = (RISE * total - 1.0, total - 1.0);
        if step <= peak {
            return between(1.0 / BELOW, 1.0, step / peak.max(1.0));
        }
        between(1.0, self.lrf, ((step - peak) / (last - peak)).min(1.0))
    }

    /// From `start` to `end` over the warm-up, `end` after it. The last step of the warm-up counts.
    fn ramp(&self, step: usize, start: f64, end: f64) -> f64 {
        if self.warmup == 0 || step > self.warmup {
            return end;
        }
        start + (end - start) * step as f64 / self.warmup as f64
    }
}

/// From `start` to `end` on half a cosine; `done` in 0 to 1.
fn between(start: f64, end: f64, done: f64) -> f64 {
    (1.0 - (std::f64::consts::PI * done).cos()) / 2.0 * (end - start) + start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(epochs: usize, batches: usize, batch: usize) -> Schedule {
        let warmup = Schedule::warmup_batches(3.0, epochs, batches);
        let accumulate = Schedule::accumulation(64, batch).min(batches * epochs);
        let (lr0, lrf) = (0.000_714, 0.01);
        let (warmup_bias_lr, warmup_momentum, momentum) = (0.0, 0.8, 0.937);
        let decay = Decay::Linear;
        Schedule {
            epochs,
            batches,
            decay,
            lr0,
            lrf,
            step_size: 3,
            step_gamma: 0.1,
            warmup,
            warmup_bias_lr,
            warmup_momentum,
            momentum,
            accumulate,
        }
    }

    /// The steps at which the optimizer moves.
    fn moves(schedule: &Schedule) -> Vec<usize> {
        let mut last = -1;
        let mut moves = Vec::new();
        for step in 0..schedule.epochs * schedule.batches {
            if step as isize - last >= schedule.accumulation_at(step) as isize {
                last = step as isize;
                moves.push(step);
            }
        }
        moves
    }

    #[test]
    fn accumulation_warms_up_as_the_references() {
        let small = schedule(2, 5, 8);
        assert_eq!(small.warmup, 5);
        let per_step: Vec<usize> = (0..10).map(|step| small.accumulation_at(step)).collect();
        assert_eq!(per_step, [1, 2, 4, 5, 7, 8, 8, 8, 8, 8]);
        assert_eq!(moves(&small), [0, 8]);
        let longer = schedule(5, 10, 16);
        assert_eq!(longer.warmup, 30);
        assert_eq!(moves(&longer), [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 17, 20, 23, 27, 31, 35, 39, 43, 47]);
    }

    #[test]
    fn rates_are_those_in_the_references_log() {
        let schedule = schedule(2, 5, 8);
        assert!((schedule.rate(4, 0) - 0.000_571_2).abs() < 1e-12);
        assert!((schedule.rate(9, 1) - 0.000_360_57).abs() < 1e-12);
    }

    #[test]
    fn cosine_starts_and_ends_where_it_should() {
        let schedule = Schedule { decay: Decay::Cosine, warmup: 0, ..schedule(10, 5, 64) };
        assert_eq!(schedule.rate(0, 0), schedule.lr0);
        assert!((schedule.rate(0, 10) - schedule.lr0 * schedule.lrf).abs() < 1e-12);
    }

    #[test]
    fn steps_fall_by_their_factor() {
        let schedule = Schedule { decay: Decay::Step, warmup: 0, lr0: 1.0, ..schedule(10, 5, 64) };
        let rates: Vec<f64> = (0..8).map(|epoch| schedule.rate(epoch * 5, epoch)).collect();
        for (rate, expected) in rates.iter().zip([1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01]) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
    }

    /// `OneCycleLR(optimizer, max_lr=1.0, total_steps=20, final_div_factor=4)` of PyTorch 2.9.1, where the
    /// last rate is 1 / 25 / 4.
    #[test]
    fn one_cycle_is_pytorchs() {
        let schedule =
            Schedule { decay: Decay::OneCycle, warmup: 0, lr0: 1.0, lrf: 0.01, ..schedule(4, 5, 64) };
        let rates: Vec<f64> = (0..20).map(|step| schedule.rate(step, step / 5)).collect();
        let expected = [
            0.04, 0.13167184, 0.37167184, 0.66832816, 0.90832816, 1.0, 0.98758932, 0.95097959, 0.89200658,
            0.81362745, 0.71977245, 0.61514786, 0.505, 0.39485214, 0.29022755, 0.19637255, 0.11799342,
            0.05902041, 0.02241068, 0.01,
        ];
        for (rate, expected) in rates.iter().zip(expected) {
            assert!((rate - expected).abs() < 1e-7, "{rates:?}");
        }
    }

    #[test]
    fn warm_up_ends_at_the_momentum_asked_for() {
        let schedule = schedule(5, 10, 16);
        assert_eq!([0, 15, 30, 31].map(|step| schedule.momentum(step)), [0.8, 0.8685, 0.937, 0.937]);
        assert_eq!(Schedule { warmup: 0, ..schedule }.momentum(0), 0.937);
    }

    #[test]
    fn a_run_that_is_longer_than_planned_stays_at_its_last_rate() {
        let ends = |decay, step, epoch| Schedule { decay, ..schedule(4, 5, 16) }.rate(step, epoch);
        let last = 0.000_714 * 0.01;
        assert!((ends(Decay::Linear, 50, 9) - last).abs() < 1e-12);
        assert!((ends(Decay::OneCycle, 19, 3) - last).abs() < 1e-12);
        assert!((ends(Decay::OneCycle, 29, 5) - last).abs() < 1e-12);
    }

    #[test]
    fn turns_end_with_steps_and_with_the_epoch() {
        let settled = Schedule { warmup: 0, ..schedule(10, 5, 16) };
        assert_eq!(settled.accumulate, 4);
        assert_eq!([6, 7, 8].map(|step| settled.is_due(step, 3)), [false, true, true]);
        // The last step came after micro-batch 3, so that the next ones come after 7 and 11.
        let turns = |step, most| settled.turns(step, 3, 7, most);
        assert_eq!(turns(4, 1), [1; 7]);
        assert_eq!((turns(4, 2), turns(4, 3), turns(4, 8)), (vec![2, 2, 2, 1], vec![3, 1, 3], vec![4, 3]));
        assert_eq!((turns(6, 2), turns(6, 8)), (vec![2, 2, 2, 1], vec![2, 4, 1]));
        // While it warms up, steps begin with one and grow.
        let warm = Schedule { warmup: 12, ..settled };
        assert_eq!(warm.turns(0, -1, 14, 8), [1, 1, 2, 2, 3, 4, 1]);
    }

    #[test]
    fn a_slower_run_is_slower_from_its_first_step_on() {
        let fast = Schedule { warmup_bias_lr: 0.1, ..schedule(10, 5, 16) };
        let slow = fast.clone().slowed(0.5);
        for (step, epoch) in [(0, 0), (3, 0), (30, 6)] {
            assert_eq!(slow.rate(step, epoch), fast.rate(step, epoch) / 2.0);
            assert!((slow.bias_rate(step, epoch) - fast.bias_rate(step, epoch) / 2.0).abs() < 1e-12);
        }
    }
}
