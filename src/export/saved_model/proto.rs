//! The part of TensorFlow's protocol buffers (`saved_model.proto`, `meta_graph.proto`) that a classifier needs.
//!
//! Field numbers are the standard's; fields that Kiln never writes are left out.

use std::collections::BTreeMap;

use prost::Message;

use crate::export::tensorflow::{GraphProto, ShapeProto, Type};

/// A whole `saved_model.pb`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedModelProto {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(message, repeated, tag = "2")]
    pub(super) graphs: Vec<MetaGraph>,
}

/// A graph, and how it is used.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MetaGraph {
    #[prost(message, optional, tag = "1")]
    pub(super) about: Option<MetaInfo>,
    #[prost(message, optional, tag = "2")]
    pub(super) graph: Option<GraphProto>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(super) signatures: BTreeMap<String, Signature>,
}

/// What a graph is for.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MetaInfo {
    #[prost(string, repeated, tag = "4")]
    pub(super) tags: Vec<String>,
    #[prost(string, tag = "5")]
    pub(super) version: String,
}

/// What a caller gives and gets.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Signature {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) inputs: BTreeMap<String, Interface>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) outputs: BTreeMap<String, Interface>,
    #[prost(string, tag = "3")]
    pub(super) method: String,
}

/// A tensor that a caller gives or gets.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Interface {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) of: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) shape: Option<ShapeProto>,
}

impl Interface {
    /// The first result of the node `name`, of this shape.
    pub(super) fn new(name: &str, shape: &[i64]) -> Self {
        Self { name: format!("{name}:0"), of: Type::Float as i32, shape: Some(ShapeProto::of(shape)) }
    }
}
