//! How fast something goes, and how long it will take.

use std::time::{Duration, Instant};

/// Follows the progress of one node.
///
/// A stage that is numbered, such as `epoch 3/100`, is a part of a whole: the time left is that of all
/// stages, measured from the first report, so that a continued run is not thought to be faster than it is.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    began: Instant,
    first: Option<f64>,
    stage: String,
    stage_began: Instant,
    stage_first: u64,
}

/// What can be said at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Speed {
    /// Units a second in this stage, once there is something to measure.
    pub rate: Option<f64>,
    /// Until the end of all stages, once there is something to measure.
    pub left: Option<Duration>,
}

impl Pace {
    /// The pace of a node that begins `now`, before any progress is known.
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, first: None, stage: String::new(), stage_began: now, stage_first: 0 }
    }

    /// `done` of `total` units of `stage` are finished `now`.
    pub(super) fn step(&mut self, stage: &str, done: u64, total: u64, now: Instant) -> Speed {
        if stage != self.stage {
            stage.clone_into(&mut self.stage);
            (self.stage_began, self.stage_first) = (now, done);
        }
        let whole = fraction(stage, done, total);
        let first = *self.first.get_or_insert_with(|| {
            self.began = now;
            whole
        });
        let (elapsed, gone) = (now.duration_since(self.began), whole - first);
        let left = (gone > 0.0).then(|| elapsed.mul_f64((1.0 - whole).max(0.0) / gone));
        let (seconds, units) =
            (now.duration_since(self.stage_began).as_secs_f64(), done - self.stage_first.min(done));
        let rate = (units > 0 && seconds > 0.0).then(|| units as f64 / seconds);
        Speed { rate, left }
    }
}

/// How much of everything is done, from 0 to 1.
fn fraction(stage: &str, done: u64, total: u64) -> f64 {
    let part = if total == 0 { 0.0 } else { done as f64 / total as f64 };
    match numbered(stage) {
        Some((number, of)) => (number - 1.0 + part) / of,
        None => part,
    }
}

/// The two numbers of `epoch 3/100`.
fn numbered(stage: &str) -> Option<(f64, f64)> {
    let (number, of) = stage.rsplit_once(' ')?.1.split_once('/')?;
    let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
    (1..=of).contains(&number).then_some((number.into(), of.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_counts_all_stages_and_only_what_was_seen() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start);
        // Continued at epoch 5 of 8; half of the rest takes 20 s.
        assert_eq!(pace.step("epoch 5/8", 0, 80, at(10)), Speed { rate: None, left: None });
        let speed = pace.step("epoch 5/8", 40, 80, at(15));
        assert_eq!(speed.rate, Some(8.0));
        assert_eq!(speed.left.map(|left| left.as_secs()), Some(35));
        pace.step("epoch 6/8", 0, 80, at(20));
        let speed = pace.step("epoch 6/8", 80, 80, at(30));
        assert_eq!(speed, Speed { rate: Some(8.0), left: Some(Duration::from_secs(20)) });
    }

    #[test]
    fn plain_stages_are_wholes() {
        assert_eq!(fraction("images", 20, 80), 0.25);
        assert_eq!(fraction("epoch 3/100", 0, 0), 0.02);
        assert_eq!(numbered("epoch 0/3"), None);
        assert_eq!(numbered("a/b"), None);
    }
}
