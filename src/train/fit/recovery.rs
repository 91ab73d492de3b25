//! A loss that is not a number: back to the start of the epoch, and on at a lower rate.

use super::Fit;
use crate::{
    error::{Error, Result},
    train::{checkpoint::Position, schedule::Schedule},
};

/// How often a run goes back and tries again when its loss is not a number, as in the reference.
const RECOVERIES: u32 = 3;
/// What the learning rate is multiplied by at each of them.
const SLOWER: f64 = 0.5;

impl Fit<'_> {
    /// Goes back to the start of the epoch, to do it again at a lower rate: at the same one, it would end the
    /// same way.
    pub(super) fn recover(&mut self) -> Result<()> {
        let (epoch, recoveries) = (self.position.epoch + 1, self.position.recoveries + 1);
        let Some(start) = self.start.clone().filter(|_| recoveries <= RECOVERIES) else {
            return Err(Error::new(format!("training diverged: the loss of epoch {epoch} is not a number"))
                .help("lower `lr0` (with an optimizer of your choice, e.g. `adamw`: `auto` takes none), or raise `warmup_epochs`"));
        };
        self.input.progress.warn(format!(
            "the loss of epoch {epoch} is not a number; the epoch is done again, from here on at half the learning rate"
        ));
        let (seconds, waited) = (self.position.seconds, self.position.waited);
        self.restore(start);
        self.position = Position { recoveries, seconds, waited, ..std::mem::take(&mut self.position) };
        self.reschedule();
        Ok(())
    }

    /// The schedule for as many epochs and recoveries as there are by now.
    pub(super) fn reschedule(&mut self) {
        let (schedule, _, _) =
            self.input.config.resolve(self.input.batch, self.train.len(), self.input.arch.classes);
        let slowed = schedule.slowed(SLOWER.powi(self.position.recoveries as i32));
        self.schedule = Schedule { epochs: self.position.epochs, ..slowed };
    }
}
