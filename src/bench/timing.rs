//! How long a piece of work takes, done again and again.

use std::time::{Duration, Instant};

use crate::statistics::quantile;

/// How often work is done before its times count: caches fill, and processors wake up.
const WARM_UP: usize = 10;
/// How often work is timed.
const REPEATS: usize = 200;

/// How long a piece of work takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Timing {
    /// Half of the times are no longer.
    pub(super) median: f64,
    /// 95 % of the times are no longer.
    pub(super) p95: f64,
}

impl Timing {
    /// Does `work` [`WARM_UP`] times, and then [`REPEATS`] times against the clock; fewer where that takes longer than
    /// `limit`, of which the warm-up has a quarter, but at least once each.
    pub(super) fn of(limit: Duration, mut work: impl FnMut()) -> Self {
        times(WARM_UP, limit / 4, &mut work);
        Self::of_times(&times(REPEATS, limit, &mut work))
    }

    fn of_times(times: &[f64]) -> Self {
        let [median, p95] = [0.5, 0.95].map(|share| quantile(times, share).unwrap_or_default());
        Self { median, p95 }
    }
}

/// How long each of `most` repeats took, in seconds. None is begun after `limit`, but the first.
fn times(most: usize, limit: Duration, work: &mut impl FnMut()) -> Vec<f64> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || times.len() < most && start.elapsed() < limit {
        let begun = Instant::now();
        work();
        times.push(begun.elapsed().as_secs_f64());
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_as_often_as_it_should() {
        let count = |limit| {
            let mut count = 0;
            Timing::of(limit, || count += 1);
            count
        };
        assert_eq!(count(Duration::from_hours(1)), WARM_UP + REPEATS);
        assert_eq!(count(Duration::ZERO), 2);
    }

    #[test]
    fn outliers_are_told_by_the_longest_times() {
        let mut times = vec![0.001; 90];
        times.extend([0.5; 10]);
        assert_eq!(Timing::of_times(&times), Timing { median: 0.001, p95: 0.5 });
    }
}
