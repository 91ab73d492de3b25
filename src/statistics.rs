//! What few measurements of the same thing say: mean, deviation, and how sure that is; of many, how they lie.

use std::f64::consts::FRAC_2_PI;

/// How often an interval holds what is looked for.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// What measurements of the same thing say of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// How many there are, at least 1.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n - 1; none of one.
    pub deviation: Option<f64>,
    /// The mean of all measurements that might be made lies within this distance of [`Self::mean`], with [`CONFIDENCE`],
    /// if they are normally distributed: `t(n - 1) · deviation / √n`, by Student ("The Probable Error of a Mean",
    /// Biometrika 6, 1908). None of one.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Of these measurements; none if there is none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n as f64 - 1.0)).sqrt());
        let half_width = deviation.map(|deviation| student(n - 1) * deviation / (n as f64).sqrt());
        (n > 0).then_some(Self { n, mean, deviation, half_width })
    }

    /// How probable a mean so far from 0, or farther, is if what is measured is 0 (Student's t, two-sided); none of one.
    pub(crate) fn chance(&self) -> Option<f64> {
        let error = self.deviation? / (self.n as f64).sqrt();
        // All the same: 0 is as sure as can be, or out of the question.
        let certain = || if self.mean == 0.0 { 1.0 } else { 0.0 };
        Some(if error == 0.0 { certain() } else { 1.0 - within(self.mean.abs() / error, self.n - 1) })
    }
}

/// The least of some measurements that `share` of them, more than 0 and at most 1, do not exceed (the nearest rank); none of
/// none.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The distance from 0 within which Student's t with so many degrees of freedom (at least 1) lies with [`CONFIDENCE`].
fn student(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 100.0);
    while high - low > 1e-12 * high {
        let middle = f64::midpoint(low, high);
        *(if within(middle, freedom) < CONFIDENCE { &mut low } else { &mut high }) = middle;
    }
    high
}

/// How probable it is that Student's t lies within `t` of 0: the finite series of Abramowitz and Stegun, "Handbook of
/// Mathematical Functions", 26.7.3 for odd degrees of freedom and 26.7.4 for even ones.
fn within(t: f64, freedom: usize) -> f64 {
    let (sine, cosine) = (t / (freedom as f64).sqrt()).atan().sin_cos();
    let odd = freedom % 2;
    // The first term, and the ratio of each to the one before: cos² · (k - 1) / k.
    let (mut term, mut sum) = (if odd == 1 { cosine } else { 1.0 }, 0.0);
    for k in (odd + 2..=freedom).step_by(2) {
        sum += term;
        term *= cosine * cosine * (k as f64 - 1.0) / k as f64;
    }
    if odd == 1 { FRAC_2_PI * (sine.atan2(cosine) + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 26.10, two-sided 0.95.
        let table = [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (5, 2.571),
            (9, 2.262),
            (10, 2.228),
            (30, 2.042),
        ];
        for (freedom, wanted) in table {
            assert!((student(freedom) - wanted).abs() < 6e-4, "{freedom}: {}", student(freedom));
        }
        assert!((student(100_000) - 1.96).abs() < 1e-4, "the normal distribution's");
    }

    #[test]
    fn a_quantile_is_one_of_the_measurements() {
        let values: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(
            [0.01, 0.5, 0.95, 1.0].map(|share| quantile(&values, share).unwrap()),
            [1.0, 10.0, 19.0, 20.0]
        );
        assert_eq!((quantile(&[3.0], 0.95), quantile(&[], 0.5)), (Some(3.0), None));
    }

    #[test]
    fn measurements_are_summed_up() {
        // Student's own example, the hours of sleep that ten patients gained by the second of two drugs more than by
        // the first: mean 1.58, deviation 1.23 with n - 1, t = 4.06.
        let hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let summary = Estimate::of(&hours).unwrap();
        assert!((summary.mean - 1.58).abs() < 1e-9);
        assert!((summary.deviation.unwrap() - 1.23).abs() < 1e-3);
        assert!((summary.half_width.unwrap() - 2.262_157 * 1.229_995 / 10f64.sqrt()).abs() < 1e-5);
        // "The odds are about 0.9986 to 0.0014 that soporific 2 is better": 0.0028 for both sides.
        assert!((summary.chance().unwrap() - 0.0028).abs() < 1e-4, "{:?}", summary.chance());
        assert_eq!(Estimate::of(&[1.0, 1.0]).unwrap().chance(), Some(0.0));
        assert_eq!(Estimate::of(&[0.0, 0.0]).unwrap().chance(), Some(1.0));
        let one = Estimate { n: 1, mean: 2.0, deviation: None, half_width: None };
        assert_eq!((Estimate::of(&[2.0]), Estimate::of(&[])), (Some(one), None));
    }
}
