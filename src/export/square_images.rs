//! What a file says of the images that it takes.

use serde_json::Value;

use super::{Told, lowered::BatchDimension};
use crate::error::{Error, Result};

/// Side of the largest images, in pixels.
const MOST_PIXELS: usize = 1 << 14;

/// Square images of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SquareImages {
    /// How many there are at once.
    pub(super) batch: BatchDimension,
    /// What each pixel has.
    pub(super) channels: usize,
    /// The side, in pixels.
    pub(super) size: usize,
}

impl SquareImages {
    /// Those of these sizes, of which that of the batch may be unknown.
    ///
    /// # Errors
    /// If they are not square, or not of a size that images have.
    pub(super) fn of(batch: Option<usize>, channels: usize, sides: [usize; 2]) -> Result<Self> {
        let [height, size] = sides;
        if height != size || !(1..=MOST_PIXELS).contains(&size) || !(1..=MOST_PIXELS).contains(&channels) {
            return Err(Error::new("its images are not square images of one size"));
        }
        Ok(Self { batch: batch.map_or(BatchDimension::Any, BatchDimension::Fixed), channels, size })
    }

    /// Those that the metadata tell of, any number at once: for files that say it nowhere else.
    ///
    /// # Errors
    /// If they don't.
    pub(super) fn told(told: &Told) -> Result<Self> {
        let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
        let sides = told.0.get("imgsz").and_then(Value::as_array).map(Vec::as_slice);
        let channels = told.0.get("channels").and_then(number);
        match (channels, sides) {
            (Some(channels), Some([height, width])) => {
                let [height, width] = [height, width].map(|side| number(side).unwrap_or(0));
                Self::of(None, channels, [height, width])
            }
            _ => Err(Error::new("its metadata do not say which images it takes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_square_and_of_a_size() {
        let told = |text: &str| SquareImages::told(&Told::from_json(text).unwrap());
        let images = told(r#"{"imgsz": [64, 64], "channels": 3}"#).unwrap();
        assert_eq!(images, SquareImages { batch: BatchDimension::Any, channels: 3, size: 64 });
        let others = [
            r#"{"imgsz": [64, 32], "channels": 3}"#,
            r#"{"imgsz": [64000, 64000], "channels": 3}"#,
            r#"{"imgsz": [-64, -64], "channels": 3}"#,
            r#"{"imgsz": "[64, 64]", "channels": 3}"#,
            r#"{"imgsz": [64, 64]}"#,
        ];
        assert!(others.iter().all(|text| told(text).is_err()));
    }
}
