//! What a result was made with: told in its record, for who asks next year why it is what it is; decides nothing.

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// The program, the libraries, the sources and the command line of a run. What can't be told is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// The digest of the program's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<Digest>,
    /// The vector instructions that the processor is used with, e.g. `AVX-512`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<String>,
    /// The version of LibTorch, where the work was done with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libtorch: Option<String>,
    /// The version of the GPU's driver, where the work was done on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// What git says of the folder that the pipeline file lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// The words of the command line, the program's name first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// The state of a folder that git looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The name of the commit, in hexadecimal digits.
    pub id: String,
    /// Whether a file that git knows is not as it was committed.
    pub dirty: bool,
}

impl Surroundings {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
