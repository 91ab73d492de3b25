//! NETWORKS THAT COMPUTE: layers, and the network they make of an architecture and its parameters.
//!
//! An arch and a [`Builder`] make a [`Network`] of burn modules whose parameters carry the reference's names
//! (`model.0.conv.weight`).

mod builder;
pub mod flat;
mod forward;
pub mod gradients;
mod kernels;
mod layers;
pub mod layout;
pub mod parameters;
#[cfg(test)]
pub(crate) mod test_support;

pub use builder::Builder;
pub use forward::Network;
pub use kernels::pointwise;
pub use parameters::{Parameter, Parameters, Role, parameters};
