//! How many devices the batches of a step keep busy.

use super::TrainConfig;
use crate::{
    device_names::DeviceNames,
    error::{Error, Result},
    train::schedule::Schedule,
};

impl TrainConfig {
    /// Checks that batches of `batch` images keep all devices busy: each takes one of those whose gradients an optimizer
    /// step sums up.
    ///
    /// # Errors
    /// If a device would have nothing to do.
    pub fn check_share(&self, batch: usize, devices: &DeviceNames) -> Result<()> {
        let batches = Schedule::accumulation(self.nominal_batch, batch);
        let Some(idle) = devices.iter().nth(batches) else { return Ok(()) };
        let images = batches * batch;
        let many = if batches == 1 { "one batch".to_owned() } else { format!("{batches} batches") };
        let error = Error::usage(format!(
            "`{idle}` would have nothing to do: an optimizer step is {many} of {batch} images, and each device takes \
             batches of its own"
        ));
        Err(match images / devices.count() {
            0 => error.help("name fewer devices"),
            share => error.help(format!(
                "steps of as many images in smaller batches: `batch: {share}` with `nominal_batch: {images}`"
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_device_has_a_batch_of_a_step() {
        let told = |nominal_batch, batch, devices: &str| {
            let config = TrainConfig { nominal_batch, ..TrainConfig::default() };
            let checked = config.check_share(batch, &devices.parse().unwrap());
            checked.map_err(|error| format!("{error}; {}", error.hint().unwrap_or_default()))
        };
        let [one, two, three] = ["cuda:0", "cuda:0,cuda:1", "cuda:2,cuda:1,cuda:0"];
        let enough = [(64, 16, three), (64, 32, two), (64, 22, three), (64, 256, one)];
        for (nominal, batch, devices) in enough {
            assert_eq!(told(nominal, batch, devices), Ok(()), "{nominal} {batch} {devices}");
        }
        let few = [(64, 256, two), (64, 32, three), (2, 2, three)];
        let few = few.map(|(nominal, batch, devices)| told(nominal, batch, devices).unwrap_err());
        insta::assert_snapshot!(few.join("\n"), @r"
        `cuda:1` would have nothing to do: an optimizer step is one batch of 256 images, and each device takes batches of its own; steps of as many images in smaller batches: `batch: 128` with `nominal_batch: 256`
        `cuda:0` would have nothing to do: an optimizer step is 2 batches of 32 images, and each device takes batches of its own; steps of as many images in smaller batches: `batch: 21` with `nominal_batch: 64`
        `cuda:1` would have nothing to do: an optimizer step is one batch of 2 images, and each device takes batches of its own; name fewer devices
        ");
    }
}
