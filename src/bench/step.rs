//! What one process does for a row.

use serde::{Deserialize, Serialize};

use super::{Fresh, Measure, Written};

/// What one process does for a row, as it is handed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It writes a file with an untrained network.
    Fresh(Fresh),
    /// It writes a model's file in a format.
    Written(Written),
    /// It measures what is in a file.
    Measure(Measure),
}
