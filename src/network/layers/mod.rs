//! The blocks that architectures are made of, named and put together as in the reference.
//!
//! Norms, activations and residual sums are called from here alone (`kernels`), so that a fused or a
//! native operation replaces them in one place.

mod area;
mod attention;
mod classify;
mod conv;
mod csp;
mod layer;
mod resnet;
mod sppf;
mod torchvision;

pub use area::{A2c2f, AreaPair};
pub use attention::C2psa;
pub use classify::Classify;
pub use conv::ConvBlock;
pub use csp::{Bottleneck, C2f, C3};
pub use layer::Layer;
pub use resnet::ResNetLayer;
pub use sppf::Sppf;
pub use torchvision::ResNet18;
