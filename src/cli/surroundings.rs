//! What is told of the machine and the sources in the records of results.

use std::path::Path;

use super::git;
use crate::{
    device::{self, LibTorch, Nvidia},
    store::Surroundings,
};

/// The libraries, the processor, and what git says of the folder `base`.
pub(super) fn surroundings(base: &Path) -> Surroundings {
    let libtorch = LibTorch::loaded();
    // Drivers matter to those who compute with them.
    let driver = libtorch.as_ref().and_then(|_| Nvidia::loaded()?.driver);
    Surroundings {
        vectors: Some(device::vectors().to_owned()),
        libtorch: libtorch.and_then(|loaded| loaded.version),
        driver,
        commit: git::commit(base),
        ..Surroundings::default()
    }
}
