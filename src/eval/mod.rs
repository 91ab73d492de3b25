//! MEASURING: a trained model, and how good it is.

pub mod annotate;
pub mod calibration;
pub mod chart;
pub mod classes;
pub mod classifier;
pub mod confusion;
pub mod contact_sheet;
mod font;
pub mod metrics;
pub mod picture;
pub mod predictions;
pub mod reliability;
mod svg;
pub mod table;

pub use classifier::Classifier;
