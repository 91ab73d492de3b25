//! THE BRIDGE: one file a kind, and `arch` for model YAMLs. Only here do the engine and the learning half meet.

pub mod arch;
pub mod artifacts;
pub mod dataset;
pub mod export;
pub mod exported;
pub mod model;
pub mod predict;
pub mod train;
pub mod transforms;
pub mod val;

use crate::node::Kind;

/// The number type that networks calculate with on the device, unless a parameter names another one.
const PRECISION: &str = "f32";

/// All kinds of nodes. A new kind is a file here and a line here.
pub const KINDS: &[Kind] = &[
    Kind::of::<dataset::Dataset>(),
    Kind::of::<transforms::Transforms>(),
    Kind::of::<model::Model>(),
    Kind::of::<train::Train>(),
    Kind::of::<val::Val>(),
    Kind::of::<predict::Predict>(),
    Kind::of::<export::Export>(),
];
