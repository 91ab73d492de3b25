//! What is measured at the end of an epoch, and when.

use super::{Fit, FitInput};
use crate::{
    error::Result,
    eval::classes::Hits,
    network::{Parameters, parameters::to_vec},
    train::{
        checkpoint::Position,
        ema::Ema,
        history::EpochRecord,
        optimizer::Rule,
        validate::{Validated, validate},
    },
};

impl Fit<'_> {
    /// What was measured in this epoch, and the images of each class that were named right if it was validated; nothing
    /// if a loss is not a number.
    pub(super) fn measure(&self) -> Result<Option<(EpochRecord, Vec<Hits>)>> {
        let train_loss = f64::from(to_vec(self.losses.clone())[0]) / self.position.batch as f64;
        if !train_loss.is_finite() {
            return Ok(None);
        }
        let (scores, hits) = match self.is_validated() {
            true => match self.validate()? {
                None => return Ok(None),
                Some(Validated { scores, hits }) => (Some(scores), hits),
            },
            false => (None, Vec::new()),
        };
        // The rates of the epoch's last micro-batch.
        let Position { step, epoch, waited, .. } = self.position;
        let rates = self.schedule.groups(step - 1, epoch, self.rule == Rule::MuSgd);
        Ok(Some((EpochRecord { seconds: self.seconds(), waited, train_loss, scores, rates }, hits)))
    }

    /// Whether it is this epoch's turn, or the run may end with it.
    fn is_validated(&self) -> bool {
        let (val_period, patience) = (self.input.config.val_period, self.input.config.patience());
        let Position { epoch, epochs, out_of_time, ref history, .. } = self.position;
        let turn = val_period > 0 && (epoch + 1).is_multiple_of(val_period);
        turn || out_of_time || epoch + 1 >= epochs || history.out_of_patience(epoch, patience)
    }

    fn validate(&self) -> Result<Option<Validated>> {
        let FitInput { device, progress, .. } = self.input;
        validate(self.network.computation(), &self.candidate().to_weights(), &self.val, device, progress)
    }

    /// What is validated and kept: the average, or the network itself.
    pub(super) fn candidate(&self) -> Parameters {
        self.ema.as_ref().map_or(&self.parameters, Ema::average).clone()
    }
}
