//! FITTING: from an architecture, images and a recipe to weights.

pub mod checkpoint;
pub mod curves;
mod ema;
mod fit;
mod history;
mod loss;
pub mod optimizer;
mod recipe;
pub mod schedule;
pub mod tensorboard;

pub use fit::{Fitted, Job, fit};
pub use history::{Epoch, History};
pub use optimizer::OptimizerKind;
pub use recipe::Recipe;
pub use schedule::Decay;
