//! What files call what they take and give, as the reference's do: programs that were written for those find both.

/// What the images are called.
pub(super) const IMAGES: &str = "images";
/// What the probabilities are called.
pub(super) const PROBABILITIES: &str = "output0";
