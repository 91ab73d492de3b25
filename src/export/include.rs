//! What a file holds besides the network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a file holds besides the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// The eval chain: the file takes the pixels of images, uint8 `[images, height, width, 3]` in RGB of any height and
    /// width, and resizes, crops and divides them itself.
    Preprocessing,
}
