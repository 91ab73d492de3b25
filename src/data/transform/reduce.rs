//! Images much larger than the network's are decoded smaller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    fault::OpFault,
    op::{PixelOp, ShapeEffect},
    outline::{Outline, Reads},
    picture::{Picture, TooNarrow},
};
use crate::{data::reduction::Reduction, random::Random};

/// Halves both sides of an image, once, twice or three times, as long as it stays large enough for what follows. It stands
/// first in its chain: a JPEG is decoded at that size at once, which takes less time and memory; of any other image each
/// new pixel is the mean of the old ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// How many times as long as the `size` of the transforms the shorter side stays at least. With less, pixels
    /// differ more from those without `reduce`; a random crop of a small part also needs more.
    #[serde(default = "margin")]
    #[schemars(range(min = 1.0, max = 64.0))]
    pub margin: f64,
}

fn margin() -> f64 {
    2.0
}

impl Default for Reduce {
    fn default() -> Self {
        Self { margin: margin() }
    }
}

impl PixelOp for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn fault(&self) -> Option<OpFault> {
        let message = format!("a margin of {} is out of range: it must lie between 1 and 64", self.margin);
        let fine = (1.0..=64.0).contains(&self.margin);
        (!fine).then(|| OpFault::new("margin", message, "2 is usual; with 3 hardly anything changes"))
    }

    fn shape(&self, _size: usize) -> ShapeEffect {
        ShapeEffect::AsDecoded
    }

    fn reads(&self, outline: Outline, size: u32, _random: &mut Random) -> Reads {
        let least = self.margin * f64::from(size);
        Reads::Later(outline.reduced(Reduction::keeping(least, outline.size())))
    }

    /// The picture as it is: a chain begins with one that is reduced already.
    fn apply(&self, picture: Picture, _size: u32, _random: &mut Random) -> Result<Picture, TooNarrow> {
        Ok(picture)
    }
}
