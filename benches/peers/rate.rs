//! How often work is done in a second: the twin of `rate.py`.

use std::time::Instant;

const WARM_UP: usize = 3;

/// How many of what each call of `work` does `count` are done in a second, measured for `seconds`.
pub(crate) fn rate(count: usize, seconds: f64, mut work: impl FnMut()) -> f64 {
    (0..WARM_UP).for_each(|_| work());
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed().as_secs_f64() < seconds {
        work();
        calls += 1;
    }
    (calls * count) as f64 / start.elapsed().as_secs_f64()
}
