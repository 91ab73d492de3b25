//! FITTING: from an architecture, images and a recipe to weights.

pub mod batch;
pub mod checkpoint;
mod class_weights;
pub mod curves;
mod dropout;
mod ema;
mod fit;
mod fraction;
mod freeze;
mod history;
mod lonely;
mod loss;
mod memory;
mod mix;
pub mod optimizer;
mod precision;
mod preview;
mod recipe;
mod scaler;
pub mod schedule;
pub mod tensorboard;
mod validate;

pub use batch::{Auto, BatchSize};
pub use class_weights::ClassWeights;
pub use fit::{Fitted, Job, fit};
pub use freeze::Freeze;
pub use history::{Epoch, History, Scores};
pub use mix::Mix;
pub use optimizer::OptimizerKind;
pub use precision::Precision;
pub use preview::preview;
pub use recipe::Recipe;
pub use schedule::Decay;
