//! `model.json`: a graph as the JSON of its protocol buffer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    GRAPH_MODEL,
    attributes::{NodeJson, ShapeJson},
    weights::Spec,
};
use crate::{
    error::{Error, Result},
    export::tensorflow::{Graph, PRODUCER, Type},
};

/// The whole file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelJson {
    format: String,
    generated_by: String,
    converted_by: String,
    signature: Signature,
    model_topology: Topology,
    weights_manifest: Vec<Manifest>,
}

/// What a caller gives and gets.
#[derive(PartialEq, Serialize, Deserialize)]
struct Signature {
    inputs: BTreeMap<String, Interface>,
    outputs: BTreeMap<String, Interface>,
}

/// A tensor that a caller gives or gets.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    name: String,
    dtype: String,
    tensor_shape: ShapeJson,
}

/// Files, and the constants whose numbers are in them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The files' names, in order.
    pub(super) paths: Vec<String>,
    /// The constants, in the order of their numbers.
    pub(super) weights: Vec<Spec>,
}

#[derive(Serialize, Deserialize)]
struct Topology {
    node: Vec<NodeJson>,
    versions: Versions,
}

#[derive(Serialize, Deserialize)]
struct Versions {
    producer: i32,
}

impl ModelJson {
    /// The file of a graph that takes and gives these tensors, and whose numbers stand in these files.
    pub(super) fn new(
        graph: Graph,
        ends: [(&str, Vec<i64>); 2],
        weights: Vec<Spec>,
        paths: Vec<String>,
    ) -> Self {
        let node = graph.nodes.into_iter().map(NodeJson::of).collect();
        let kiln = format!("kiln {}", env!("CARGO_PKG_VERSION"));
        Self {
            format: GRAPH_MODEL.to_owned(),
            generated_by: kiln.clone(),
            converted_by: kiln,
            signature: Signature::of(ends),
            model_topology: Topology { node, versions: Versions { producer: PRODUCER } },
            weights_manifest: vec![Manifest { paths, weights }],
        }
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists are plain data")
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// If it is none, or says more of a node than is known.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let model = serde_json::from_str(text);
        model.map_err(|error| Error::new("it is no graph model that Kiln knows").because(error))
    }

    /// The graph without its numbers.
    ///
    /// # Errors
    /// If a node says something of another kind than those that are known.
    pub(super) fn graph(&self) -> Result<Graph> {
        let nodes = self.model_topology.node.iter().map(NodeJson::node).collect::<Result<_>>()?;
        Ok(Graph { nodes })
    }

    /// Where the graph's numbers are.
    ///
    /// # Errors
    /// If there is not one place.
    pub(super) fn manifest(&self) -> Result<&Manifest> {
        match &self.weights_manifest[..] {
            [manifest] => Ok(manifest),
            _ => Err(Error::new("it has more than one group of numbers or none")),
        }
    }

    /// Whether it says that it takes and gives these tensors.
    pub(super) fn is_called_with(&self, ends: [(&str, Vec<i64>); 2]) -> bool {
        self.signature == Signature::of(ends)
    }
}

impl Signature {
    fn of(ends: [(&str, Vec<i64>); 2]) -> Self {
        let [inputs, outputs] = ends.map(|(name, shape)| {
            let (node, dtype) = (format!("{name}:0"), Type::Float.name().to_owned());
            let interface = Interface { name: node, dtype, tensor_shape: ShapeJson::of(&shape) };
            [(name.to_owned(), interface)].into()
        });
        Self { inputs, outputs }
    }
}
