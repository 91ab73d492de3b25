//! FITTING: from an architecture, images and a configuration to weights.

pub mod batch;
mod batch_norm_check;
pub mod checkpoint;
mod class_weights;
mod config;
pub mod curves;
mod dropout;
pub mod ema;
mod fit;
mod freeze;
mod grad_scaler;
mod history;
mod loss;
mod mixup;
pub mod optimizer;
mod out_of_memory;
mod precision;
mod preview;
pub mod schedule;
mod subset;
pub mod tensorboard;
mod validate;

pub use batch::{Auto, BatchSize};
pub use class_weights::ClassWeights;
pub use config::{KeyFault, TrainConfig};
pub use fit::{FitInput, Fitted, fit};
pub use freeze::Freeze;
pub use history::{EpochRecord, History, Scores};
pub use mixup::Mix;
pub use optimizer::OptimizerKind;
pub use precision::Precision;
pub use preview::preview;
pub use schedule::Decay;
