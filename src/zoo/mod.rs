//! NETWORKS: architectures as data, layers, and the network they make.
//!
//! A model YAML becomes an [`Arch`] (plain data); an arch and a [`Builder`] make a [`Network`] of
//! burn modules whose parameters carry the reference's names (`model.0.conv.weight`).

pub mod arch;
mod builder;
pub mod cost;
mod document;
pub mod fault;
mod fold;
pub mod layers;
mod network;
#[cfg(test)]
pub(crate) mod ordinary;
pub mod parameters;
mod row;
mod shapes;
pub mod walk;
pub mod weights;

pub use arch::Arch;
pub use builder::Builder;
pub use cost::Costs;
pub use fold::fold_weights;
pub use layers::FEATURES;
pub use network::Network;
pub use parameters::{Parameter, Parameters, Role, parameters};
