//! NETWORKS: architectures as data, layers, and the network they make.
//!
//! A model YAML becomes an [`Arch`] (plain data); an arch and a [`Builder`] make a [`Network`] of
//! burn modules whose parameters carry the reference's names (`model.0.conv.weight`).

pub mod arch;
mod builder;
mod fold;
pub mod layers;
mod network;
pub mod parameters;
mod row;
pub mod weights;

pub use arch::Arch;
pub use builder::Builder;
pub use fold::fold;
pub use layers::FEATURES;
pub use network::Network;
pub use parameters::{Parameter, Parameters, Role, parameters};
