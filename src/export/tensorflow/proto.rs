//! The part of TensorFlow's protocol buffers (`graph.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto`) that a
//! classifier needs.
//!
//! Field numbers are the standard's; fields that Kiln never writes are left out.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

/// A graph.
#[derive(Clone, PartialEq, Message)]
pub(in crate::export) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<NodeProto>,
    #[prost(message, optional, tag = "4")]
    pub(super) versions: Option<VersionsProto>,
}

/// Which meaning of operations a graph relies on.
#[derive(Clone, PartialEq, Message)]
pub(super) struct VersionsProto {
    #[prost(int32, tag = "1")]
    pub(super) producer: i32,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) op: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) input: Vec<String>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(super) attributes: BTreeMap<String, AttributeProto>,
}

/// How a node does what it does.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(oneof = "Value", tags = "1, 2, 3, 5, 6, 7, 8")]
    pub(super) value: Option<Value>,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(message, tag = "1")]
    List(ListProto),
    #[prost(bytes, tag = "2")]
    Text(Vec<u8>),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(bool, tag = "5")]
    Flag(bool),
    #[prost(int32, tag = "6")]
    Type(i32),
    #[prost(message, tag = "7")]
    Shape(ShapeProto),
    #[prost(message, tag = "8")]
    Tensor(TensorProto),
}

/// Whole numbers.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListProto {
    #[prost(int64, repeated, tag = "3")]
    pub(super) ints: Vec<i64>,
}

/// Sizes, of which -1 is any.
#[derive(Clone, PartialEq, Message)]
pub(in crate::export) struct ShapeProto {
    #[prost(message, repeated, tag = "2")]
    pub(super) dimensions: Vec<DimensionProto>,
}

/// One size.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DimensionProto {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

/// Numbers in a shape.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub(super) of: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<ShapeProto>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) content: Vec<u8>,
}
