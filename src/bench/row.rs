//! A row of the table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A model in a format, with what was measured of it, or why nothing was.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// The model, as it was named.
    pub model: String,
    /// `kiln` for Kiln's own network, or the format of an exported file that was read.
    pub format: String,
    /// What was measured.
    #[serde(flatten)]
    pub measured: Option<Measured>,
    /// Why nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What was measured of a model in a format.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Side of the square images, in pixels.
    pub pixels: usize,
    /// The share of the data's images whose likeliest class is the true one, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// The share whose true class is among the five likeliest; none with five classes or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// Milliseconds that an image takes in the network: the median of many passes, over the images of a pass.
    pub ms: f64,
    /// The same of the slowest passes: 95 % are faster.
    pub ms_p95: f64,
    /// Milliseconds that one thread takes to read, decode and resize an image of the data, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms_decode: Option<f64>,
    /// The most memory that the process had at once, in 10⁶ bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_mb: Option<f64>,
    /// What the file takes on disk, in 10⁶ bytes.
    pub file_mb: f64,
    /// How many numbers were learned; of an exported file, how many are left once norms are folded in.
    pub parameters: u64,
    /// Operations for one image, in 10⁹: each multiplication with an addition counts as two.
    pub gflops: f64,
    /// The device that it ran on.
    pub device: String,
    /// What somebody who reads the accuracy should know, such as images that were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Row {
    /// Of what came of a model in a format.
    pub fn new(model: &str, format: &str, outcome: Result<Measured>) -> Self {
        let (measured, fault) = match outcome {
            Ok(measured) => (Some(measured), None),
            Err(error) => (None, Some(reason(&error))),
        };
        Self { model: model.to_owned(), format: format.to_owned(), measured, fault }
    }
}

/// An error with its causes and what to do, in one line.
fn reason(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{hint}", error.chain())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_stands_in_its_place() {
        let row = Row::new("m", "onnx", Err(Error::new("too large").help("take a smaller one")));
        let expected = json!({"model": "m", "format": "onnx", "fault": "too large; take a smaller one"});
        assert_eq!(serde_json::to_value(row).unwrap(), expected);
    }

    #[test]
    fn what_was_measured_is_told_flat() {
        let measured = Measured { pixels: 64, peak_mb: Some(12.5), ..Measured::default() };
        let told = serde_json::to_value(Row::new("m", "kiln", Ok(measured.clone()))).unwrap();
        assert_eq!((&told["pixels"], &told["peak_mb"]), (&json!(64), &json!(12.5)));
        assert_eq!((told.get("top1"), told.get("remarks")), (None, None));
        assert_eq!(serde_json::from_value::<Measured>(told).unwrap(), measured);
    }
}
