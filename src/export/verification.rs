//! How a written file was proven.

use serde::Serialize;

/// What `verification.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// What was written: a file, or a folder of files.
    pub file: &'static str,
    /// What read it.
    pub engine: String,
    /// Where the images came from, for a sentence: `val images`.
    pub source: String,
    /// How many images both were given.
    pub images: usize,
    /// The largest absolute difference of a class's probability, or of a weight.
    pub largest_difference: f32,
    /// What would have been an error.
    pub limit: f32,
    /// The program that made another file of this one, which was not run; none if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled_by: Option<&'static str>,
}
