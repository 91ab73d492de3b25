//! MEASURING: a trained model, and how good it is.

pub mod annotate;
pub mod classifier;
pub mod confusion;
pub mod metrics;
pub mod picture;
pub mod predictions;
pub mod table;

pub use classifier::Classifier;
