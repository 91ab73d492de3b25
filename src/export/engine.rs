//! What runs an exported file: a second opinion, which shares no code with the network that it is compared with.

use crate::error::Result;

/// A written file, read and made ready to run.
pub trait Engine {
    /// What runs it, as kept with the result.
    fn name(&self) -> &str;

    /// Class probabilities `[batch, classes]`, row by row, of images `[batch, 3, size, size]`, row-major and from 0 to 1.
    ///
    /// # Errors
    /// If the engine can't run the file on them.
    fn probabilities(&self, images: &[f32], size: usize) -> Result<Vec<f32>>;
}
