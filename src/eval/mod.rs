//! MEASURING: a trained model, and how good it is.

pub mod calibration;
pub mod classes;
pub mod classifier;
pub mod confusion;
pub mod metrics;
pub mod predictions;
pub mod table;

pub use classifier::Classifier;
