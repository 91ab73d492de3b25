//! A file that was exported, by Kiln or another program, read again.

use std::path::Path;

use super::{Engine, Format, NetworkFormat, interpreter::Interpreter, lowered::Lowered, told::Told};
use crate::error::{Error, Result};

/// What a file of some format holds.
#[derive(Debug)]
pub struct Exported {
    /// The network, its softmax included.
    pub network: Lowered,
    /// What the file says of it.
    pub told: Told,
}

impl Format {
    /// What `network`, a file or folder of this format at `path`, holds.
    ///
    /// # Errors
    /// If it can't be read, or is not what such a file should be.
    pub fn read(&self, network: &NetworkFormat, path: &Path) -> Result<Exported> {
        let damaged = |error| Error::new(format!("{} is not as it should be", path.display())).because(error);
        (network.read)(path).map_err(damaged)
    }

    /// What runs a network that was read from a file of this format.
    pub fn engine(&self, network: Lowered) -> impl Engine + use<> {
        Interpreter::new(format!("Kiln's {} reader", self.title), network)
    }
}
