//! An exponential moving average of a network's parameters, running statistics included (section 6.6).

use crate::network::Parameters;

/// The average and how often it was updated.
#[derive(Debug, Clone)]
pub struct Ema {
    average: Parameters,
    updates: u64,
}

impl Ema {
    /// Starts as `parameters`.
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

    /// The average.
    pub fn average(&self) -> &Parameters {
        &self.average
    }

    /// Moves the average towards `parameters`.
    pub fn update(&mut self, parameters: &Parameters) {
        self.updates += 1;
        let keep = decay(self.updates);
        for (name, average) in &mut self.average {
            let Some(new) = parameters.get(name) else { continue };
            let old = average.values.clone();
            average.values = old.clone() + (new.values.clone() - old).mul_scalar(1.0 - keep);
        }
    }
}

/// `0.9999 · (1 - e^(-updates / 2000))`: a short run is followed closely, a long one smoothly.
fn decay(updates: u64) -> f64 {
    0.9999 * (1.0 - (-(updates as f64) / 2000.0).exp())
}

#[cfg(test)]
mod tests {
    use burn::{
        module::ParamId,
        tensor::{Device, Tensor},
    };

    use super::*;
    use crate::network::{Parameter, parameters::to_vec};

    fn one(value: f32) -> Parameters {
        let values = Tensor::from_floats([value], &Device::flex());
        [("x".to_owned(), Parameter { shape: vec![1], values, id: ParamId::new() })].into()
    }

    #[test]
    fn each_update_moves_the_average_by_what_it_does_not_keep() {
        let value = |ema: &Ema| f64::from(to_vec(ema.average()["x"].values.clone())[0]);
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
        assert_eq!(to_vec(ema.average()["x"].values.clone()), [4.0]);
    }
}
