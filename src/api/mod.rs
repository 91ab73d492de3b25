//! KILN AS A LIBRARY: train, measure, predict and export in a few lines, without a command line and without YAML.
//!
//! ```no_run
//! use kiln::api::{Training, Workspace};
//!
//! # fn main() -> kiln::error::Result<()> {
//! let workspace = Workspace::new("experiments");
//! let model = workspace.train(&Training::on("photos").size(64).epochs(20))?;
//! let metrics = workspace.evaluate(&model, "photos")?.metrics();
//! println!("top-1 {:.3}, loss {:.4}, {} images", metrics.top1, metrics.loss, metrics.images);
//! println!("{}", model.predict("bus.jpg")?.name);
//! println!("{}", workspace.export(&model, "onnx")?.join("model.onnx").display());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/library.rs` is a program of this kind. What takes long (training, export, looking through a folder of images) runs
//! as a pipeline of the same nodes that a file has, in the workspace's store: the second time its result is found there,
//! and training that was ended in the middle goes on. Predictions and metrics are made in memory and come back as numbers.

mod model;
mod training;
mod workspace;

pub use self::{model::Model, training::Training, workspace::Workspace};
