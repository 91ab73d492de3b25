//! Whether a longer run can go on from where a shorter one ended, and still be what it would have been by itself.

use super::TrainConfig;
use crate::train::schedule::Decay;

impl TrainConfig {
    /// Whether everything up to the end of epoch `epochs`, from 1, is the same in a longer run. What depends on the dataset
    /// (`optimizer: auto` chooses by the length of the run) is looked at when a checkpoint is read.
    ///
    /// # Errors
    /// Why it is not, as the end of a sentence.
    pub fn goes_on_from(&self, epochs: u64) -> Result<(), String> {
        match self.schedule {
            Decay::Step => {}
            Decay::OneCycle => return Err("its learning rate rose and fell over the whole run".to_owned()),
            Decay::Linear | Decay::Cosine if self.lrf() == 1.0 => {}
            Decay::Linear | Decay::Cosine => {
                return Err(
                    "its learning rate fell to its end (`schedule: step`, or `lrf: 1`, makes it go on)"
                        .to_owned(),
                );
            }
        }
        if self.warmup_epochs > epochs.saturating_sub(1) as f64 {
            return Err("its end cut its warm-up short".to_owned());
        }
        if self.val_period == 0 || !epochs.is_multiple_of(self.val_period as u64) {
            return Err("its last epoch was validated because it was the last (`val_period`)".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_falls_to_the_end_can_not_be_gone_on_from() {
        let steady = TrainConfig { lrf: Some(1.0), ..TrainConfig::default() };
        let step = TrainConfig { schedule: Decay::Step, ..TrainConfig::default() };
        let cosine = TrainConfig { schedule: Decay::Cosine, ..steady.clone() };
        for config in [&steady, &step, &cosine] {
            assert_eq!(config.goes_on_from(10), Ok(()));
        }
        let falls = TrainConfig::default().goes_on_from(10).unwrap_err();
        let cycle = TrainConfig { schedule: Decay::OneCycle, ..steady }.goes_on_from(10).unwrap_err();
        insta::assert_snapshot!([falls, cycle].join("\n"), @"
        its learning rate fell to its end (`schedule: step`, or `lrf: 1`, makes it go on)
        its learning rate rose and fell over the whole run
        ");
    }

    #[test]
    fn an_end_that_changed_something_can_not_be_gone_on_from() {
        let steady = TrainConfig { schedule: Decay::Step, ..TrainConfig::default() };
        assert!(
            steady.goes_on_from(3).is_err() && steady.goes_on_from(4).is_ok(),
            "warm-up has three epochs"
        );
        let seldom = TrainConfig { val_period: 5, ..steady.clone() };
        assert!(seldom.goes_on_from(12).is_err() && seldom.goes_on_from(10).is_ok());
        assert!(TrainConfig { val_period: 0, ..steady }.goes_on_from(10).is_err());
    }
}
