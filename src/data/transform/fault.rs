//! Mistakes in the keys of an op that a schema can't tell.

use super::MAX_SIZE;

/// A mistake in one key of an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpFault {
    /// The op's key with the mistake.
    pub key: &'static str,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl OpFault {
    /// A mistake in `key`.
    pub fn new(key: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key, message: message.into(), help: help.into() }
    }
}

/// The mistake in an op's own `size` (in pixels), if there is one.
pub(super) fn own_size(own: Option<u32>) -> Option<OpFault> {
    let own = own? as usize;
    let message = format!("the size is {own}, but must lie between 1 and {MAX_SIZE} pixels");
    let fine = (1..=MAX_SIZE).contains(&own);
    (!fine).then(|| OpFault::new("size", message, "leave it out for the chain's size"))
}

/// The mistake in a probability `p`, if there is one.
pub(super) fn probability(p: f64) -> Option<OpFault> {
    let message = format!("a probability of {p} is out of range: it must lie between 0 and 1");
    let fine = (0.0..=1.0).contains(&p);
    (!fine).then(|| OpFault::new("p", message, "0 is never, 1 is always"))
}

/// The mistake in a range of parts of an area, if there is one.
pub(super) fn fractions(key: &'static str, [low, high]: [f64; 2]) -> Option<OpFault> {
    let fine = low >= 0.0 && low <= high && high <= 1.0 && high > 0.0;
    let message = format!("`{key}` is [{low}, {high}], but must go from a smaller to a larger part of 1");
    (!fine).then(|| OpFault::new(key, message, "write the smaller first, both between 0 and 1"))
}

/// The mistake in a range of aspect ratios, if there is one.
pub(super) fn ratios(key: &'static str, [low, high]: [f64; 2]) -> Option<OpFault> {
    let fine = low >= 0.01 && low <= high && high <= 100.0;
    let message = format!("`{key}` is [{low}, {high}], but must go from a smaller to a larger ratio");
    (!fine).then(|| OpFault::new(key, message, "write the smaller first, both between 0.01 and 100"))
}
