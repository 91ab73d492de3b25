//! MEASURING: a trained model, and how good it is.

pub mod calibration;
pub mod classes;
pub mod classifier;
pub mod confusion;
pub mod evaluate;
pub mod journal;
mod match_classes;
pub mod metrics;
pub mod predict;
pub mod predictions;
pub mod table;

pub use classifier::Classifier;
