//! The file of a network that nothing was trained for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    arch::{Arch, Computation},
    error::Result,
    weights::{self, ModelFile},
};

/// What random weights are drawn from: the same for each machine and time.
const SEED: u64 = 0;

/// An architecture, and the file that it is written to with random weights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fresh {
    /// What the architecture is called, with its scale letter.
    pub name: String,
    /// The text of its model YAML.
    pub text: String,
    /// How many classes its head tells apart, at least 1.
    pub classes: usize,
    /// The file, in an existing folder.
    pub file: PathBuf,
}

impl Fresh {
    /// Of an architecture.
    pub fn of(arch: &Arch, file: PathBuf) -> Self {
        Self { name: arch.name.clone(), text: arch.text.clone(), classes: arch.classes, file }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the architecture makes no network, or the file can't be written.
    pub fn write(&self) -> Result<()> {
        let arch = Arch::parse(&self.name, &self.text, self.classes)?;
        let weights = weights::fresh(&Computation::of(&arch), SEED);
        let file =
            ModelFile { arch: Some(arch.text), arch_name: Some(arch.name), weights, ..ModelFile::default() };
        weights::write(&self.file, &file)
    }
}
