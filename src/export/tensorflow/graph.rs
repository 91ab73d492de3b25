//! A graph, however it is encoded.

use std::collections::BTreeMap;

use super::Attribute;

/// Nodes, each after those that it takes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::export) struct Graph {
    /// All of them.
    pub(in crate::export) nodes: Vec<Node>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::export) struct Node {
    /// What it is called, and its first result.
    pub(in crate::export) name: String,
    /// What it does.
    pub(in crate::export) op: String,
    /// The results of others that it takes: `name`, or `name:1` for the second.
    pub(in crate::export) inputs: Vec<String>,
    /// How it does it.
    pub(in crate::export) attributes: BTreeMap<String, Attribute>,
}
