//! An exponential moving average of a network's parameters, running statistics included (docs/reference.md, EMA).

use crate::network::{
    Parameters,
    parameters::taken,
    pointwise::{self, Formula, Number},
};

/// The average and how often it was updated.
#[derive(Debug, Clone)]
pub struct Ema {
    average: Parameters,
    updates: u64,
}

/// `old + (new - old) · share`.
struct Approach {
    share: f64,
}

impl Formula<1, 1> for Approach {
    #[inline(always)]
    fn of<N: Number>(&self, [old]: [N; 1], [new]: [N; 1]) -> [N; 1] {
        [old.approach(new, self.share)]
    }
}

impl Ema {
    /// An average that starts as `parameters`, with no update so far.
    pub fn new(parameters: Parameters) -> Self {
        Self { average: parameters, updates: 0 }
    }

    /// The average where it was after `updates` updates.
    pub fn resumed(average: Parameters, updates: u64) -> Self {
        Self { average, updates }
    }

    /// How often it was updated.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The average of all updates so far.
    pub fn average(&self) -> &Parameters {
        &self.average
    }

    /// Moves the average towards `parameters`, which are laid out like it.
    pub fn update(&mut self, parameters: &Parameters) {
        self.updates += 1;
        let all = 0..parameters.layout.count();
        let approach = Approach { share: 1.0 - decay(self.updates) };
        let average = taken(&mut self.average.values);
        [self.average.values] = pointwise::apply(&[(all, approach)], [average], [parameters.values.clone()]);
    }
}

/// `0.9999 · (1 - e^(-updates / 2000))`: a short run is followed closely, a long one smoothly.
fn decay(updates: u64) -> f64 {
    0.9999 * (1.0 - (-(updates as f64) / 2000.0).exp())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use burn::tensor::Device;

    use super::*;
    use crate::{
        network::{layout::Layout, parameters::to_vec},
        weights::{Array, Weights},
    };

    fn one(value: f32) -> Parameters {
        let weights = Weights::from([("x".to_owned(), Array { shape: vec![1], data: vec![value] })]);
        let shapes = [("x".to_owned(), vec![1])].into();
        let layout = Arc::new(Layout::new(&shapes, BTreeSet::new()));
        Parameters::from_weights(layout, &weights, &Device::flex())
    }

    #[test]
    fn each_update_moves_the_average_by_what_it_does_not_keep() {
        let value = |ema: &Ema| f64::from(to_vec(ema.average().values.clone())[0]);
        let mut ema = Ema::resumed(one(0.0), 999);
        ema.update(&one(1.0));
        assert_eq!(ema.updates(), 1000);
        assert!((value(&ema) - (1.0 - decay(1000))).abs() < 1e-6, "{}", value(&ema));
    }

    #[test]
    fn decay_is_the_references() {
        assert!((decay(1) - 0.000_499_825).abs() < 1e-9);
        assert!((decay(2000) - 0.9999 * (1.0 - (-1.0_f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn what_stays_the_same_is_its_own_average() {
        let mut ema = Ema::resumed(one(4.0), 999);
        ema.update(&one(4.0));
        assert_eq!(to_vec(ema.average().values.clone()), [4.0]);
    }
}
