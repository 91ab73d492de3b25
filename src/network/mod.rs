//! NETWORKS THAT COMPUTE: the numbers of a network, and a computation run on them.
//!
//! A [`Network`] is a [`crate::arch::Computation`] made ready; it is given the [`Values`] of its parameters with each
//! pass, under the reference's names (`model.0.conv.weight`).
//!
//! Its operations are read three times: [`Network::forward`] runs them on burn's tensors; [`gradients`] goes there and
//! back, on each kind of device in its own way; [`Inference`] has them prepared where only logits are wanted.

mod attention;
mod forward;
pub mod gradients;
mod inference;
mod kernels;
pub mod layout;
pub mod order;
pub mod parameters;
mod prepared;
#[cfg(test)]
pub(crate) mod test_support;
mod upload;

pub use forward::{Mode, Network, Output, Statistics, Values};
pub use inference::Inference;
pub use kernels::pointwise;
pub use parameters::Parameters;
pub use upload::{fractions, upload};
