//! burnpack, the format of burn: the weights, and Kiln's description of the model as metadata.

use super::{Content, Format};
use crate::weights;

/// The format.
pub(super) const BURNPACK: Format = Format {
    name: "burnpack",
    title: "burnpack",
    about: "burnpack, the format of burn: the same, weights and all else.",
    file: "model.bpk",
    content: Content::Weights(weights::to_burnpack),
};
