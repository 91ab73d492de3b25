//! The blocks that architectures are made of, named and put together as in the reference.
//!
//! Norms, activations and residual sums are called from here alone ([`ops`]), so that a fused or a
//! native operation replaces them in one place.

mod area;
mod attention;
mod classify;
mod conv;
mod csp;
pub mod ops;
mod resnet;

pub use area::A2c2f;
pub use attention::C2psa;
pub use classify::{Classify, FEATURES};
pub use conv::ConvBlock;
pub use conv::EPSILON;
pub use csp::{C2f, C3k2};
pub use resnet::ResNetLayer;
